import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.chunking import AUTO, AUTO_UNTRAINED, Chunking, chunks, from_strategy
from retrieval.errors import BadChunking
from retrieval.scripts import shares
from retrieval.tokens import token_spans

PIECES = st.sampled_from(
    [
        "The quick brown fox jumps over the lazy dog. ",
        "词语很多的一句话，没有空格。",
        "한국어문장입니다 ",
        "😀",
        "\n",
        "\n\n",
        "\n# Head\n",
        "- item\n",
        "| a | b |\n",
        "x" * 150,
        "word ",
        "antidisestablishmentarianism-",
        "你好",
        "\u200b",
        "e\u0301t\u00e9",
        "a_b.c&d",
    ]
)
RUNS = st.tuples(PIECES, st.integers(1, 60)).map(lambda run: run[0] * run[1])
TEXTS = st.one_of(st.text(max_size=300), st.lists(RUNS, max_size=12).map("".join))
SIZES = st.integers(100, 300).flatmap(
    lambda size: st.integers(0, size // 2).map(lambda overlap: Chunking(max_tokens=size, overlap_tokens=overlap))
)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(TEXTS, st.one_of(st.just(AUTO), SIZES))
def test_laws(text, sizes):
    found = chunks(text, sizes, token_spans)
    if sizes == AUTO and shares(text) and shares(text).get("Latin", 0) < 0.5:
        sizes = AUTO_UNTRAINED
    covered = 0
    previous = None
    for chunk in found:
        piece = text[chunk.start : chunk.end]
        assert piece == piece.strip() != ""
        assert len(token_spans(piece)) <= sizes.max_tokens
        assert text[covered : chunk.start].strip() == ""
        if previous:
            assert chunk.start > previous.start
            assert chunk.end > previous.end
            shared = text[chunk.start : previous.end]
            assert len(token_spans(shared)) <= sizes.overlap_tokens
        covered, previous = chunk.end, chunk
    assert text[covered:].strip() == ""


@pytest.mark.parametrize("text", ["", " ", "\n\t\u3000\n"])
def test_white_space_makes_no_chunk(text):
    assert chunks(text, AUTO, token_spans) == []


def test_a_short_document_is_one_chunk():
    text = "# Title\n\nOne paragraph.\n\nAnother one. 还有中文。\n"
    (chunk,) = chunks(text, AUTO, token_spans)
    assert text[chunk.start : chunk.end] == text.strip()


def test_cuts_fall_between_sentences_and_overlap_by_whole_ones():
    sentence = "Sentence number {} says something about cats and dogs."
    text = " ".join(sentence.format(n) for n in range(100))
    pieces = [text[c.start : c.end] for c in chunks(text, AUTO, token_spans)]
    assert all(piece.startswith("Sentence number") and piece.endswith("dogs.") for piece in pieces)
    assert all(after[: after.index(".")] in before for before, after in pairwise(pieces))


def test_a_heading_stays_with_what_follows():
    section = "## Section {}\n\n" + "Some words about the thing at hand. " * 9 + "\n\n"
    text = "".join(section.format(n) for n in range(12))
    pieces = [text[c.start : c.end] for c in chunks(text, AUTO, token_spans)]
    assert len(pieces) > 3
    assert all(piece.startswith("## Section") and piece.endswith("hand.") for piece in pieces)


def test_the_rest_is_shared_evenly():
    text = "Some words about the thing at hand, again. " * 30
    assert len(token_spans(text)) == 300
    sizes = [len(token_spans(text[c.start : c.end])) for c in chunks(text, AUTO, token_spans)]
    assert len(sizes) == 2
    assert min(sizes) >= 120


@pytest.mark.parametrize(("sentence", "most"), [("Some words about the thing. ", 254), ("关于某事的一句话。", 508)])
def test_auto_chunks_are_larger_where_the_model_knows_no_word(sentence, most):
    text = sentence * 400
    sizes = [len(token_spans(text[c.start : c.end])) for c in chunks(text, AUTO, token_spans)]
    assert 0.9 * most < max(sizes) <= most


@pytest.mark.slow
def test_time_is_nearly_linear():
    def seconds(n):
        text = "Sentence about cats. 关于狗的句子。\n" * n
        spans = token_spans(text)
        started = time.process_time()
        chunks(text, AUTO, lambda _: spans)
        return time.process_time() - started

    # The least of several: a busy machine makes one of them take many times as long. A square would be 64 times.
    assert min(seconds(8000) for _ in range(3)) < 4 * 8 * min(seconds(1000) for _ in range(3)) + 0.1


@pytest.mark.parametrize("strategy", [None, {"type": "auto"}])
def test_auto(strategy):
    assert from_strategy(strategy) == AUTO
    assert AUTO.key == "auto"


def test_static():
    strategy = {"type": "static", "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}}
    assert from_strategy(strategy) == Chunking(max_tokens=800, overlap_tokens=400)
    assert from_strategy(strategy).key == "static:800:400"


@pytest.mark.parametrize(
    ("strategy", "named"),
    [
        ({}, ["chunking_strategy.type", "None"]),
        ({"type": "semantic"}, ["chunking_strategy.type", "'semantic'"]),
        ({"type": "auto", "size": 3}, ["chunking_strategy.size"]),
        ({"type": "static"}, ["chunking_strategy.static", "None"]),
        ({"type": "static", "static": 800}, ["chunking_strategy.static", "800"]),
        ({"type": "static", "static": {"max_chunk_size_tokens": 800}}, ["chunk_overlap_tokens", "None"]),
        ({"type": "static", "static": {"max_chunk_size_tokens": 99, "chunk_overlap_tokens": 0}}, ["size_tokens", "99"]),
        ({"type": "static", "static": {"max_chunk_size_tokens": 4097, "chunk_overlap_tokens": 0}}, ["4097"]),
        ({"type": "static", "static": {"max_chunk_size_tokens": True, "chunk_overlap_tokens": 0}}, ["True"]),
        ({"type": "static", "static": {"max_chunk_size_tokens": "800", "chunk_overlap_tokens": 0}}, ["'800'"]),
        ({"type": "static", "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 401}}, ["401", "400"]),
        ({"type": "static", "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": -1}}, ["overlap", "-1"]),
        (
            {"type": "static", "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 0, "x": 1}},
            ["chunking_strategy.static.x"],
        ),
    ],
)
def test_bad_strategies_are_named(strategy, named):
    with pytest.raises(BadChunking) as caught:
        from_strategy(strategy)
    assert all(word in str(caught.value) for word in named)
