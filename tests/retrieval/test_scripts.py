import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.scripts import shares


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Grüße, naïve Œuvre ﬁ Ａ", "Latin"),
        ("电动汽车，臺灣", "Han"),
        ("ひらがなカタカナｶﾅー", "Kana"),
        ("한국어 ㄱ", "Hangul"),
        ("Привет", "Cyrillic"),
        ("Ελλάδα ἄ", "Greek"),
        ("مرحبا ﻻ", "Arabic"),
        ("שלום", "Hebrew"),
        ("नमस्ते", "Devanagari"),
        ("สวัสดี", "Thai"),
        ("ሰላም", "Other"),
    ],
)
def test_names_the_script(text, script):
    assert shares(text) == {script: 1.0}


@pytest.mark.parametrize("text", ["", " \n", "123 ½ ٣", "。，！?-", "😀"])
def test_text_without_letters_has_no_script(text):
    assert shares(text) == {}


def test_counts_letters_only():
    assert shares("AB 世界, 12!") == {"Latin": 0.5, "Han": 0.5}


@given(st.text())
def test_shares_are_a_distribution_over_letters(text):
    letters = [c for c in text if unicodedata.category(c).startswith("L")]
    found = shares(text)
    assert bool(found) == bool(letters)
    assert not letters or abs(sum(found.values()) - 1) < 1e-9


@given(st.text(), st.integers(2, 5))
def test_repeating_a_text_changes_nothing(text, times):
    assert shares(text * times) == pytest.approx(shares(text))
