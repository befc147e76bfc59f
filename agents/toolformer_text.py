"""Calls inside a text, `[Tool(arguments) → result]`: found by reading it character by character, never by running it.

Source: Schick et al. 2023, Toolformer (arXiv:2302.04761). Its calls are `[`, a name, arguments in parentheses, an arrow
(written `->` where there is no token for `→`), the result and `]`. What else looks like it is text: `[1]`, links of
Markdown, lists, an arrow that no call stands before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

ARROW = re.compile(r"[ \t]*(?:->|→)")
LONGEST = 10_000
"""Characters of a call's arguments."""
LONGEST_QUOTE = 2_000
"""Characters in which a quotation has to close: each one that does not is looked for once."""
DEEPEST = 10
"""Calls within calls; further brackets are text."""
_BEGIN = re.compile(r"[\[［][ \t]*([^\W\d][\w.-]{0,63})[ \t]*[(（]")
_BRACKET = re.compile(r"[ \t]*[\]］](?![(（])")
_NAME = re.compile(r"\s*([^\W\d]\w*)\s*")
_AFTER_QUOTE = re.compile(r"\s*(?:[,，)）\]}:]|$)")
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "「": "」", "『": "』"}
_ALSO_TEXT = frozenset("'‘")
"""Apostrophes: without another one that closes they are part of the text."""
_BEFORE_QUOTE = frozenset("([{,:=（，：")

Solid = Mapping[int, tuple[int, str]]
"""Parts that are not looked into, by where they begin: where they end, and what they say as part of an argument."""


class Argument(NamedTuple):
    name: str
    """Of `name=value` or `name: value`; empty: it has none."""
    value: str
    quoted: bool
    whole: str
    """As it is written, with its name."""


class Call(NamedTuple):
    start: int
    outer: int
    """Where the call begins in whose arguments it stands, the outermost; else `start`."""
    name: str
    arguments: tuple[Argument, ...]
    whole: str
    """What the parentheses hold."""
    end: int
    """After the parenthesis that closes."""
    rest: int
    """After the arrow or the bracket."""
    form: Literal["arrow", "bracket", "end"]
    """What follows the parenthesis; `end`: nothing, the text ends."""


class Open(NamedTuple):
    """The text ends within a call's arguments; `start`: of the outermost."""

    start: int
    name: str


class Broken(NamedTuple):
    """A call of a known tool whose bracket closes before its parenthesis."""

    start: int
    end: int
    name: str


Found = Call | Open | Broken


def find(text: str, solid: Solid, known: Callable[[str], bool], start: int = 0) -> Found | None:
    """The first call from `start` on: of two that are nested, the inner one. Without an arrow it is one only
    if its tool is known."""
    place, reader = start, _Reader(text, solid, known)
    while begin := _BEGIN.search(text, place):
        inside = next((end for start, (end, _) in solid.items() if start <= begin.start() < end), None)
        found = None if inside is not None else reader.read(begin, begin.start(), 0)
        if found is not None:
            return found
        place = inside if inside is not None else begin.start() + 1
    return None


def end_of_mark(text: str, call: Call) -> int:
    """After the bracket that closes a call, and the result before it if there is one; at most on its line."""
    if call.form != "arrow":
        return call.rest
    depth = 1
    for at in range(call.rest, len(text)):
        if text[at] == "\n":
            return at
        depth += (text[at] in "[［") - (text[at] in "]］")
        if depth == 0:
            return at + 1
    return len(text)


