"""Whether an answer says that the sources do not say: by rules, so that it can be checked by eye.

A model puts it in its own words. An answer declines if one of its sentences says of the sources, or of the writer, that
they do not hold, tell or know it (English and Chinese, the patterns below), unless it then gives its own opinion, as
`GUESSES` are read. Other words are not understood: such an answer counts as one that does not decline.
"""

from __future__ import annotations

import re

from agents.persona_words import plain
from backends.base import NO_ANSWER

_SOURCE = (
    r"(?:sources?|passages?|documents?|texts?|contexts?|excerpts?|articles?|materials?|paragraphs?|snippets?|"
    r"conversations?|dialogues?|transcripts?|references?|(?:given|provided|available) information)"
)
_NOT = r"(?:(?:do|does|did|is|are|was|were|has|have|had|can|could)(?: not|n't)|can ?not|never|nowhere|fails? to)"
_SAY = (
    r"(?:say|said|mention|stat(?:e|ed)|tell|told|answer|contain|provide|give|given|specif|include|address|reveal|"
    r"indicate|discuss|cover|describe|explain|disclose|detail|clarify|determine|found|enough|sufficient)"
)
_KNOW = r"(?:know|tell|say|answer|determine|find|see|confirm|identify|infer|help(?! but)|assist|provide|give)"
_CANNOT = (
    r"(?:can ?not|can't|could not|couldn't|(?:am|is|are|was|were) (?:unable|not able) to|do not|don't|did not|didn't)"
)
ENGLISH = (
    rf"\b{_SOURCE}\b[^.!?]*?\b{_NOT} (?:\w+ ){{0,3}}?{_SAY}",
    rf"\b{_NOT} (?:\w+ ){{0,3}}?{_SAY}\w*\b[^.!?]*?\b(?:in|by|from|within) (?:\w+ ){{0,4}}?{_SOURCE}\b",
    rf"\bnot (?:\w+ )?in (?:the|these|this|those|any of the|my) (?:\w+ ){{0,2}}?{_SOURCE}\b",
    rf"\b(?:i|we) (?:\w+ )?{_CANNOT} (?!wait)(?:\w+ ){{0,2}}?{_KNOW}\b",
    r"\bi(?:'m| am) (?:not sure|unsure|not certain|uncertain)\b",
    rf"\b(?:unclear|unknown|not clear|not known) (?:from|in|by|based on|according to) (?:\w+ ){{0,3}}?{_SOURCE}\b",
    r"\bcan(?: ?not|'t) be (?:answered|determined|inferred)\b",
    r"\b(?:impossible|not possible) to (?:answer|determine|tell|say)\b",
    r"\b(?:there is|there's|contains?|provides?|gives?|ha(?:s|ve)|find|found|see) no (?:\w+ ){0,2}?"
    r"(?:information|mention|answer|details?|indication)\b|\bno (?:relevant )?information\b",
    r"\b(?:not enough|insufficient|not sufficient|lacks?) (?:\w+ )?(?:information|context|details?)\b",
    rf"\b(?:none of|neither(?: of)?|no) (?:\w+ ){{0,2}}?{_SOURCE} (?:\w+ )?{_SAY}",
    r"(?:\bnot|n't) (?:\w+ )?(?:mentioned|stated|specified|answerable|disclosed)\b",
    r"\bunanswerable\b|\b(?:no|any) idea\b",
    rf"\b(?:says?|tells?|contains?) nothing\b|\bnothing (?:is said|in (?:\w+ ){{0,3}}?{_SOURCE})",
    rf"\b{_SOURCE} (?:is|are) silent\b",
    r"^\W*(?:unknown|n/a|none|no answer|not known|not given|not provided)\W*$",
)
_NOT_ZH = "(?:没有|没|未|无|不|无法|不能|未能|并未|并没有|不曾)"
_SAY_ZH = "(?:提到|提及|提供|说明|说到|说|回答|给出|涉及|包含|包括|指出|记载|描述|写|告诉|显示|介绍|交代|透露|讲|谈到)"
CHINESE = (
    rf"(?:资料|来源|文章|文中|文本|原文|材料|文档|文献|段落|片段|上下文|对话|信息|内容)[^。!?]{{0,20}}?{_NOT_ZH}[^。!?]{{0,6}}?{_SAY_ZH}",
    r"(?:没有|没|未|并未)(?:被)?(?:明确|具体|直接)?(?:提到|提及|说明|给出|指出|交代)",
    r"(?:无法|不能|难以|没法|没办法)(?:从|根据|依据|由)?[^。!?]{0,16}?(?:确定|回答|得知|判断|知道|推断|找到|得出|确认|作答|答复)",
    r"(?:无法|不能)(?:为您|向您|给您|给你)?(?:提供|给出)[^。!?]{0,8}?(?:答案|回答|信息)",
    r"我(?:们)?(?:也|并|真的|还|实在)?(?:不知道|不清楚|不确定|不了解|答不上来)|不得而知|^\W*(?:不知道|不清楚|未知|没有答案|不确定)\W*$",
    r"(?:没有|找不到|缺乏|缺少|无)[^。!?]{0,16}?(?:相关|有关|足够|这方面|任何)[^。!?]{0,6}?(?:信息|资料|内容|答案|依据)",
    r"(?:没有|找不到)[^。!?]{0,12}?答案|(?:信息|资料|证据)(?:不足|不够)",
)
GUESSES = (
    r"\b(?:general|own|my|background|common) knowledge\b|\b(?:my|best|educated|would|i) guess\b|\bmost likely\b|"
    r"\bprobably\b|\bpresumably\b|\bas far as i know\b",
    "据我所知|我猜|猜测|很可能|大概|常识|一般认为",
)
_DECLINES = re.compile("|".join((*ENGLISH, *CHINESE)))
_GUESSES = re.compile("|".join(GUESSES))


_TRADITIONAL = str.maketrans(
    "資來檔獻對話內沒無並說給寫訴顯紹談記載講難斷確認從據實還們關夠這證識測復覆兩體當題問",
    "资来档献对话内没无并说给写诉显绍谈记载讲难断确认从据实还们关够这证识测复复两体当题问",
)
"""Of the characters above, and their neighbours."""


def declines(answer: str) -> bool:
    text = plain(answer).translate(_TRADITIONAL)
    return NO_ANSWER.casefold() in text or (_DECLINES.search(text) is not None and _GUESSES.search(text) is None)
