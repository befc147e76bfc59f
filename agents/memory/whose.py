"""Whose the thing is that a request to forget names: `my name` is the user's own, not his cat's, nor his doctor's.

A record has to say so: `my name`, `the user's name`, `the name of the user`, `I have a dog`, `Ada's name` where Ada is
the user; or it names the thing and nobody (`The password is ...`). In doubt it is somebody else's, and stays.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from agents.memory.record import Owner, Record
from agents.memory.values import listed
from retrieval.analysis import terms

_WORDS = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_MINE = frozenset(("my", "our", "user's", "users"))
_OF_MINE = (("of", "mine"), ("of", "user"), ("of", "the", "user"), ("of", "ours"))
_HAS = listed(
    "have has had own owns owned got bought buy buys keep keeps adopted use uses used plan plans planned planning book"
    " booked take takes taking took wear wears drive drives drove ride rides lost sold 've"
)
_IS = listed("is are was were has had will can does did isn't wasn't")
_BETWEEN = re.compile(
    r".*'s|.*s'|.*ed|.*(?<!s)s|the|an?|this|that|of|in|on|at|to|for|with|and|or|but|who|his|her|its|their|your|no|not|had"
    r"|ate|got|saw|met|gave|took|made|said|told|put|can|will|may|must|love|like|hate|know|want|need"
    r"|mother|father|mum|mom|dad|sister|brother|son|daughter|wife|husband|partner|boyfriend|girlfriend|friend|boss|cat|dog"
    r"|doctor|dentist|teacher|neighbou?r|colleague|child|boy|girl|uncle|aunt|cousin|grand\w+|company|car|team|school"
)
"""What may not stand between `my` and the thing: all but words that describe it (`my first name`)."""
_STATEMENT = re.compile(r"(?:i|we|i'm|we're|i've|we've|i'd|i'll)\b", re.IGNORECASE)
_ADVERBS = (
    "现在|現在|目前|其实|其實|也|还|還|一直|已经|已經|就|都|每天|每周|每週|经常|經常|常|有时|有時|很|最|不|没|沒|曾经|以前"
    "|之前|今年|去年|总是|們|们"
)
_MINE_ZH = r"(?:我们?|我們|用户|用戶|自己)"
_NAMES = re.compile(
    r"\b(?:my name is|i am called|i'm called|the user's name is|the user is (?:called|named))\s+(?P<en>[^\W\d_]+)"
    r"|(?:我叫|我的名字[是叫]|用户叫|用户的名字[是叫])(?P<zh>[\u3400-\u9fff]{2,4})",
    re.IGNORECASE,
)


def names_of(owner: Owner, records: Collection[Record]) -> frozenset[str]:
    """What the user is called in records: by the owner's own name, and by what was said."""
    found = set(re.findall(r"[^\W\d_]{2,}", owner.name.casefold())) if owner.scope == "user" else set()
    for record in records:
        if record.live and (named := _NAMES.search(record.text.replace("’", "'"))) is not None:
            found.add((named["en"] or named["zh"]).casefold())
    return frozenset(found)


def users_own(what: str, record: Record, names: Collection[str]) -> bool:
    """Whether a record tells it of the user; true for a request that does not say `my` or `I`."""
    said = what.strip()
    if said.startswith(("我", "自己")):
        return any(_own_zh(said, text, names) for text in (record.text, record.subject))
    words = _words(said)
    if not words or (words[0] not in ("my", "our") and not _STATEMENT.match(said)):
        return True
    if words[0] in ("my", "our"):
        thing = next((word for word in words[1:] if terms(word)), "")
        return not thing or _owns(thing, record, names)
    return _of_user(record, names)


def _owns(thing: str, record: Record, names: Collection[str]) -> bool:
    wanted = set(terms(thing))
    subject = _words(record.subject)
    if subject and wanted & set(terms(subject[0])):
        return True
    for said in (subject, _words(record.text)):
        for place, word in enumerate(said):
            if wanted & set(terms(word)) and _mine(said, place, names):
                return True
    return False


def _mine(said: list[str], place: int, names: Collection[str]) -> bool:
    """Whether the thing at a place is the user's."""
    if any(tuple(said[place + 1 : place + 1 + len(of)]) == of for of in _OF_MINE):
        return True
    before = said[max(0, place - 4) : place]
    for gap in range(min(3, len(before))):
        owner, between = before[-1 - gap], before[len(before) - gap :]
        if _is_users(owner, names) and not any(_BETWEEN.fullmatch(word) for word in between):
            return True
    if said[0] in ("i", "we", "user", "i've", "we've") or said[:2] == ["the", "user"] or said[0] in names:
        verbs = said[:place]
        at = next((n for n, word in enumerate(verbs) if word in _HAS or word in ("i've", "we've")), None)
        if at is not None and at <= 3 and not any(w.endswith("'s") or w in ("of", "his", "her") for w in verbs[at:]):
            return said[place + 1 : place + 2] != ["of"]
    after = said[place + 1 : place + 2]
    return said[:place] in ([], ["the"]) and (not after or after[0] in _IS)


def _is_users(word: str, names: Collection[str]) -> bool:
    return word in _MINE or word.removesuffix("'s") in names or word == "user"


def _of_user(record: Record, names: Collection[str]) -> bool:
    """Of `I live in Rome`: not a record that says it of somebody else."""
    subject, said = _words(record.subject), _words(record.text)
    if any(_is_users(word, names) and n == 0 for n, word in enumerate(subject)) and not _others(said):
        return True
    first = said[1:2] if said[:1] == ["the"] else said[:1]
    return any(word in ("i", "we", "i'm", "we're", "i've", "we've", "me", "us") for word in said) or bool(
        first and (first[0] == "user" or first[0] in names)
    )


def _others(said: list[str]) -> bool:
    return said[:1] in (["my"], ["our"], ["his"], ["her"], ["he"], ["she"], ["they"], ["their"])


def _own_zh(what: str, text: str, names: Collection[str]) -> bool:
    """`我的名字` in `我的猫的名字` is the cat's; `我住` in `我姐姐住` is the sister's."""
    bare = re.sub(rf"^{_MINE_ZH}", "", what)
    if not bare or not text:
        return False
    called = "|".join([_MINE_ZH, *map(re.escape, names)])
    if bare.startswith("的"):
        thing = re.escape(bare[1:2])
        owned = rf"(?:{called})(?:的?|家的?)[小大老新旧舊]?{thing}"
        kept = rf"(?:{called})(?:们|們|家)?(?:有|养|養|买|買|领养|領養|用)[^的，。,.]{{0,6}}{thing}"
        bare_thing = rf"^{thing}[^的，。,.]{{0,3}}(?:是|叫|在|为|為)"
        return bool(re.search(rf"{owned}|{kept}|{bare_thing}", text, re.IGNORECASE))
    return bool(re.search(rf"(?:{called})的?(?:{_ADVERBS})*{re.escape(bare[:1])}", text, re.IGNORECASE))


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORDS.findall(text.replace("’", "'"))]
