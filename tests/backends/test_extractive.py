"""Answers made of quotes."""

import pytest

from backends.base import NO_ANSWER, Message, Request, Source, complete
from backends.errors import BadReply, CapabilityMissing
from backends.extractive import NOTHING_EN, NOTHING_ZH, Extractive, Quote
from tests.backends.conftest import ADD, ask, listed

SOURCES = (
    Source(id="a", title="a.txt", text="Oslo is in Norway. It rains."),
    Source(id="b", title="b.txt", text="柏林是德国的首都。人口三百万。"),
    Source(id="c", title="c.csv", text="| City | Posts |\n| Rotterdam | 3150 |"),
)


def quoting(*quotes):
    async def quote(question, sources):
        return [Quote(source=source, text=text) for source, text in quotes]

    return Extractive(quote)


@pytest.mark.parametrize(
    ("quotes", "answer"),
    [
        ([(0, "Oslo is in Norway.")], "Oslo is in Norway. [1]"),
        ([(0, "Oslo is in Norway."), (0, "It rains.")], "Oslo is in Norway. [1] It rains. [1]"),
        ([(1, "柏林是德国的首都。"), (1, "人口三百万。")], "柏林是德国的首都。 [2]人口三百万。 [2]"),
        ([(1, "人口三百万。"), (0, "It rains.")], "人口三百万。 [2] It rains. [1]"),
        ([(0, "It rains."), (1, "人口三百万。")], "It rains. [1] 人口三百万。 [2]"),
        ([(2, "| City | Posts |"), (2, "| Rotterdam | 3150 |")], "| City | Posts | [3]\n| Rotterdam | 3150 | [3]"),
        ([], NOTHING_EN),
    ],
)
async def test_answer(quotes, answer):
    completion = await complete(quoting(*quotes).stream(ask(sources=SOURCES)))
    assert completion.message == Message(role="assistant", content=answer)
    assert (completion.finish, completion.usage) == ("stop", None)


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        (f"If the sources hold nothing, reply {NO_ANSWER}.\n\nWhere?", NO_ANSWER),
        ("Where is it?", NOTHING_EN),
        ("它在哪里？", NOTHING_ZH),
    ],
)
async def test_the_word_for_no_answer_is_for_prompts_that_ask_for_it(prompt, answer):
    request = Request(messages=(Message(role="user", content=prompt),), sources=SOURCES)
    assert (await complete(quoting().stream(request))).message.content == answer


@pytest.mark.parametrize(
    ("question", "seen"), [("Where is Oslo?", "Where is Oslo?"), ("", "Sources: ...\n\nQuestion: where?")]
)
async def test_the_bare_question_is_asked_if_there_is_one(question, seen):
    asked = []

    async def quote(question, sources):
        asked.append((question, sources))
        return []

    messages = (
        Message(role="system", content="Answer."),
        Message(role="user", content="earlier"),
        Message(role="assistant", content="yes"),
        Message(role="user", content="Sources: ...\n\nQuestion: where?"),
    )
    await listed(Extractive(quote), Request(messages=messages, question=question, sources=SOURCES))
    assert asked == [(seen, SOURCES)]


@pytest.mark.parametrize(("question", "word"), [("What now?", "collection"), ("现在怎么办？", "文档集合")])
async def test_without_sources_it_says_what_it_needs(question, word):
    reply = await complete(quoting((0, "never asked")).stream(ask(question)))
    assert word in reply.message.content
    assert "SANDTABLE_BACKEND" in reply.message.content


@pytest.mark.parametrize("quote", [(2, "It rains."), (-1, "It rains."), (0, "It pours."), (1, "It rains."), (0, " ")])
async def test_what_is_not_in_the_source_is_no_quote(quote):
    with pytest.raises(BadReply, match="source"):
        await listed(quoting(quote), ask(sources=SOURCES))


@pytest.mark.parametrize("fields", [{"tools": (ADD,)}, {"json_schema": {"type": "object"}}, {"logprobs": 1}])
async def test_it_can_do_nothing_else(fields):
    with pytest.raises(CapabilityMissing, match="'extractive' cannot"):
        await listed(quoting(), ask(sources=SOURCES, **fields))
