"""LoCoMo and BFCL as training data: who is to find what, and which part is held back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.training.examples import Example
from retrieval.training.split import Parts, groups, split

HELD_CONVERSATIONS = ("47", "50")
OF_EACH = 5


@dataclass(frozen=True)
class Fold:
    """One training. `pools`: the questions held back, each with the passages among which they look."""

    parts: Parts
    passages: list[str]
    pools: list[tuple[list[Example], list[str]]]


def locomo(data: Path, seed: int) -> list[Fold]:
    """Questions about long conversations, which find the turns that are the evidence; split by conversation."""
    talks = {path.stem: _conversation(path) for path in sorted((data / "locomo").glob("*.json"))}
    trained = [talk for name, talk in talks.items() if name not in HELD_CONVERSATIONS]
    chosen = split([one for asked, _ in trained for one in asked], validation=0.1, held=0.0, seed=seed)
    held = [talk for name, talk in talks.items() if name in HELD_CONVERSATIONS]
    passages = [text for _, turns in trained for text in turns]
    return [Fold(chosen._replace(held=[one for asked, _ in held for one in asked]), passages, held)]


def _conversation(path: Path) -> tuple[list[Example], list[str]]:
    record = json.loads(path.read_text("utf-8"))
    sessions = [turns for name, turns in record.items() if name.startswith("session_") and isinstance(turns, list)]
    turns = {turn["dia_id"]: _turn(turn) for session in sessions for turn in session}
    asked = []
    for question in record["qa"]:
        named = [
            part for one in question.get("evidence", []) for part in one.replace(";", " ").replace(",", " ").split()
        ]
        right = tuple(dict.fromkeys(turns[id] for id in named if id in turns))
        if right:
            answer = str(question.get("answer", question.get("adversarial_answer", "")))
            asked.append(Example(query=question["question"], positives=right, answers=(answer,) if answer else ()))
    return asked, list(dict.fromkeys(turns.values()))


def _turn(turn: dict[str, Any]) -> str:
    shown = f" [shares {turn['blip_caption']}]" if turn.get("blip_caption") else ""
    return f"{turn['speaker']}: {turn['text']}{shown}"


def bfcl(data: Path, seed: int) -> list[Fold]:
    """Wishes, which find the function that fulfils them. Functions that are offered together belong together: of 43
    groups the largest is trained on, and the 42 others are held back.

    Also trained on are the simple and multiple sets, but for functions of the same names. Validation is by wishes of
    the largest group whose functions are not trained on: new functions amid like ones that are, as when it is measured.
    """
    asked, tools = _cases(data / "bfcl-live-multiple" / "cases.jsonl")
    largest, *rest = sorted(groups(asked), key=len, reverse=True)
    held = [one for group in rest for one in group]
    by_function = [one.model_copy(update={"group": None}) for one in largest]
    chosen = split(by_function, validation=0.3, held=0.0, seed=seed)
    more: list[Example] = []
    others: dict[str, str] = {}
    for name in ("multiple", "simple_python"):
        found, theirs = _cases(data / "bfcl" / f"{name}.jsonl")
        others |= {tool: text for tool, text in theirs.items() if tool not in tools}
        more += [one for one in found if {*one.positives, *one.negatives} <= set(others.values())]
    unseen = {text for one in held for text in (*one.positives, *one.negatives)}
    unseen |= {text for one in chosen.validation for text in one.positives}
    train = [_without(one, unseen) for one in (*_few_of_each(chosen.train), *more)]
    passages = list(dict.fromkeys(text for text in (*tools.values(), *others.values()) if text not in unseen))
    return [Fold(Parts(train, chosen.validation, held), passages, [(held, list(tools.values()))])]


def _few_of_each(examples: list[Example]) -> list[Example]:
    """So that no function is learned by the number of its wishes."""
    counts: Counter[str] = Counter()
    kept = []
    for one in examples:
        counts[one.positives[0]] += 1
        if counts[one.positives[0]] <= OF_EACH:
            kept.append(one)
    return kept


def _without(example: Example, unseen: set[str]) -> Example:
    return example.model_copy(update={"negatives": tuple(text for text in example.negatives if text not in unseen)})


def _cases(path: Path) -> tuple[list[Example], dict[str, str]]:
    """Questions, and the texts of functions by name."""
    asked, tools = [], {}
    for case in _lines(path):
        for function in case["function"]:
            tools.setdefault(function["name"], _tool(function))
        right = {name for call in case["ground_truth"] for name in call}
        offered = [function["name"] for function in case["function"]]
        query = " ".join(one["content"] for one in case["question"][0] if one["role"] == "user")
        asked.append((query, [name for name in offered if name in right], [n for n in offered if n not in right]))
    top = _components([[*right, *wrong] for _, right, wrong in asked])
    examples = [
        Example(
            query=query,
            positives=tuple(tools[name] for name in right),
            negatives=tuple(tools[name] for name in wrong),
            group=f"{path.stem} {top(right[0])}",
        )
        for query, right, wrong in asked
    ]
    return examples, tools


def _components(together: list[list[str]]) -> Any:
    above: dict[str, str] = {}

    def top(name: str) -> str:
        while above.setdefault(name, name) != name:
            name = above[name]
        return name

    for names in together:
        for name in names:
            above[top(name)] = top(names[0])
    return top


def _tool(function: dict[str, Any]) -> str:
    fields = function.get("parameters", {}).get("properties", {})
    lines = [f"{name}: {field.get('description', '')}" for name, field in fields.items()]
    return "\n".join([f"{function['name']}: {function['description']}", *lines])


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
