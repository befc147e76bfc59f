"""Planning problems in words, each with the true problem in PDDL, against which plans are checked.

Source: Liu et al. 2023, LLM+P (arXiv:2304.11477), and its data: a folder for each domain, with `domain.pddl`,
`p_example.nl` and `p_example.pddl` as the worked example, and `pNN.nl` with `pNN.pddl`. An optional `costs.json` beside
them has costs that are proven to be the lowest.

The paper counts a plan of the optimal planner as right without looking at its cost for the true problem; the score here
is that too, and `optimal` says how many of the plans whose lowest cost is known have it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.tasks.base import BadData, Item, PaperFigure, Verdict
from tools.pddl.domain import read_domain
from tools.pddl.errors import PlanningError
from tools.pddl.plans import read_plan, validate
from tools.pddl.problem import read_problem

PROBLEM = re.compile(r"p\d+\.nl")
COSTS, PROVEN = "costs.json", "fd_astar_lmcut_optimal"
UNDECLARED = re.compile(r"'([^'\s]+)' is declared nowhere")
TABLE = "Liu 2023, table 1, GPT-4"


@dataclass(frozen=True)
class Truth:
    domain: str
    problem: str
    cost: int | None
    """The lowest; None: not known."""


class Pddl:
    name = "pddl"
    figures = (
        PaperFigure("llm_p", "score", 0.457, f"{TABLE}, the mean of seven domains, optimal planner"),
        PaperFigure("llm_p", "blocksworld", 0.90, f"{TABLE}, optimal planner"),
        PaperFigure("llm_p", "grippers", 0.95, f"{TABLE}, optimal planner; any plan 1.00"),
        PaperFigure("llm_p", "storage", 0.85, f"{TABLE}, optimal planner"),
        PaperFigure("llm_p", "barman", 0.20, f"{TABLE}, optimal planner; any plan 1.00"),
        PaperFigure("llm_p", "termes", 0.20, f"{TABLE}, optimal planner"),
        PaperFigure("llm_p", "tyreworld", 0.10, f"{TABLE}, optimal planner; any plan 0.90"),
        PaperFigure("llm_p", "floortile", 0.0, f"{TABLE}, optimal planner"),
        PaperFigure("chat", "blocksworld", 0.15, f"{TABLE}, the model as planner, with a worked example"),
        PaperFigure("chat", "grippers", 0.35, f"{TABLE}, the model as planner, with a worked example"),
    )

    def items(self, folder: Path) -> Sequence[Item]:
        """Of all domains in the folder, or of the one that it is. Raises BadData."""
        domains = [folder] if (folder / "domain.pddl").is_file() else sorted(folder.glob("*/domain.pddl"))
        found = [item for path in domains for item in _of(path if path.is_dir() else path.parent)]
        if not found:
            raise BadData(f"{str(folder)!r} has no folder with domain.pddl, p_example.pddl and p01.nl, p01.pddl, ...")
        return found

    def options(self, pipeline: str) -> Mapping[str, Any]:
        return {"tell": "plan"} if pipeline == "llm_p" else {}

    def check(self, item: Item, answer: str, finalists: Sequence[str] = ()) -> Verdict:
        """Whether the steps in the answer, `(stack a b)`, solve the true problem."""
        assert isinstance(item.gold, Truth)
        problem = read_problem(item.gold.problem, read_domain(item.gold.domain))
        steps = read_plan(answer)
        verdict = validate(problem, steps)
        of_domain = {item.id.partition("/")[0]: float(verdict.valid)}
        known = {} if item.gold.cost is None else {"optimal": float(verdict.valid and verdict.cost == item.gold.cost)}
        reason = "" if verdict.valid else "the answer holds no plan" if not steps else _kind(verdict.reason)
        return Verdict(score=float(verdict.valid), details={**of_domain, **known}, reason=reason)


def _kind(reason: str) -> str:
    """One word for all plans that fail alike, so that they are counted together."""
    return "the goal is not reached" if reason.startswith("after the last step") else "a step cannot be done"


def _of(folder: Path) -> Iterator[Item]:
    """Raises BadData."""
    example = {"text": _text(folder / "p_example.nl"), "problem": _text(folder / "p_example.pddl")}
    domain = with_constants(_text(folder / "domain.pddl"), example["problem"])
    costs = _costs(folder.parent)
    for path in sorted(folder.glob("p*.nl")):
        if PROBLEM.fullmatch(path.name):
            id = f"{folder.name}/{path.stem}"
            truth = Truth(domain, _text(path.with_suffix(".pddl")), costs.get(id))
            _readable(truth, path)
            yield Item(id, _text(path), truth, options={"llm_p": {"domain": domain, "example": example}})


def with_constants(domain: str, problem: str) -> str:
    """The domain with what its actions name and only the problem declares as its `:constants`.

    The planning competitions' Tyreworld names a wrench in this way, which older planners let pass.
    """
    names: list[str] = []
    while True:
        declared = _declaring(domain, problem, names)
        try:
            read_domain(declared)
            return declared
        except PlanningError as error:
            found = UNDECLARED.search(error.message)
            if error.kind != "unknown" or found is None or found[1] in names:
                return domain
            names.append(found[1])


def _declaring(domain: str, problem: str, names: Sequence[str]) -> str:
    if not names:
        return domain
    objects = re.search(r"\(:objects(.*?)\)", problem, re.DOTALL | re.IGNORECASE)
    declared = objects[1].split() if objects else []
    lines = []
    for name in names:
        after = declared[declared.index(name) :] if name in declared else []
        kind = after[after.index("-") + 1] if "-" in after else "object"
        lines.append(f"{name} - {kind}")
    return re.sub(r"\(:predicates", f"(:constants {' '.join(lines)})\n(:predicates", domain, count=1)


def _readable(truth: Truth, path: Path) -> None:
    try:
        read_problem(truth.problem, read_domain(truth.domain))
    except PlanningError as error:
        raise BadData(f"{str(path.with_suffix('.pddl'))!r} cannot be used: {error}") from None


def _costs(folder: Path) -> dict[str, int]:
    path = folder / COSTS
    if not path.is_file():
        return {}
    try:
        rows = json.loads(path.read_text("utf-8"))["costs"]
        return {id: row[PROVEN] for id, row in rows.items() if row[PROVEN] is not None}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadData(f"{str(path)!r} has no costs: {error!r}") from None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"{str(path)!r} cannot be read: {error}") from None
