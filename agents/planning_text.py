"""Texts of planning: the PDDL in a model's reply, and what a reader is told of a plan or of its absence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from retrieval.scripts import shares

DEFINE = re.compile(r"\(\s*define\b", re.IGNORECASE)
COMMENT = re.compile(r";[^\n]*")


def pddl_in(reply: str) -> str:
    """The first `(define ...)` of a reply up to the bracket that closes it, or to the end; empty if there is none."""
    text = COMMENT.sub("", reply)
    found = DEFINE.search(text)
    if found is None:
        return ""
    depth = 0
    for place in range(found.start(), len(text)):
        depth += (text[place] == "(") - (text[place] == ")")
        if depth == 0:
            return text[found.start() : place + 1]
    # A fence that ends the text is not PDDL; whatever else is missing the reader will say.
    return text[found.start() :].rstrip().removesuffix("```").rstrip()


def listing(question: str, steps: Sequence[str], found: Mapping[str, Any]) -> str:
    """The plan as it was checked."""
    words = SAID[_language(question)]
    if not steps:
        return words["nothing"]
    about = words["optimal" if found["optimal"] else "checked"].format(cost=found["cost"])
    return "\n".join((about, *steps))


def without_plan(question: str, fault: str) -> str:
    """`fault`: `kind: message`, as the planner said it."""
    kind, _, message = fault.partition(": ")
    words = SAID[_language(question)]
    return words["none"].format(why=words.get(kind, words["failed"]), message=message or kind)


def _language(question: str) -> str:
    return "zh" if shares(question).get("Han", 0) >= 0.3 else "en"


SAID: Mapping[str, Mapping[str, str]] = {
    "en": {
        "optimal": "Plan, checked step by step; cost {cost}, and none is cheaper:",
        "checked": "Plan, checked step by step; cost {cost}:",
        "nothing": "The goal holds already: there is nothing to do.",
        "none": "There is no plan: {why} ({message}).",
        "syntax": "the problem was not put into PDDL that can be read",
        "unknown": "the problem as it was put into PDDL uses names that the domain does not have",
        "types": "the problem as it was put into PDDL mixes up kinds of things",
        "unsupported": "the problem was put into PDDL of a kind that is not read here",
        "unsolvable": "the problem as it was put into PDDL has no solution that was found",
        "timed_out": "the planner found none within its time",
        "out_of_memory": "the planner ran out of its memory",
        "invalid_plan": "what the planner found does not hold",
        "failed": "the planner failed",
    },
    "zh": {
        "optimal": "计划（逐步验证过，代价 {cost}，没有更便宜的）：",
        "checked": "计划（逐步验证过，代价 {cost}）：",
        "nothing": "目标已经达成，什么都不用做。",
        "none": "没有计划：{why}（{message}）。",
        "syntax": "问题没有写成可读的 PDDL",
        "unknown": "写成 PDDL 的问题用了领域里没有的名称",
        "types": "写成 PDDL 的问题混淆了事物的类型",
        "unsupported": "问题写成了这里不支持的 PDDL",
        "unsolvable": "写成 PDDL 的问题没有找到解",
        "timed_out": "规划器在限定时间内没有找到计划",
        "out_of_memory": "规划器的内存用完了",
        "invalid_plan": "规划器找到的计划不成立",
        "failed": "规划器出错了",
    },
}
