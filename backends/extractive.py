"""Answers without a model: the best sentences of the given sources, word for word, each with the number of its source.

Choosing the sentences is the quoter's part; this only puts the answer together.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from backends.asked import before_stop, last_user_text
from backends.base import NO_ANSWER, Capabilities, Delta, Request, Source, Usage, Value
from backends.capabilities import check
from backends.errors import BadReply

# Han, kana, hangul, and their punctuation and full-width forms: written without blanks between sentences.
CJK = re.compile(
    "[\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)

NO_SOURCES_EN = (
    "No language model is set up here, so I can only answer by quoting documents, and I was given none. Choose a "
    "collection (model 'rag:COLLECTION'), or set up a model: run Ollama or another local server, set the key of a "
    "hosted provider, or name a backend with SANDTABLE_BACKEND."
)
NO_SOURCES_ZH = (
    "这里没有配置语言模型，我只能引用文档中的原句来回答，而现在没有可供引用的文档。请选择一个文档集合（模型名写作 "
    "'rag:集合名'），或者配置一个模型：运行 Ollama 等本地服务，设置某个托管服务的密钥，"
    "或用 SANDTABLE_BACKEND 指定后端。"
)

NOTHING_EN = "None of what I may quote answers this, and no language model is set up here that could say more."
NOTHING_ZH = "能引用的内容里没有这个问题的答案，这里也没有配置可以回答的语言模型。"


class Quote(Value):
    """A passage of `request.sources[source]`, exactly as it stands there."""

    source: int
    text: str


Quoter = Callable[[str, Sequence[Source]], Awaitable[Sequence[Quote]]]
"""Takes the question and the sources; gives the quotes that answer it, best first, or none."""

Counter = Callable[[str], Awaitable[int]]
"""Tokens of a text."""


class Extractive:
    name = "extractive"
    capabilities = Capabilities()

    def __init__(self, quote: Quoter, count: Counter | None = None) -> None:
        """`count`: tokens of a text, for the usage; None: the usage is not known."""
        self._quote = quote
        self._count = count

    async def stream(self, request: Request) -> AsyncGenerator[Delta]:
        """Quotes with markers like ` [2]`, numbered from 1. If the sources hold none: NO_ANSWER where the prompt asks
        for that word, else a sentence.

        Without sources, a sentence that says how to get an answer. Raises BadReply if the quoter does not quote.
        """
        check(self.name, self.capabilities, request)
        question = request.question or last_user_text(request)
        if request.sources:
            answer = joined(await self._quote(question, request.sources), request.sources)
            if answer == NO_ANSWER and not any(NO_ANSWER in message.content for message in request.messages):
                answer = NOTHING_ZH if CJK.search(question) else NOTHING_EN
        else:
            answer = NO_SOURCES_ZH if CJK.search(question) else NO_SOURCES_EN
        for piece in before_stop(answer, request.stop).splitlines(keepends=True):
            yield Delta(text=piece)
        yield Delta(usage=await self._usage(question, request.sources, answer), finish="stop")

    async def _usage(self, question: str, sources: Sequence[Source], answer: str) -> Usage | None:
        if self._count is None:
            return None
        read = "\n".join((question, *(source.text for source in sources)))
        return Usage(prompt_tokens=await self._count(read), completion_tokens=await self._count(answer))


def joined(quotes: Sequence[Quote], sources: Sequence[Source]) -> str:
    """The quotes as one text, each with its marker; NO_ANSWER for no quotes."""
    text, end = "", ""
    for quote in quotes:
        if not 0 <= quote.source < len(sources):
            raise BadReply(f"the quoter named source {quote.source} of {len(sources)}")
        if not quote.text.strip() or quote.text not in sources[quote.source].text:
            raise BadReply(f"the quoter gave {quote.text[:80]!r}, which source {quote.source} does not hold")
        blank = "" if not text or (CJK.match(end) and CJK.match(quote.text)) else " "
        if text and "|" in (quote.text[0], end):
            blank = "\n"  # a row of a table
        text += f"{blank}{quote.text} [{quote.source + 1}]"
        end = quote.text.rstrip()[-1]
    return text or NO_ANSWER