class _Reader:
    def __init__(self, text: str, solid: Solid, known: Callable[[str], bool]) -> None:
        self._text, self._solid, self._known = text, solid, known
        self._no_calls: set[tuple[int, str]] = set()
        """Where none begins, and within which quotes, so that brackets within brackets are read once."""

    def read(self, begin: re.Match[str], outer: int, depth: int, closer: str = "") -> Found | None:
        """`closer`: what ends the quotation in which it stands."""
        place = (begin.start(), closer)
        found = None if place in self._no_calls else self._read(begin, outer, depth, closer)
        if found is None:
            self._no_calls.add(place)
        return found

    def _read(self, begin: re.Match[str], outer: int, depth: int, closer: str) -> Found | None:
        text, start, name, opened = self._text, begin.start(), begin[1], begin.end()
        arguments = list[Argument]()
        place = first = opened
        round_, square, curly = 1, 0, 0
        while place < min(len(text), opened + LONGEST):
            char = text[place]
            if place in self._solid:
                place = self._solid[place][0]
                continue
            if char in _QUOTES and self._before(place) in _BEFORE_QUOTE:
                closed = self._closing(place)
                if closed or char not in _ALSO_TEXT:
                    quoted = self._quoted(place, closed, outer, depth)
                    if quoted is not None or closed is None:
                        return quoted or Open(outer, name)
                place = place + 1 if closed is None else closed
                continue
            if char == closer:
                return None  # The quotation ends within: what looks like a call is part of what is quoted.
            if char in "[［" and (inner := self._nested(place, outer, depth, closer)) is not None:
                return inner
            round_ += (char in "(（") - (char in ")）")
            square += (char in "[［") - (char in "]］")
            curly += (char == "{") - (char == "}")
            if square < 0:
                return Broken(start, place + 1, name) if self._known(name) else None
            if round_ == 0 or (char in ",，" and (round_, square, curly) == (1, 0, 0)):
                arguments.append(self._argument(first, place))
                first = place + 1
            place += 1
            if round_ == 0:
                return self._call(start, outer, name, arguments, opened, place)
        return Open(outer, name) if place >= len(text) else None

    def _nested(self, place: int, outer: int, depth: int, closer: str) -> Found | None:
        begin = _BEGIN.match(self._text, place) if depth < DEEPEST else None
        return None if begin is None else self.read(begin, outer, depth + 1, closer)

    def _quoted(self, place: int, closed: int | None, outer: int, depth: int) -> Call | None:
        """The first whole call of a known tool in the quotation that begins at `place`; other brackets are quoted."""
        end = closed or min(len(self._text), place + LONGEST_QUOTE)
        closer, at = _QUOTES[self._text[place]], place + 1
        while depth < DEEPEST and (begin := _BEGIN.search(self._text, at, end)):
            inside = next((over for start, (over, _) in self._solid.items() if start <= begin.start() < over), None)
            at = inside or begin.start() + 1
            if inside is None and self._known(begin[1]):
                found = self.read(begin, outer, depth + 1, closer)
                if isinstance(found, Call):
                    return found
                self._no_calls.add((begin.start(), closer))
        return None

    def _call(self, start: int, outer: int, name: str, arguments: list[Argument], opened: int, end: int) -> Call | None:
        whole = self._plain(opened, end - 1).strip()
        given = tuple(arguments) if whole else ()
        if arrow := ARROW.match(self._text, end):
            return Call(start, outer, name, given, whole, end, arrow.end(), "arrow")
        if not self._known(name):
            return None
        if bracket := _BRACKET.match(self._text, end):
            return Call(start, outer, name, given, whole, end, bracket.end(), "bracket")
        if not self._text[end:].strip():
            return Call(start, outer, name, given, whole, end, len(self._text), "end")
        return None

    def _argument(self, first: int, end: int) -> Argument:
        named = _NAME.match(self._text, first, end)
        separated = named is not None and named.end() < end and self._text[named.end()] in "=:："
        begin = named.end() + 1 if named is not None and separated else first
        name = named[1] if named is not None and separated else ""
        while begin < end and self._text[begin].isspace():
            begin += 1
        whole = self._plain(first, end).strip()
        if self._text[begin : begin + 1] in _QUOTES and self._closing(begin) is not None:
            return Argument(name, self._unquoted(begin), True, whole)
        return Argument(name, self._plain(begin, end).strip(), False, whole)

    def _before(self, place: int) -> str:
        while place > 0 and self._text[place - 1].isspace():
            place -= 1
        return self._text[place - 1 : place]

    def _closing(self, place: int) -> int | None:
        """After the quote that closes the one at `place`: one that an argument can end with."""
        closer, at = _QUOTES[self._text[place]], place + 1
        while at < min(len(self._text), place + LONGEST_QUOTE):
            if at in self._solid:
                at = self._solid[at][0]
            elif self._text[at] == "\\":
                at += 2
            elif self._text[at] == closer and _AFTER_QUOTE.match(self._text, at + 1):
                return at + 1
            else:
                at += 1
        return None

    def _unquoted(self, place: int) -> str:
        end = self._closing(place)
        return self._plain(place + 1, (end or 0) - 1, _without_escapes)

    def _plain(self, start: int, end: int, read: Callable[[str], str] = str) -> str:
        """The text between, with what solid parts say in their place. `read`: for the text alone."""
        parts, place = list[str](), start
        for begin, (after, value) in sorted(self._solid.items()):
            if start <= begin and after <= end:
                parts += [read(self._text[place:begin]), value]
                place = after
        return "".join((*parts, read(self._text[place:end])))


def _without_escapes(text: str) -> str:
    return re.sub(r"\\([\"'\\n])", lambda found: "\n" if found[1] == "n" else found[1], text)
