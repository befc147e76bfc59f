import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.analysis import terms


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The companies were running", "company runs"),
        ("ＡＢＣ ﬁne", "abc fine"),
        ("Beyoncé naïve", "beyonce NAIVE"),
        ("the company's", "companies’"),
        ("1,200,000", "1200000"),
        ("6½ and ¾", "6.5 0.75"),
        ("U.S. and U.S.A.", "US USA"),
        ("STRASSE", "straße"),
    ],
)
def test_spellings_of_the_same(one: str, other: str) -> None:
    assert set(terms(one)) & set(terms(other)) == set(terms(other)) != set()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("state-of-the-art", {"state", "art"}),
        ("e-mail", {"email", "mail"}),
        ("iPhone15", {"iphone15", "iphon", "15"}),
        ("C++11 and C#", {"c++", "11", "c#"}),
        ("node.js", {"node", "js"}),
        ("word.Next,one", {"word", "next", "one"}),
        ("3.5mm", {"3.5", "mm"}),
        ("INV-2024-001", {"inv", "2024", "001"}),
        ("AT&T", {"att"}),
        ("O'Neill", {"oneil", "neill"}),
        ("1990s", {"1990", "1990s"}),
        ("192.168.0.1", {"192.168.0.1"}),
        ("2015–2016, 10,11", {"2015", "2016", "10", "11"}),
        ("Ω-Force", {"ωforce", "forc"}),
        ("हिन्दी", {"हिन्दी"}),
    ],
)
def test_joined_words_give_their_parts(text: str, found: set[str]) -> None:
    assert found <= set(terms(text))


@pytest.mark.parametrize("text", ["3.5", "1,200", "42", "007"])
def test_a_number_is_one_term(text: str) -> None:
    assert terms(text) == [text.replace(",", "")]


def test_stop_words_give_nothing() -> None:
    assert terms("What is the of and?") == []
    assert terms("谁？是什么") == []


def test_chinese_gives_characters_pairs_and_words() -> None:
    assert set(terms("清华大学")) == {"清", "华", "大", "学", "清华", "华大", "大学", "清华大学"}


@pytest.mark.parametrize("word", ["哪吒", "吗啡", "目的", "为了"])
def test_words_that_hold_an_asking_or_grammatical_character_stay(word: str) -> None:
    assert word in terms(f"关于{word}。")


def test_asking_is_not_asked_about() -> None:
    assert set(terms("哪些大学在北京呢？")) - {"在北"} == set(terms("大学。北京")) | {"学在", "在北"} - {"在北"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("我有iPhone手机", {"iphon", "手机"}),
        ("NFL总部", {"nfl", "总部"}),
        ("東京タワー", {"東京", "タワ", "ワー"}),
        ("서울특별시", {"서울", "특별"}),
        ("ภาษาไทย", {"ภา", "ไท"}),
        ("茶", {"茶"}),
        ("𠮷野家", {"𠮷野", "野家"}),
    ],
)
def test_scripts_without_spaces(text: str, found: set[str]) -> None:
    assert found <= set(terms(text))


@pytest.mark.parametrize("text", ["", " \n\t", "。，！?", "😀👍🏽", "\ud800", "'-.#"])
def test_no_words_no_terms(text: str) -> None:
    assert terms(text) == []


def test_without_the_dictionary_pairs_remain() -> None:
    program = """
import sys
sys.modules["rjieba"] = None
from retrieval.analysis import terms
print(ascii(terms("清华大学")))
"""
    done = subprocess.run([sys.executable, "-X", "utf8", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ascii(["清", "华", "大", "学", "清华", "华大", "大学"])


@given(st.text())
def test_terms_are_folded_bounded_and_never_empty(text: str) -> None:
    for term in terms(text):
        assert 0 < len(term) <= 70
        assert not term.isspace()
        assert term == term.casefold()


@given(st.text(), st.text())
def test_a_blank_line_parts_texts(one: str, other: str) -> None:
    assert terms(f"{one}\n\n{other}") == terms(one) + terms(other)


@given(st.text(alphabet="abAB12 .,-'&+#’é½中国的カ"))
def test_what_was_found_is_found_again(text: str) -> None:
    assert terms(text) == terms(text.upper())


@pytest.mark.parametrize("unit", ["a", "a-", "1,", "中", "é'", "½", "a.b ", "1.", "++"])
def test_takes_linear_time(unit: str) -> None:
    # 600 kB of each take under 0.3 s; quadratic work would run into the suite's time-out.
    text = unit * (600_000 // len(unit.encode()))
    assert len(terms(text)) <= 3 * len(text)


def test_several_threads_agree() -> None:
    words = [f"running{n} companies{n}" for n in range(2_000)]
    found: list[list[list[str]]] = []
    threads = [threading.Thread(target=lambda: found.append([terms(word) for word in words])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [found[0]] * 4
