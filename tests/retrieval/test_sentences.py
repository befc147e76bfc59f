import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.sentences import LONGEST, sentences


def cut(text):
    return [text[span.start : span.end] for span in sentences(text)]


@pytest.mark.parametrize(
    "parts",
    [
        ["Dr. Smith paid $3.5 million.", "He left."],
        ["J. K. Rowling wrote it in the U.S.", "The end came at 5 p.m. on No. 5 of 6½."],
        ["The U.S. Army met St. John vs. Mr. Lee, Jr. in Fig. 3.", "Really?!", "Yes."],
        ['"Stop!" he said.', '"Go."', "She went.[12]", "(He stayed.)", "Fine"],
        ["See e.g. Bob et al. 2020.", "I said no.", "Ok… then it ended.", "¿Qué?", "Ünder."],
        ["It grew 3.14% to 1,000.50 at 10.5.2.", "2020 was better."],
        ["Это конец.", "Начало здесь.", "यह अंत है।", "नया वाक्य"],
    ],
)
def test_western_sentences(parts):
    assert cut(" ".join(parts)) == parts


@pytest.mark.parametrize(
    "parts",
    [
        ["他说：“你好。”", "然后走了！", "真的吗？？", "价格是3.5元；", "数量是6½。", "完"],
        ["他说“好……”，然后走了。", "“是的。”", "（完。）", "『終わり。』", "次。"],
        ['他说"好。"', '然后走了。', '"不。"', "完。"],
        ["没有空格.", "第二句!", "第三句?", "3.5倍的Yahoo!公司。"],
        ["そうです。", "はい！", "한국어 문장입니다."],
    ],
)  # fmt: skip
def test_cjk_sentences_need_no_spaces(parts):
    assert cut("".join(parts)) == parts


def test_markdown_structure_ends_sentences():
    text = (
        "# Title\nText one. Text two.\n\n- item one. More.\n- item two\n  goes on\n1. First. Second.\n\n"
        "| a | b. C |\n|---|---|\n\n```py\nx = 1. \n\ny = 2\n```\nafter\n\nSetext\n======\nbody"
    )
    assert cut(text) == [
        "# Title", "Text one.", "Text two.", "- item one.", "More.", "- item two\n  goes on", "1. First.", "Second.",
        "| a | b. C |", "|---|---|", "```py\nx = 1. \n\ny = 2\n```", "after", "Setext\n======", "body",
    ]  # fmt: skip


def test_wrapped_lines_go_on_and_short_lines_end():
    text = "A Short Title\nThis paragraph was wrapped by an editor at some width and\nThen goes on. 第一行\n第二行"
    assert cut(text)[:2] == [
        "A Short Title",
        "This paragraph was wrapped by an editor at some width and\nThen goes on.",
    ]


PIECES = st.sampled_from(
    [
        ".",
        "!",
        "?",
        "。",
        "；",
        "…",
        "”",
        '"',
        ")",
        "\n",
        "\n\n",
        " ",
        "# ",
        "- ",
        "1. ",
        "| ",
        "```",
        "---",
        "[1]",
        "Dr",
        "U.S",
        "no",
        "3",
        "word",
        "Word",
        "词语",
        "한국",
        "😀",
        "\u200b",
        "\x1c",
        "\u3000",
        "e\u0301",
        "x" * 900,
    ]
)
TEXTS = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=60).map("".join))


@given(TEXTS)
def test_spans_cover_all_text_in_order_and_are_stripped(text):
    behind = 0
    for span in sentences(text):
        assert text[behind : span.start].strip() == ""
        piece = text[span.start : span.end]
        assert piece == piece.strip() != ""
        assert len(piece) <= LONGEST
        behind = span.end
    assert text[behind:].strip() == ""


@given(st.integers(0, 10**9), st.integers(0, 10**6), st.sampled_from([" ", "这是", "He said "]))
def test_numbers_stay_whole(whole, part, before):
    number = f"{whole}.{part}"
    text = f"{before}{number} units. Then {number}."
    assert sum(number in sentence for sentence in cut(text)) == 2


def test_a_long_sentence_is_cut_at_a_space():
    pieces = cut("word " * 2000)
    assert len(pieces) >= 5
    assert {piece.split()[0] for piece in pieces} == {piece.split()[-1] for piece in pieces} == {"word"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit", ["a ", "a", ".", "。", "…", '。"', "a. ", "\n", "|\n", "`", "你好，", "```\n", "1. ", "---\n"]
)
def test_time_is_linear(unit):
    """A quadratic scan would take 8 times as long per character on 8 times the text."""

    def per_character(n):
        text = unit * (n // len(unit))
        started = time.process_time()
        sentences(text)
        return (time.process_time() - started) / n

    # The least of three: whatever else the machine does can only add to a time.
    small, large = (min(per_character(n) for _ in range(3)) for n in (10_000, 80_000))
    assert large < 4 * small + 2e-7
