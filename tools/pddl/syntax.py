"""Text in brackets, as PDDL is written: words and groups of them, each with the line on which it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Never

from tools.pddl.errors import Kind, PlanningError

TOKEN = re.compile(r";[^\n]*|[()]|[^\s();]+")
LONGEST = 2_000_000
"""Characters; the largest problems of the planning competitions have some hundred thousand."""
DEEPEST = 100


@dataclass(frozen=True)
class Word:
    text: str
    """In lower case."""
    place: str
    """`the domain, line 3`."""


@dataclass(frozen=True)
class Group:
    items: tuple[Word | Group, ...]
    place: str

    @property
    def head(self) -> str:
        """The first word, if it begins with one."""
        return self.items[0].text if self.items and isinstance(self.items[0], Word) else ""


Node = Word | Group


def read(text: str, what: str) -> Group:
    """The one group that the text is; `what` names it in errors, `domain`. Raises PlanningError."""
    if len(text) > LONGEST:
        raise PlanningError("syntax", f"the {what} has {len(text):,} characters; {LONGEST:,} are read at most")
    open_groups: list[tuple[str, list[Node]]] = []
    done: Group | None = None
    for token, line in _tokens(text):
        place = f"the {what}, line {line}"
        if done is not None:
            raise PlanningError("syntax", f"{place}: {token!r} stands after the end of the (define ...)")
        if token == "(":
            if len(open_groups) == DEEPEST:
                raise PlanningError("syntax", f"{place}: brackets are nested more than {DEEPEST} deep")
            open_groups.append((place, []))
        elif not open_groups:
            raise PlanningError("syntax", f"{place}: {token!r} stands where the '(' of (define ...) should")
        elif token == ")":
            began, items = open_groups.pop()
            group = Group(tuple(items), began)
            if open_groups:
                open_groups[-1][1].append(group)
            else:
                done = group
        else:
            open_groups[-1][1].append(Word(token.lower(), place))
    if open_groups:
        raise PlanningError("syntax", f"the ')' of the '(' in {open_groups[-1][0]} is missing")
    if done is None:
        raise PlanningError("syntax", f"the {what} is empty: (define ({what} NAME) ...) is needed")
    return done


def _tokens(text: str) -> list[tuple[str, int]]:
    found, line, at = [], 1, 0
    for match in TOKEN.finditer(text):
        line, at = line + text.count("\n", at, match.start()), match.start()
        if not match[0].startswith(";"):
            found.append((match[0], line))
    return found


def wrong(node: Node, message: str, kind: Kind = "syntax") -> Never:
    """Raises PlanningError."""
    raise PlanningError(kind, f"{node.place}: {message}")


def written(node: Node, most: int = 60) -> str:
    """As it stands in the text, shortened."""
    text = _written(node)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _written(node: Node) -> str:
    return node.text if isinstance(node, Word) else f"({' '.join(map(_written, node.items))})"


def word(node: Node, what: str) -> str:
    """Raises PlanningError for a group: `what` says what should stand there."""
    if isinstance(node, Group):
        wrong(node, f"{written(node)} stands where {what} should")
    return node.text


def group(node: Node, what: str) -> Group:
    """Raises PlanningError for a word."""
    if isinstance(node, Word):
        wrong(node, f"{node.text!r} stands where {what} should, in brackets")
    return node


def sections(whole: Group, what: str) -> tuple[str, list[Group]]:
    """The name and the parts of `(define (what NAME) (:part ...) ...)`. Raises PlanningError."""
    if whole.head != "define" or len(whole.items) < 2:
        wrong(whole, f"{written(whole)} is no (define ({what} NAME) ...)")
    title = group(whole.items[1], f"({what} NAME)")
    if title.head != what or len(title.items) != 2:
        wrong(title, f"{written(title)} stands where ({what} NAME) should")
    parts = [group(node, "a part, (:... )") for node in whole.items[2:]]
    seen: set[str] = set()
    for part in parts:
        if not part.head.startswith(":"):
            wrong(part, f"{written(part)} stands where a part, (:...), should")
        if part.head in seen and part.head != ":action":
            wrong(part, f"there is a second {part.head}")
        seen.add(part.head)
    return word(title.items[1], f"the name of the {what}"), parts
