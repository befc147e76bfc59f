"""A language model of 6 MB whose every probability is known: the next token depends on the last one alone.

Written as a GGUF file for llama.cpp, so that a real model server can be tested for exact numbers. Its weights are set,
not learned. The embedding of token t is the unit vector e_t; the only layer passes it on; the output row of token s
holds log P(s | t) in column t. RMSNorm scales the state to length sqrt(E), and the weights are divided by it.

Two attention heads are detectors: the key of one token (`<tool_call>`, which stands in the prompt when tools are
offered, and `<tool_response>`) answers every query, so once that token is in the context the head writes a small number
into a dimension of its own, and from there the output moves the logits of chosen tokens. So the model calls a tool
when tools are offered, and speaks when a result is there.

As a program: python -m tests.peers.markov FILE
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.peers.template import TEMPLATE

Floats = np.ndarray[Any, np.dtype[np.float32]]

CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
MARKS = ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")
WORDS = ("Hello", " wide", " world", " caf", "北京", "是中国的首都", "Done", " with", " it")
UNUSED_PAIR = ("Q", "Z")
"""The format wants at least one merge of its tokenizer; these two letters never meet here."""

WIDTH, HEADS, FORWARD, CONTEXT = 512, 4, 64, 2048
RARE, NEVER = 1e-4, 1e-9

# What may follow a token, by weight. Bytes beyond ASCII are written one by one: "é" is C3 A9.
AFTER: Mapping[str, Mapping[str, float]] = {
    "\n": {"Hello": 6, "北京": 3, "Done": 1},
    "Hello": {" wide": 2, " world": 5, " caf": 3},
    " wide": {" world": 1},
    " world": {"!": 4, ".": 1},
    " caf": {"\xc3": 1},
    "\xc3": {"\xa9": 1},
    "\xa9": {"!": 1},
    "北京": {"是中国的首都": 1},
    "是中国的首都": {".": 1},
    "Done": {" with": 3, ".": 1},
    " with": {" it": 1},
    " it": {".": 1},
    ".": {"<|im_end|>": 1},
    "!": {"<|im_end|>": 3, "\n": 1},
    "</tool_call>": {"<|im_end|>": 1, "<tool_call>": 1e-40},
    # Under a grammar for JSON: short numbers and strings, no blanks where none are needed.
    **{digit: {"}": 4, ",": 4, "]": 4, "<|im_end|>": 1, "0": 0.01} for digit in "0123456789"},
    **{letter: {'"': 1} for letter in "abcdefghijklmnopqrstuvwxyz"},
    '"': {"a": 4, ":": 2, ",": 2, "}": 2},
    ":": {'"': 3, "4": 3, "{": 2, "[": 1, " ": 0.5},
    ",": {'"': 3, "7": 1, " ": 0.5},
    "{": {'"': 1},
    "}": {"}": 1, "</tool_call>": 4, "<|im_end|>": 2},
    " ": {'"': 3, "4": 3, "{": 2},
}
# While this token is in the context, these logits are moved.
DETECTORS: Mapping[str, Mapping[str, float]] = {
    "<tool_call>": {"<tool_call>": 40.0},
    "<tool_response>": {"<tool_call>": -80.0, "Done": 4.0},
}
DETECTED = 1e-3
"""What a detector writes; so small that it does not change the length of the state by what a test could see."""


def tokens() -> list[str]:
    """In the order of their ids, in the form of the text: the 256 bytes as the characters of Latin-1."""
    return [*CONTROL, *MARKS, *WORDS, *map(chr, range(256)), "".join(UNUSED_PAIR)]


def log_probabilities() -> Floats:
    """Natural logarithms, (V, V): row the last token, column the next; no detector on."""
    ids = {token: number for number, token in enumerate(tokens())}
    weights = np.full((len(ids), len(ids)), RARE)
    for token in (*CONTROL[:2], *MARKS):
        weights[:, ids[token]] = NEVER
    for token, following in AFTER.items():
        for after, weight in following.items():
            weights[ids[token], ids[after]] = weight
    logs: Floats = np.log(weights / weights.sum(1, keepdims=True)).astype(np.float32)
    return logs


def split(text: str) -> list[int]:
    """The ids of a text: marks and words where they stand, bytes between them."""
    ids = {token: number for number, token in enumerate(tokens())}
    longest_first = sorted((*CONTROL, *MARKS, *WORDS), key=len, reverse=True)
    found: list[int] = []
    while text:
        token = next((token for token in longest_first if text.startswith(token)), None)
        found += [ids[token]] if token else [ids[chr(byte)] for byte in text[0].encode()]
        text = text[len(token or text[0]) :]
    return found


def log_probability(last: str, following: str) -> float:
    ids = {token: number for number, token in enumerate(tokens())}
    return float(log_probabilities()[ids[last], ids[following]])


def _output(logs: Floats) -> Floats:
    """The output matrix: in the columns of tokens the transitions, in those of detectors what they move."""
    size = len(logs)
    ids = {token: number for number, token in enumerate(tokens())}
    out = np.zeros((size, WIDTH), np.float32)
    out[:, :size] = logs.T / math.sqrt(WIDTH)
    for head, moved in enumerate(DETECTORS.values()):
        for token, by in moved.items():
            out[ids[token], size + head] = by / (DETECTED * math.sqrt(WIDTH))
    return out


def _attention(size: int) -> dict[str, Floats]:
    ids = {token: number for number, token in enumerate(tokens())}
    matrices = {name: np.zeros((WIDTH, WIDTH), np.float32) for name in ("q", "k", "v", "output")}
    depth = WIDTH // HEADS
    for head, trigger in enumerate(DETECTORS):
        slow = head * depth + depth - 2  # RoPE turns the last pair of a head by 1e-4 a position: not at all, here
        matrices["q"][slow, :] = matrices["k"][slow, ids[trigger]] = 0.8
        matrices["v"][head * depth, ids[trigger]] = 1 / math.sqrt(WIDTH)
        matrices["output"][size + head, head * depth] = DETECTED
    return matrices


def tensors() -> dict[str, Floats]:
    logs = log_probabilities()
    size = len(logs)
    embedding = np.zeros((size, WIDTH), np.float32)
    embedding[np.arange(size), np.arange(size)] = 1.0
    ones = np.ones(WIDTH, np.float32)
    attention = {f"blk.0.attn_{name}.weight": matrix for name, matrix in _attention(size).items()}
    shapes = {"ffn_gate": (FORWARD, WIDTH), "ffn_up": (FORWARD, WIDTH), "ffn_down": (WIDTH, FORWARD)}
    forward = {f"blk.0.{name}.weight": np.zeros(shape, np.float32) for name, shape in shapes.items()}
    norms = {name: ones for name in ("blk.0.attn_norm.weight", "blk.0.ffn_norm.weight", "output_norm.weight")}
    return {"token_embd.weight": embedding, "output.weight": _output(logs), **attention, **forward, **norms}


def write(path: Path) -> None:
    import gguf

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("markov")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-12)  # the usual 1e-6 would show in the third digit
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    _add_tokenizer(writer, gguf.TokenType)
    for name, tensor in tensors().items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokenizer(writer: Any, kinds: Any) -> None:
    known, letters = tokens(), _byte_letters()
    spelt = [
        token if token in {*CONTROL, *MARKS, *WORDS} else "".join(letters[ord(char)] for char in token)
        for token in known
    ]
    types = [
        kinds.CONTROL if token in CONTROL else kinds.USER_DEFINED if token in {*MARKS, *WORDS} else kinds.NORMAL
        for token in known
    ]
    writer.add_vocab_size(len(known))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(spelt)
    writer.add_token_types(types)
    writer.add_token_merges([" ".join(UNUSED_PAIR)])
    writer.add_bos_token_id(known.index(CONTROL[0]))
    writer.add_eos_token_id(known.index(CONTROL[2]))
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def _byte_letters() -> Sequence[str]:
    """GPT-2's spelling of bytes: printable ones as themselves, the others as characters from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


if __name__ == "__main__":
    write(Path(sys.argv[1]))
