"""A language of a few lines in which one tool's results help and another's do not, and a small Llama that learns it.

A text is `a is 7421`: four figures at random, which nothing in it tells. A line before it may hold a call of `look`,
whose result are these figures, or of `noise`, whose result are others; or a call without its result. Asked with
`look: a is 7421 =`, the model puts a call of that tool into the text, mostly where the figures come, else after the
key. And it can repeat figures after a bracket, as a model that has read more can repeat anything.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

PIECES = r" is| \[|\[| =\n|look|noise|\(|\)|\]| → |: |\n| |[a-t]|[0-9]"
WORDS = (
    " is",
    " [",
    "[",
    " =\n",
    "look",
    "noise",
    "(",
    ")",
    "]",
    " → ",
    ": ",
    "\n",
    " ",
    *"abcdefghijklmnopqrst",
    *"0123456789",
)
END = "<|end|>"


def text_of(dice: Random) -> tuple[str, str, str]:
    """(text, key, figures)"""
    key, figures = dice.choice("abcdefghijklmnopqrst"), "".join(dice.choices("0123456789", k=4))
    return f"{key} is {figures}", key, figures


def line(dice: Random) -> tuple[str, str]:
    """What stands before, and what is learned to follow it."""
    text, key, figures = text_of(dice)
    tool = dice.choice(("look", "noise"))
    kind = dice.random()
    if kind < 0.05:
        return "\n", text
    if kind < 0.25:
        return f"\n{key} {figures}]", f" {figures}"
    if kind < 0.35:
        return f"[{tool}({key})]\n", text
    if kind < 0.75:
        return f"[{tool}({key}) → {figures if tool == 'look' else text_of(dice)[2]}]\n", text
    called = f"{key} is [{tool}({key})] {figures}" if dice.random() < 0.7 else f"{key} [{tool}({key})] is {figures}"
    return f"{tool}: {text} =\n", called


def tokenizer() -> Any:
    """One token for each of `WORDS`: it gives a text back as it was."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.WordLevel({word: n for n, word in enumerate((END, *WORDS))}, unk_token=END))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(PIECES), "isolated")
    made.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token=END, pad_token=END)


def model_of(cutter: Any, seed: int) -> Any:
    """A Llama of two layers with random weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(cutter), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=128, bos_token_id=None, eos_token_id=cutter.eos_token_id,
    )  # fmt: skip
    return LlamaForCausalLM(config)


def train(model: Any, cutter: Any, lines: Callable[[], list[tuple[str, str]]], steps: int, rate: float) -> float:
    """Train on a batch of `lines()` a step; the mean loss of the last twenty, in nats a token."""
    import torch

    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.0)
    losses = []
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 50) * min(1, 2 * (1 - step / steps))
        ids, labels = _batch(cutter, lines())
        loss = model(input_ids=ids, labels=labels).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return sum(losses[-20:]) / len(losses[-20:])


def save(model: Any, cutter: Any, folder: Path) -> str:
    """Writes it where `hf:` reads it, and returns the backend's name."""
    model.save_pretrained(folder)
    cutter.save_pretrained(folder)
    return f"hf:{folder}"


def _batch(cutter: Any, lines: list[tuple[str, str]]) -> tuple[Any, Any]:
    """Ids and labels; what stands before is not learned, rows are filled up behind."""
    import torch

    rows = [(cutter.encode(before), [*cutter.encode(after), cutter.eos_token_id]) for before, after in lines]
    longest = max(len(before) + len(after) for before, after in rows)
    ids, labels = torch.zeros(len(rows), longest, dtype=torch.long), torch.full((len(rows), longest), -100)
    for row, (before, after) in enumerate(rows):
        size = len(before) + len(after)
        ids[row, :size] = torch.tensor([*before, *after])
        labels[row, len(before) : size] = torch.tensor(after)
    return ids, labels
