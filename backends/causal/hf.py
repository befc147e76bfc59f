"""A causal language model of transformers: prompts in the form of its chat template, and log-probabilities out.

A prompt's keys and values are kept for the answers that follow it, so that scoring k answers, or going one step on with
k beams, reads it once. Log-probabilities are taken in double precision from the logits as the model gives them.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from backends.causal.hf_beams import GROWN, ROWS, HfBeams
from backends.errors import RequestRefused
from backends.spoken import joined, spoken

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from backends.base import Message
    from backends.causal.base import Floats
    from backends.causal.guided import SchemaGuide

KEPT_TOKENS = 8192
"""Of all kept prompts together; the last one is kept however long."""


class Read:
    """A prompt that was read: its keys and values, and the logits after its last token."""

    def __init__(self, cache: Any, logits: torch.Tensor, size: int) -> None:
        self.cache, self.logits, self.size = cache, logits, size


class HfModel:
    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str, *, room: int = GROWN
    ) -> None:
        """`room`: tokens of growing answers that are kept, of all searches at once."""
        self._model, self._tokenizer, self._name = model, tokenizer, name
        config = getattr(model, "generation_config", None)
        ends = config.eos_token_id if config is not None else None
        own = tokenizer.eos_token_id
        listed = ends if isinstance(ends, list) else [ends]
        self.ends = frozenset(int(token) for token in [*listed, own] if isinstance(token, int))
        window = getattr(model.config, "max_position_embeddings", None)
        self.window: int | None = window if isinstance(window, int) and window > 0 else None
        self._read: OrderedDict[tuple[int, ...], Read] = OrderedDict()
        self._room = room
        self._growing: WeakSet[HfBeams] = WeakSet()
        self._guides: Any = None

    def prompt(self, messages: Sequence[Message], *, plain: bool) -> list[int]:
        text, special = self._text(messages, plain)
        return self._begun(self._ids(text, special))

    def continued(self, messages: Sequence[Message], text: str, *, plain: bool) -> list[int]:
        """Tokens are cut over the seam where that leaves the prompt's as they are (SentencePiece cuts a word that
        follows nothing differently); else the continuation is cut alone, as it would be written."""
        before, special = self._text(messages, plain)
        prompt, both = self._ids(before, special), self._ids(before + text, special)
        if both[: len(prompt)] == prompt and len(both) > len(prompt):
            return both[len(prompt) :]
        return self._ids(text, special=False)

    def decode(self, ids: Sequence[int]) -> str:
        text = self._tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text if isinstance(text, str) else "".join(text)

    def walk(self, prompt: Sequence[int]) -> HfWalk:
        return HfWalk(self, prompt)

    def beams(self, prompt: Sequence[int]) -> HfBeams:
        return HfBeams(self, prompt, self._growing, self._room)

    def next(self, prompt: Sequence[int], answers: Sequence[Sequence[int]]) -> Floats:
        """Log-probabilities of the token after each of the answers, which are read from their beginning: answers ×
        vocabulary."""
        import numpy as np

        rows = [
            self.floats(logits[len(answer)])
            for batch in _batches(answers)
            for answer, logits in zip(batch, self._after(prompt, batch), strict=True)
        ]
        stacked: Floats = np.stack(rows)
        return stacked

    def score(self, prompt: Sequence[int], answers: Sequence[Sequence[int]]) -> list[list[float]]:
        import torch

        scores: list[list[float]] = []
        for batch in _batches(answers):
            for answer, logits in zip(batch, self._after(prompt, batch), strict=True):
                if not answer:
                    scores.append([])
                    continue
                odds = torch.log_softmax(logits[: len(answer)].double(), dim=-1)
                chosen = torch.tensor(list(answer), device=odds.device)
                scores.append(odds.gather(1, chosen[:, None])[:, 0].tolist())
        return scores

    def guide(self, schema: Mapping[str, Any]) -> SchemaGuide:
        from backends.causal.guided import Guides

        if self._guides is None:
            self._guides = Guides(self._tokenizer, self._model.config.get_text_config().vocab_size, self.ends)
        made: SchemaGuide = self._guides.guide(schema)
        return made

    @property
    def device(self) -> torch.device:
        return self._model.device

    def floats(self, logits: torch.Tensor) -> Floats:
        import torch

        logprobs: Floats = torch.log_softmax(logits.double(), dim=-1).cpu().numpy()
        return logprobs

    def forward(self, ids: Sequence[Sequence[int]], cache: Any) -> torch.Tensor:
        """Logits at each place of each row; shorter rows are filled up behind, where nothing looks."""
        import torch

        longest = max(map(len, ids))
        device = self._model.device
        filled = torch.tensor([[*row, *[0] * (longest - len(row))] for row in ids], device=device)
        with torch.inference_mode():
            out = self._model(input_ids=filled, past_key_values=cache, use_cache=True)
        logits: torch.Tensor = out.logits
        return logits

    def read(self, prompt: Sequence[int]) -> Read:
        """The prompt, from what is kept. Its cache is not to be written to: copy it."""
        from transformers import DynamicCache

        key = tuple(prompt)
        found = self._read.pop(key, None)
        if found is None:
            cache = DynamicCache(config=self._model.config)
            logits = self.forward([key], cache)[0, -1]
            found = Read(cache, logits, len(key))
        self._read[key] = found
        while len(self._read) > 1 and sum(read.size for read in self._read.values()) > KEPT_TOKENS:
            self._read.popitem(last=False)
        return found

    def _after(self, prompt: Sequence[int], answers: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        """Of each answer, the logits after the prompt and after each of its tokens."""
        import torch

        read = self.read(prompt)
        first = read.logits[None]
        if not any(answers):
            return [first for _ in answers]
        cache = copy.deepcopy(read.cache)
        cache.batch_repeat_interleave(len(answers))
        rest = self.forward([answer or [0] for answer in answers], cache)
        return [torch.cat((first, row)) for row in rest]

    def _text(self, messages: Sequence[Message], plain: bool) -> tuple[str, bool]:
        """The prompt's text, and whether the tokenizer puts its own marks around it: a chat template has them."""
        if plain:
            return joined(messages), True
        if not getattr(self._tokenizer, "chat_template", None):
            return spoken(messages), True
        turns = [{"role": message.role, "content": message.content} for message in messages]
        return self._templated(turns), False

    def _templated(self, turns: list[dict[str, str]]) -> str:
        from jinja2 import TemplateError

        try:
            return str(self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
        except TemplateError as error:
            # Some templates know no system message, and refuse it: it then goes before the first turn of the user.
            if [turn["role"] for turn in turns[:2]] != ["system", "user"]:
                raise RequestRefused(f"the chat template of {self._name!r} refuses these messages: {error}") from None
            joined = {"role": "user", "content": f"{turns[0]['content']}\n\n{turns[1]['content']}"}
            return self._templated([joined, *turns[2:]])

    def _ids(self, text: str, special: bool) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=special)
        if special and ids and ids[-1] in self.ends:  # Some tokenizers end what they cut, too.
            ids.pop()
        return ids

    def _begun(self, ids: list[int]) -> list[int]:
        """A model needs a token to begin with."""
        start = self._tokenizer.bos_token_id or next(iter(sorted(self.ends)), None)
        if not ids and start is None:
            raise RequestRefused(f"the prompt is empty, and the tokenizer of {self._name!r} has no token to begin with")
        return ids or [int(start)]  # type: ignore[arg-type]


class HfWalk:
    """One answer, with keys and values of its own that grow with it."""

    def __init__(self, model: HfModel, prompt: Sequence[int]) -> None:
        self._model, self._prompt = model, prompt
        self._cache: Any = None
        self._logits: torch.Tensor | None = None

    def next(self) -> Floats:
        if self._logits is None:
            read = self._model.read(self._prompt)
            self._cache, self._logits = copy.deepcopy(read.cache), read.logits
        return self._model.floats(self._logits)

    def push(self, token: int) -> None:
        self._logits = self._model.forward([[token]], self._cache)[0, -1]


def _batches(answers: Sequence[Sequence[int]]) -> list[Sequence[Sequence[int]]]:
    return [answers[start : start + ROWS] for start in range(0, len(answers), ROWS)]
