"""Answers of a beam search that grow side by side: of each only its newest token is read.

The keys and values of the answers' own tokens are kept from step to step, and put behind those of the prompt, which
all have in common. Where there is no room for them, or a model keeps something else, the answers are read anew.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakSet

if TYPE_CHECKING:
    import torch

    from backends.causal.base import Floats
    from backends.causal.hf import HfModel

    Pair: TypeAlias = tuple[torch.Tensor, torch.Tensor]

GROWN = 8192
"""Of the answers of all searches at once whose keys and values are kept; as many as of prompts."""
ROWS = 64
"""Answers that are read as one batch."""


class HfBeams:
    """Of one search on one prompt."""

    def __init__(self, model: HfModel, prompt: Sequence[int], together: WeakSet[HfBeams], room: int) -> None:
        """`together`: the searches of the model that share the room, which is counted in tokens."""
        self._model, self._prompt, self._together, self._room = model, prompt, together, room
        self._rows: dict[tuple[int, ...], int] | None = {(): 0}
        """Of each answer that was read, its place in the batch; None: nothing is kept."""
        self._grown: list[Pair | None] = []
        """By layer, answers × heads × tokens × width; None: the layer keeps nothing of its own."""

    @property
    def kept(self) -> int:
        """Tokens whose keys and values are kept."""
        return sum(map(len, self._rows)) if self._rows and self._grown else 0

    def next(self, answers: Sequence[Sequence[int]]) -> Floats:
        """Log-probabilities of the token after each of the answers: answers × vocabulary."""
        keys = [tuple(answer) for answer in answers]
        if self._rows is None or not keys[0] or len(keys) > ROWS or any(key[:-1] not in self._rows for key in keys):
            return self._model.next(self._prompt, keys)
        cache = copy.deepcopy(self._model.read(self._prompt).cache)
        if not _is_plain(cache):
            self._drop()
            return self._model.next(self._prompt, keys)
        before = [self._rows[key[:-1]] for key in keys]
        grown = self._chosen(before)
        cache.batch_repeat_interleave(len(keys))
        for layer, pair in zip(cache.layers, grown, strict=False):
            if pair is not None:
                layer.update(*pair)
        logits = self._model.forward([key[-1:] for key in keys], cache)[:, -1]
        self._keep(keys, grown, cache)
        return self._model.floats(logits)

    def _chosen(self, rows: Sequence[int]) -> list[Pair | None]:
        """What is kept of the answers that these come from, in their order."""
        import torch

        if not self._grown:
            return []
        order = torch.tensor(rows, device=self._model.device)
        return [
            pair
            and (pair[0].index_select(0, order.to(pair[0].device)), pair[1].index_select(0, order.to(pair[1].device)))
            for pair in self._grown
        ]

    def _keep(self, keys: Sequence[tuple[int, ...]], grown: Sequence[Pair | None], cache: Any) -> None:
        import torch

        newest = [
            (layer.keys[..., -1:, :], layer.values[..., -1:, :]) if layer.get_seq_length() else None
            for layer in cache.layers
        ]
        self._grown = [
            new and ((torch.cat((old[0], new[0]), -2), torch.cat((old[1], new[1]), -2)) if old else _own(new))
            for old, new in zip(grown or [None] * len(newest), newest, strict=True)
        ]
        self._rows = {key: row for row, key in enumerate(keys)}
        self._together.add(self)
        if sum(one.kept for one in self._together) > self._room:
            self._drop()

    def _drop(self) -> None:
        self._rows, self._grown = None, []
        self._together.discard(self)


def _own(pair: Pair) -> Pair:
    """Without the whole tensors that they are parts of."""
    return pair[0].clone(), pair[1].clone()


def _is_plain(cache: Any) -> bool:
    """Whether all that the layers keep of a token is its keys and values: of some models they keep sums over all."""
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

    return all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in cache.layers)
