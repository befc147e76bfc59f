"""What quoting without a model gets right, and what abstaining costs: `python -m benchmarks.abstention --data DIR`.

DIR holds corpus.jsonl (_id, title, text), queries.jsonl (_id, text, answers) and qrels.tsv. Every question is put twice
to the default hybrid search over all passages: once as it is, once with the articles that answer it left out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from platformdirs import user_cache_path

from retrieval.chunking import AUTO, chunks
from retrieval.embedders.minilm import MiniLM
from retrieval.evidence import DEFAULT_THRESHOLD, Evidence, select
from retrieval.indexes.bm25 import BM25Index
from retrieval.indexes.flat import FlatIndex
from retrieval.indexes.hybrid import search
from retrieval.tokens import token_spans

if TYPE_CHECKING:
    from retrieval.base import Ids, Vectors

PASSAGES: Final = 5
THRESHOLDS: Final = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@dataclass(frozen=True)
class Outcome:
    confidence: float
    hit: bool
    """A gold answer stands inside the quoted text."""
    available: bool
    """A passage that answers was found with the answer in it."""
