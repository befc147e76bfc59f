"""The Berkeley function calling leaderboard: a question, the functions there are, and the call that is right.

Source: Patil et al. 2024, BFCL (Apache-2.0), versions with answer keys; a folder's `*.jsonl` have lines `{"id",
"question", "function", "ground_truth"}`. `chat` is offered the functions as the client's own tools, which takes a
backend that calls tools; `mrkl` has them as its experts (`agents.tasks.mrkl_calls`), with any. Three things are scored
apart: which function, with which arguments (where it is the right one), and whether the call could be carried out,
which a wrong one may well.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.tasks.base import BadData, Item, PaperFigure, Verdict
from agents.tasks.call_check import Call, as_name, judged
from backends.schema_check import problems

KINDS = {"dict": "object", "float": "number", "tuple": "array"}
"""The leaderboard's words for what JSON Schema calls otherwise."""


class Bfcl:
    name = "bfcl"
    figures: tuple[PaperFigure, ...] = ()

    def items(self, folder: Path) -> Sequence[Item]:
        """Cases with an answer key. Raises BadData."""
        return [
            Item(
                id=str(case["id"]), question=question_of(case),
                gold={"function": case["function"], "key": case["ground_truth"]},
                tools=tuple(as_tool(one) for one in case["function"]),
            )
            for case in cases_in(folder)
            if "ground_truth" in case
        ]  # fmt: skip

    def options(self, pipeline: str) -> Mapping[str, Any]:
        return {}

    def check(self, item: Item, answer: str, finalists: Sequence[str] = ()) -> Verdict:
        """`answer`: the calls as JSON, [{"name", "arguments"}]."""
        calls, functions, key = calls_in(answer), item.gold["function"], item.gold["key"]
        if calls is None:
            names = _names_in(answer)
            if names and names == sorted(as_name(name) for one in key for name in one):
                return Verdict(0.0, {"function": 1.0, "arguments": 0.0, "executable": 0.0}, "no arguments")
            return Verdict(0.0, {"function": 0.0, "executable": 0.0}, "wrong name" if names else "no call")
        finding = judged(calls, functions, key)
        named = finding.fault not in ("name", "count")
        details = {"function": float(named), "executable": float(all(_fits(call, functions) for call in calls))}
        if named:
            details["arguments"] = float(finding.ok)
        return Verdict(float(finding.ok), details, "" if finding.ok else f"wrong {finding.fault}")


def cases_in(folder: Path) -> list[dict[str, Any]]:
    """All cases of a folder and of those in it, in the order of their files. Raises BadData."""
    found = []
    for path in sorted(folder.rglob("*.jsonl")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            try:
                case = json.loads(line)
                if not {"id", "question", "function"} <= case.keys():
                    break  # Another data set.
                found.append(case)
            except (ValueError, AttributeError) as error:
                raise BadData(f"{str(path)!r}, line {number}, is no case of BFCL: {error}") from None
    if not found:
        raise BadData(f"{str(folder)!r} has no *.jsonl of BFCL (lines with 'id', 'question' and 'function')")
    return found


def question_of(case: Mapping[str, Any]) -> str:
    """What the user says last; some cases have a system message before it."""
    return str([turn["content"] for turn in case["question"][0] if turn["role"] == "user"][-1])


def as_tool(function: Mapping[str, Any]) -> dict[str, Any]:
    """As OpenAI's API takes it."""
    about = {"name": as_name(function["name"]), "description": function["description"]}
    return {"type": "function", "function": {**about, "parameters": as_schema(function["parameters"])}}


def as_schema(declared: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON schema of what the leaderboard declares."""
    made: dict[str, Any] = {key: declared[key] for key in ("description", "enum", "required") if key in declared}
    kind = str(declared.get("type", "any"))
    if kind != "any":
        made["type"] = KINDS.get(kind, kind)
    if "properties" in declared:
        made["properties"] = {name: as_schema(one) for name, one in declared["properties"].items()}
        made["additionalProperties"] = False
    if "items" in declared:
        made["items"] = as_schema(declared["items"])
    return made


def calls_in(answer: str) -> list[Call] | None:
    """None: the answer is no list of calls."""
    try:
        return [Call(str(one["name"]), dict(one["arguments"])) for one in json.loads(answer)] or None
    except (ValueError, TypeError, KeyError):
        return None


def _names_in(answer: str) -> list[str]:
    """Of calls whose arguments are none, sorted; empty: the answer has no calls."""
    try:
        return sorted(as_name(str(one["name"])) for one in json.loads(answer))
    except (ValueError, TypeError, KeyError):
        return []


def key_calls(key: Sequence[Mapping[str, Mapping[str, Any]]]) -> list[Call]:
    """The calls that the key asks for, each argument with its first accepted value."""
    return [Call(as_name(name), _first_of_each(accepted)) for one in key for name, accepted in one.items()]


def _first_of_each(accepted: Mapping[str, Any]) -> dict[str, Any]:
    named = {key: [value for value in _listed(values) if value != ""] for key, values in accepted.items()}
    return {key: _first(values[0]) for key, values in named.items() if values}


def _first(value: Any) -> Any:
    if isinstance(value, dict):
        return _first_of_each(value)
    return [_first(one) for one in value] if isinstance(value, list) else value


def _listed(values: Any) -> Sequence[Any]:
    return values if isinstance(values, list) else [values]


def _fits(call: Call, functions: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a function of that name would take these arguments, right or not."""
    function = next((one for one in functions if as_name(one["name"]) == as_name(call.name)), None)
    return function is not None and not problems(dict(call.arguments), as_schema(function["parameters"]))
