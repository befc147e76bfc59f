"""The bundled embedder against sentence-transformers on the same weights (torch, float32), one thread each."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from benchmarks.harness import Report, interleaved, median
from retrieval.embedders.minilm import MiniLM
from retrieval.embedders.runtime import prepare
from retrieval.embedders.samples import CHECKING
from retrieval.embedders.weights import model_folder
from retrieval.tokens import token_spans

ROUNDS = 5
QUERIES = 24
PASSAGES = 32
TOKENS = 126
"""With the two special tokens: 128."""

LOAD_OURS = """
from pathlib import Path
from retrieval.embedders.minilm import MiniLM
MiniLM(Path({cache!r})).embed(["ready"], kind="query")
"""
LOAD_THEIRS = """
import torch
from sentence_transformers import SentenceTransformer
torch.set_num_threads(1)
SentenceTransformer({folder!r}, device="cpu").encode(["ready"])
"""


def passages(lengths: list[int]) -> list[str]:
    """Running text cut into pieces of so many tokens each."""
    text = " ".join(islice(cycle(text for text in CHECKING if len(text) > 200), 200))
    spans = token_spans(text)
    cut, start = [], 0
    for length in lengths:
        cut.append(text[spans[start, 0] : spans[start + length - 1, 1]])
        start += length
    return cut


def queries() -> list[str]:
    """About 18 tokens each."""
    return passages([12 + place % 9 for place in range(QUERIES)])


def theirs() -> Any:
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    return SentenceTransformer(str(model_folder()), device="cpu")


def load_seconds(cache: Path) -> dict[str, float]:
    """From process start to the first vector, interpreter and imports included."""
    scripts = {"ours": LOAD_OURS.format(cache=str(cache)), "theirs": LOAD_THEIRS.format(folder=str(model_folder()))}
    works = {
        name: partial(subprocess.run, [sys.executable, "-c", script], check=True, capture_output=True)
        for name, script in scripts.items()
    }
    return {name: median(taken) for name, taken in interleaved(works, 3).items()}


def pair(cache: Path) -> Callable[[str, list[str]], Callable[[], Any]]:
    ours, model = MiniLM(cache), theirs()
    encode = partial(model.encode, batch_size=32, show_progress_bar=False, normalize_embeddings=True)

    def work(side: str, texts: list[str]) -> Callable[[], Any]:
        return partial(ours.embed, texts, kind="document") if side == "ours" else partial(encode, texts)

    return work


def run() -> Report:
    with tempfile.TemporaryDirectory() as folder:
        made = prepare(Path(folder))
        seconds = load_seconds(Path(folder))
        work = pair(Path(folder))
    singles = {(side, query): work(side, [query]) for side in ("ours", "theirs") for query in queries()}
    taken = interleaved({f"{side} {query}": single for (side, query), single in singles.items()}, ROUNDS)
    even = [TOKENS] * PASSAGES
    mixed = [20 + 230 * place // PASSAGES for place in range(PASSAGES)][::3] * 3
    figures: dict[str, Any] = {"runtime": made.runtime, "min_cosine": made.min_cosine, "made_s": made.seconds}
    for side in ("ours", "theirs"):
        figures[f"{side}_load_s"] = seconds[side]
        each = [second for name, values in taken.items() if name.startswith(f"{side} ") for second in values]
        figures[f"{side}_query_p50_ms"] = 1000 * median(each)
    for name, lengths in (("even", even), ("mixed", mixed)):
        texts = passages(lengths)
        rounds = interleaved({side: work(side, texts) for side in ("ours", "theirs")}, ROUNDS)
        for side, values in rounds.items():
            figures[f"{side}_{name}_per_s"] = len(texts) / median(values)
    return report(figures)


def report(figures: dict[str, Any]) -> Report:
    def row(what: str, name: str, unit: str, more_is_better: bool) -> list[str]:
        ours, other = figures[f"ours_{name}"], figures[f"theirs_{name}"]
        ratio = ours / other if more_is_better else other / ours
        return [what, f"{ours:.3g} {unit}", f"{other:.3g} {unit}", f"{ratio:.1f}"]

    return Report(
        name="encoder",
        title="Embedding",
        method=(
            "The bundled all-MiniLM-L6-v2 against sentence-transformers on the same weights (torch, float32), one "
            f"thread each, in turns; medians of {ROUNDS} rounds. Our graph ({figures['runtime']}) was made in "
            f"{figures['made_s']:.1f} s; its least cosine to float32 is {figures['min_cosine']:.4f}."
        ),
        columns=("what", "Sandtable", "sentence-transformers", "times better"),
        rows=[
            row("new process to first vector", "load_s", "s", False),
            row("query of about 18 tokens, p50", "query_p50_ms", "ms", False),
            row("passages of 128 tokens, batch of 32", "even_per_s", "/s", True),
            row("passages of 20 to 240 tokens", "mixed_per_s", "/s", True),
        ],
        figures=figures,
    )


if __name__ == "__main__":
    print(run().markdown())
