import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.tokens import LONGEST_WORD, token_spans, tokenizer

WORDS = st.sampled_from(
    ["word", "Straße", "电动汽车", "한국어", "😀", "e\u0301t\u00e9", "3.5", "[SEP]", "\x07", "\u200b"]
)


def test_spans_are_places_in_the_text():
    text = "Ünlü 电动 😀 [SEP] end"
    spans = token_spans(text)
    assert [text[a:b] for a, b in spans.tolist()] == ["Ün", "lü", "电", "动", "😀", "[", "SEP", "]", "end"]


def test_no_tokens():
    assert token_spans("").shape == token_spans(" \n\u200b").shape == (0, 2)


@given(st.lists(WORDS, max_size=30).map(" ".join))
def test_spans_are_ordered_and_inside(text):
    spans = token_spans(text)
    assert (spans[:, 0] < spans[:, 1]).all()
    assert (spans[1:, 0] >= spans[:-1, 0]).all()
    assert not len(spans) or spans.max() <= len(text)


@pytest.mark.slow
@given(st.lists(WORDS, min_size=1, max_size=8).map(" ".join), st.sampled_from([" ", "。", "\n\n"]))
def test_a_long_text_has_the_tokens_of_its_parts(part, joint):
    times = 12_000 // len(part + joint) + 1
    assert len(token_spans((part + joint) * times)) == times * len(token_spans(part + joint))


def test_a_word_too_long_for_the_vocabulary_counts_by_letter():
    assert len(token_spans("x" * (LONGEST_WORD + 1))) == LONGEST_WORD + 1
    assert len(token_spans("a " + "x" * 30_000 + " b")) == 30_002
    assert len(token_spans("한" * 200)) == 600


def test_tokenizer_neither_cuts_nor_pads():
    encoding = tokenizer().encode("word " * 1000)
    assert len(encoding.ids) == 1002
    assert encoding.tokens[0] == "[CLS]"
    assert len(tokenizer().encode("a").ids) == 3


def test_threads_share_one_tokenizer():
    text = "The quick brown fox 电动汽车. " * 200
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: (id(tokenizer()), len(token_spans(text))), range(8)))
    assert len(set(found)) == 1


def test_import_is_cheap():
    code = "import sys, retrieval.tokens, retrieval.chunking, retrieval.loaders.isolated; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "tokenizers", "bs4", "lxml", "docx", "pypdfium2", "torch"} & set(loaded)
