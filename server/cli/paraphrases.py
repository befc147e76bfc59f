"""Questions in other words, for `sandtable eval prompt-robustness`: from the data, else written by a backend.

What a backend writes is kept like any answer of an evaluation, so that every form, and the same command later, gets the
same texts. A text counts if it is new, in the question's language, and has each of its numbers; what does not is sent
back once, with the reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from server.cli.failure import CommandFailed

if TYPE_CHECKING:
    from pathlib import Path

    from agents.tasks.base import Item, Verdict
    from server.cli.studies import Given

PROMPT = (
    "Put the question below in {n} other ways. Each asks for the same: every number, name and condition is in it, in "
    "the question's language; the words and their order differ. Answer with a JSON array of {n} texts and nothing "
    "else.\n\nQuestion: {question}"
)
REPAIR = "That cannot be used: {why}. Give {n} texts again, as a JSON array and nothing else."
_ARRAY = re.compile(r"\[.*\]", re.DOTALL)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
MOST = 10


class Put(NamedTuple):
    """One question's paraphrases."""

    texts: tuple[str, ...]
    lacking: str = ""
    """Why there are not as many as were wanted."""


class Writing:
    """As a task, so that its answers are kept as theirs are."""

    name = "paraphrases"
    figures = ()

    def items(self, folder: Path) -> Sequence[Item]:
        return []

    def options(self, pipeline: str) -> Mapping[str, Any]:
        return {}

    def check(self, item: Item, answer: str, finalists: Sequence[str] = ()) -> Verdict:
        from agents.tasks.base import Verdict

        return Verdict(1.0)


async def paraphrased(given: Given, items: Sequence[Item], wanted: int | None, by: str | None) -> dict[str, Put]:
    """Of each item, by id: those of the data, `wanted` at most, and what lacks of that written by the backend `by`.

    `wanted` None: those of the data alone. Raises CommandFailed.
    """
    from server.cli.connection import connect
    from server.cli.eval_runs import Evaluation
    from server.cli.study_runs import answered

    found = {item.id: Put(tuple(item.paraphrases[:wanted])) for item in items}
    left = [item for item in items if len(found[item.id].texts) < (wanted or 0)]
    if wanted is None or not left:
        return found
    asked, evaluation = [_asked(item, wanted) for item in left], Evaluation(Writing(), "chat", by, None, {})
    async with connect(given.where) as api:
        first = await answered(api, given, evaluation, asked, fresh=given.fresh)
        _check_model(first[one.id] for one in asked)
        repairs = []
        for item, one in zip(left, asked, strict=True):
            found[item.id] = read = _read(item, found[item.id], first[one.id], wanted)
            if read.lacking and first[one.id]["error"] is None:
                repairs.append((item, _again(one, first[one.id]["answer"], read.lacking, wanted)))
        second = await answered(api, given, evaluation, [again for _, again in repairs], fresh=False)
    for item, again in repairs:
        found[item.id] = _read(item, found[item.id], second[again.id], wanted)
    return found


def _asked(item: Item, wanted: int) -> Item:
    from agents.tasks.base import Item

    return Item(f"{wanted} of {item.id}", PROMPT.format(n=wanted, question=item.question))


def _again(asked: Item, answer: str, why: str, wanted: int) -> Item:
    from agents.tasks.base import Item

    turns = ({"role": "user", "content": asked.question}, {"role": "assistant", "content": answer or "-"})
    return Item(f"{asked.id}, again", REPAIR.format(why=why, n=wanted), turns=turns)


def _check_model(answers: Any) -> None:
    """Raises CommandFailed."""
    if any(answer.get("backend") == "extractive" for answer in answers):
        message = (
            "-o paraphrases=N needs a model to write them, and the backend 'extractive' only quotes: name another with "
            "-b or -o paraphrases_by, or give the questions a field 'paraphrases' in the data"
        )
        raise CommandFailed(message, type="invalid_request_error", code="capability_missing", wrong_use=True)


def _read(item: Item, before: Put, answer: Mapping[str, Any], wanted: int) -> Put:
    """What was there before, and what of the answer counts."""
    if answer["error"] is not None:
        return Put(before.texts, f"the run failed: {answer['code'] or answer['error']}")
    texts, wrong = list(before.texts), list[str]()
    for text in _texts(answer["answer"]):
        if why := _unfit(text, item.question, texts):
            wrong.append(why)
        elif len(texts) < wanted:
            texts.append(text.strip())
    if len(texts) == wanted:
        return Put(tuple(texts))
    reasons = list(dict.fromkeys(wrong)) or ["there are too few of them, or it is no JSON array of texts"]
    return Put(tuple(texts), "; ".join(reasons))


def _texts(answer: str) -> list[Any]:
    array = _ARRAY.search(answer)
    try:
        found = json.loads(array[0]) if array else []
    except ValueError:
        return []
    return found if isinstance(found, list) else []


def _unfit(text: Any, question: str, others: Sequence[str]) -> str:
    """Why it is no paraphrase; empty: it may be one."""
    from agents.abstention import chinese
    from agents.persona_words import plain
    from agents.tasks.said import says

    if not isinstance(text, str) or not text.strip():
        return "one is no text"
    if plain(text) in map(plain, (question, *others)):
        return f"{text!r} is there already"
    if chinese(text) != chinese(question):
        return f"{text!r} is not in the question's language"
    lost = next((number for number in _NUMBER.findall(question) if not says(text, number)), None)
    return f"{text!r} has not the number {lost}" if lost else ""
