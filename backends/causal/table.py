"""A language model that is a table of probabilities, written down in a file: small enough to check by hand.

    {"tokens": ["0", "1"], "rules": [{"prompt": "first page", "after": ["1"], "next": {"0": 0.1, "1": 0.9}}]}

The first rule counts whose `prompt` occurs in the prompt and whose `after` are the tokens of the answer so far (without
the key: whatever they are). `next` holds the probabilities of tokens; what is missing from one goes to the end of the
answer. Where no rule fits, the answer ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, ValidationError, model_validator

from backends.base import Message, Value
from backends.errors import BadSpec, CapabilityMissing, RequestRefused

if TYPE_CHECKING:
    from backends.causal.base import Floats, Guide


class Rule(Value):
    prompt: str = ""
    after: tuple[str, ...] | None = None
    next: Mapping[str, float] = Field(min_length=1)


class Table(Value):
    tokens: tuple[str, ...] = Field(min_length=1)
    rules: tuple[Rule, ...]

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if "" in self.tokens or len(set(self.tokens)) != len(self.tokens):
            raise ValueError("tokens must be different from each other and not empty")
        for n, rule in enumerate(self.rules):
            unknown = sorted({*rule.next, *(rule.after or ())} - set(self.tokens))
            if unknown:
                raise ValueError(f"rules[{n}] names {unknown[0]!r}, which is not among the tokens")
            if min(rule.next.values()) < 0 or sum(rule.next.values()) > 1 + 1e-9:
                raise ValueError(f"rules[{n}].next must be probabilities with a sum of at most 1")
        return self


def read_table(path: Path) -> Table:
    """Raises BadSpec."""
    try:
        return Table.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadSpec(f"the table {str(path)!r} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise BadSpec(f"the table {str(path)!r} is not one: {where}: {first['msg']}") from None


class TableModel:
    """The ids of a prompt are its characters, those of an answer are places in `tokens`, and after them the end."""

    window: int | None = None

    def __init__(self, table: Table) -> None:
        self._table = table
        self._end = len(table.tokens)
        self.ends = frozenset({self._end})

    def prompt(self, messages: Sequence[Message], *, plain: bool) -> list[int]:
        return [ord(character) for message in messages for character in message.content]

    def continued(self, messages: Sequence[Message], text: str, *, plain: bool) -> list[int]:
        ids: list[int] = []
        left = text
        while left:
            fitting = [token for token in self._table.tokens if left.startswith(token)]
            if not fitting:
                raise RequestRefused(f"the table has no token for {left[:40]!r}, in the continuation {text[:200]!r}")
            longest = max(fitting, key=len)
            ids.append(self._places[longest])
            left = left[len(longest) :]
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self._table.tokens[token] for token in ids if token != self._end)

    def walk(self, prompt: Sequence[int]) -> TableWalk:
        return TableWalk(self, prompt)

    def beams(self, prompt: Sequence[int]) -> TableBeams:
        return TableBeams(self, prompt)

    def next(self, prompt: Sequence[int], answers: Sequence[Sequence[int]]) -> Floats:
        import numpy as np

        rows: Floats = np.stack([self._row(prompt, answer) for answer in answers])
        return rows

    def score(self, prompt: Sequence[int], answers: Sequence[Sequence[int]]) -> list[list[float]]:
        return [
            [float(self._row(prompt, answer[:place])[token]) for place, token in enumerate(answer)]
            for answer in answers
        ]

    def guide(self, schema: Mapping[str, Any]) -> Guide:
        raise CapabilityMissing("a table of probabilities cannot be held to a JSON schema", code="json_schema")

    @cached_property
    def _places(self) -> dict[str, int]:
        return {token: place for place, token in enumerate(self._table.tokens)}

    def _row(self, prompt: Sequence[int], answer: Sequence[int]) -> Floats:
        import numpy as np

        text = "".join(map(chr, prompt))
        so_far = tuple(self._table.tokens[token] for token in answer if token != self._end)
        fitting = (
            rule for rule in self._table.rules if rule.prompt in text and rule.after in (None, so_far)
        )  # fmt: skip
        rule = next(fitting, None)
        chances = np.zeros(self._end + 1)
        for token, chance in ({} if rule is None else rule.next).items():
            chances[self._places[token]] = chance
        chances[self._end] = max(0.0, 1.0 - float(chances.sum()))
        if chances[self._end] < 1e-9:  # The sum of a row of decimals is not quite one.
            chances[self._end] = 0.0
        with np.errstate(divide="ignore"):
            logprobs: Floats = np.log(chances)
        return logprobs


class TableBeams:
    def __init__(self, model: TableModel, prompt: Sequence[int]) -> None:
        self._model, self._prompt = model, prompt

    def next(self, answers: Sequence[Sequence[int]]) -> Floats:
        return self._model.next(self._prompt, answers)


class TableWalk:
    def __init__(self, model: TableModel, prompt: Sequence[int]) -> None:
        self._model, self._prompt = model, prompt
        self._answer: list[int] = []

    def next(self) -> Floats:
        row: Floats = self._model.next(self._prompt, [self._answer])[0]
        return row

    def push(self, token: int) -> None:
        self._answer.append(token)
