from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.evidence import Evidence, select
from retrieval.sentences import sentences

if TYPE_CHECKING:
    from retrieval.base import Vectors

LATIN = frozenset({"Latin"})
HARBOUR = (
    "The old harbour of Brindlemouth was dug in 1831 by the engineer Ada Corwen."
    " It froze over twice in its first decade. Today some 420 fishing boats land herring there."
    " The lighthouse keeper lives in a cottage with a blue door."
)
ORCHARD = (
    "Apple trees need a cold winter to set fruit. Most growers prune them in February. Scab is the commonest disease of"
    " the leaf, and copper was long the only remedy."
)
PORT = (
    "布林港的旧码头由工程师艾达·科文于1831年主持开挖。码头建成后的头十年里曾两次封冻。如今约有420条渔船在那里卸鲱鱼。"
    "灯塔看守人住在一间蓝门小屋里。"
)
GARDEN = "苹果树需要寒冷的冬天才能结果。多数果农在二月修剪果树。疮痂病是叶片上最常见的病害。"


def by_words(texts: Sequence[str]) -> Vectors:
    """A stand-in for an embedder: unit vectors, alike as far as words are shared."""
    rows = np.zeros((len(texts), 256), np.float32)
    for row, text in zip(rows, texts, strict=True):
        row[0] = 0.1
        for word in text.casefold().split():
            row[1 + crc32(word.strip(".,?").encode()) % 255] += 1
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def refuse(texts: Sequence[str]) -> Vectors:
    raise AssertionError(f"embedded {texts!r}")


def quoted(evidence: Evidence, passages: Sequence[str]) -> list[str]:
    return [passages[quote.passage][quote.span.start : quote.span.end] for quote in evidence.quotes]


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Who dug the old harbour of Brindlemouth?", "Ada Corwen"),
        ("When was the harbour of Brindlemouth dug?", "1831"),
        ("How many fishing boats land herring there?", "420"),
        ("Which disease of the leaf is the commonest?", "Scab"),
        ("When do growers prune apple trees?", "February"),
        ("布林港的旧码头是哪一年开挖的？", "1831"),
        ("有多少条渔船在布林港卸鲱鱼？", "420"),
        ("灯塔看守人住在哪里？", "蓝门小屋"),
        ("果农什么时候修剪果树？", "二月"),
    ],
)
@pytest.mark.parametrize("embed", [by_words, None])
def test_quotes_the_sentence_that_says_it(question: str, said: str, embed: object) -> None:
    passages = [ORCHARD, HARBOUR, GARDEN, PORT]
    evidence = select(question, passages, by_words if embed else None, scripts=LATIN)
    assert not evidence.abstained
    assert any(said in text for text in quoted(evidence, passages)), quoted(evidence, passages)


@pytest.mark.parametrize(
    ("question", "passages"),
    [
        ("Who composed the opera about the flying Dutchman?", [HARBOUR, ORCHARD]),
        ("What is the boiling point of mercury?", [HARBOUR]),
        ("红烧肉应该炖多长时间？", [PORT, GARDEN]),
        ("谁创作了这部歌剧？", [HARBOUR, ORCHARD]),
        ("Who dug the harbour?", []),
        ("Who dug the harbour?", ["", "  \n "]),
        ("Who dug the harbour?", ["---", "🙂🙂 …"]),
    ],
)
@pytest.mark.parametrize("embed", [by_words, None])
def test_abstains_when_the_passages_do_not_say(question: str, passages: list[str], embed: object) -> None:
    evidence = select(question, passages, by_words if embed else None, scripts=LATIN)
    assert evidence.abstained
    assert evidence.quotes == ()


@pytest.mark.parametrize(
    "question",
    [
        "Who dug the old harbour of Saltwick in the town of Ostermoor?",
        "How many fishing boats did land herring there in 1977?",
    ],
)
def test_a_name_or_figure_that_no_passage_mentions_lowers_the_confidence(question: str) -> None:
    plain = question.replace("of Saltwick in the town of Ostermoor", "").replace("in 1977", "")
    with_it, without = (select(text, [HARBOUR], None, scripts=LATIN) for text in (question, plain))
    assert with_it.abstained
    assert not without.abstained


def test_a_title_in_quotation_marks_is_a_name() -> None:
    passages = ["光荣公司开发了《星海纪行》，由两个公司合作完成。"]
    assert not select("《星海纪行》是由哪个公司开发的？", passages, None, scripts=LATIN).abstained
    assert select("《月下长歌》是由哪个公司开发的？", passages, None, scripts=LATIN).abstained


@pytest.mark.parametrize("question", ["", "   ", "🙂", "？！", "...", "什么？", "What is the?"])
def test_a_question_that_asks_nothing_is_abstained_from(question: str) -> None:
    evidence = select(question, [HARBOUR, PORT], refuse, scripts=LATIN)
    assert evidence == Evidence(quotes=(), confidence=0.0, abstained=True)


def test_the_embedder_is_not_asked_about_a_script_it_does_not_know() -> None:
    question = "布林港的旧码头是哪一年开挖的？"
    assert select(question, [PORT], refuse, scripts=LATIN) == select(question, [PORT], None, scripts=LATIN)
    with pytest.raises(AssertionError, match="embedded"):
        select(question, [PORT], refuse, scripts=frozenset())


def test_a_mixed_question_is_judged_by_both() -> None:
    passages = ["Brindlemouth 的旧码头于1831年开挖。", ORCHARD]
    evidence = select("Brindlemouth 的码头是哪一年开挖的？", passages, by_words, scripts=LATIN)
    assert quoted(evidence, passages)[0] == passages[0]


def test_a_sentence_that_two_chunks_share_is_quoted_once() -> None:
    evidence = select("Who dug the old harbour of Brindlemouth?", [HARBOUR, HARBOUR], by_words, scripts=LATIN)
    texts = quoted(evidence, [HARBOUR, HARBOUR])
    assert len(set(texts)) == len(texts) > 0


def test_a_long_passage_is_searched_whole_but_embedded_in_part() -> None:
    filler = " ".join(f"Boat number {n} came home with a hold full of cod." for n in range(450))
    passage = f"{filler} The harbour of Brindlemouth was dug by Ada Corwen."
    assert len(passage) > 20_000
    asked: list[int] = []

    def counting(texts: Sequence[str]) -> Vectors:
        asked.append(len(texts))
        return by_words(texts)

    evidence = select("Who dug the harbour of Brindlemouth?", [passage], counting, scripts=LATIN)
    assert quoted(evidence, [passage])[0] == "The harbour of Brindlemouth was dug by Ada Corwen."
    assert len(asked) == 1
    assert asked[0] <= 13


def test_fewer_than_one_sentence_is_refused() -> None:
    with pytest.raises(ValueError, match="max_sentences is 0"):
        select("Who?", [HARBOUR], None, scripts=LATIN, max_sentences=0)


PIECES = [
    *HARBOUR.split(". "),
    *PORT.split("。"),
    ORCHARD,
    "🙂",
    "| a | 1831 |",
    "\n\n",
    " ",
    "[3] e.g. 3.5",
    "𝒳\u0301",
]
TEXTS = st.one_of(st.lists(st.sampled_from(PIECES), max_size=6).map(". ".join), st.text(max_size=60))
QUESTIONS = st.one_of(
    st.sampled_from(["Who dug the harbour?", "码头是哪一年开挖的？", "How many boats in Brindlemouth?", "Ada 是谁？"]),
    TEXTS,
)


@given(QUESTIONS, st.lists(TEXTS, max_size=4), st.integers(1, 4), st.sampled_from([by_words, None]))
def test_quotes_are_sentences_of_their_passage(question: str, passages: list[str], most: int, embed: object) -> None:
    chosen = by_words if embed else None
    evidence = select(question, passages, chosen, scripts=LATIN, max_sentences=most, threshold=0.0)
    assert len(evidence.quotes) <= most
    assert evidence.abstained == (not evidence.quotes)
    assert 0.0 <= evidence.confidence <= 1.0
    for quote in evidence.quotes:
        assert quote.span in sentences(passages[quote.passage])
        assert 0.0 <= quote.score <= 1.0
    assert [quote.score for quote in evidence.quotes] == sorted((q.score for q in evidence.quotes), reverse=True)
    assert evidence == select(question, passages, chosen, scripts=LATIN, max_sentences=most, threshold=0.0)


@given(QUESTIONS, st.lists(TEXTS, max_size=3), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_threshold_never_turns_an_abstention_into_an_answer(
    question: str, passages: list[str], one: float, other: float
) -> None:
    low, high = (select(question, passages, None, scripts=LATIN, threshold=at) for at in sorted((one, other)))
    assert low.confidence == high.confidence
    assert high.abstained or high.quotes == low.quotes


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "hit", "false_abstention", "abstention"),
    [("xquad-en", 0.80, 0.10, 0.85), ("xquad-zh", 0.70, 0.20, 0.75)],
)
def test_floors_on_whole_data_sets(
    data_dir: Path, cache_dir: Path, name: str, hit: float, false_abstention: float, abstention: float
) -> None:
    from benchmarks.abstention import measure

    if not (data_dir / name).is_dir():
        pytest.skip(f"no data set {name!r} in {str(data_dir)!r}")
    shares = measure(data_dir / name, cache_dir)["default"]
    assert shares["hit"] >= hit
    assert shares["false_abstention"] <= false_abstention
    assert shares["abstention"] >= abstention


CITIES = (
    "## Cities, rows 2-4\n| City | Lamp posts with sockets | Year |\n| Rotterdam | 3150 | 2022 |\n"
    "| Utrecht | 1210 | 2021 |\n| Wien | 480 | 2023 |"
)
SHIPS = "# 船只\n\n| 名称 | 吨位 | 下水日期 |\n| 海燕号 | 4217 | 1998-05-02 |\n| 北风号 | 388 | 2011-07-19 |"


@pytest.mark.parametrize(
    ("question", "rows"),
    [
        ("How many lamp posts with sockets does Rotterdam have?", ["| City |", "| Rotterdam | 3150 |"]),
        ("In which year did Utrecht have lamp posts with sockets?", ["| City |", "| Utrecht | 1210 |"]),
        ("北风号的吨位是多少？", ["| 名称 |", "| 北风号 | 388 |"]),
        ("How many hydrogen buses does Rotterdam have?", []),
    ],
)
@pytest.mark.parametrize("embed", [by_words, None])
def test_a_row_is_found_by_its_columns_and_quoted_with_them(question: str, rows: list[str], embed: object) -> None:
    passages = [ORCHARD, CITIES, PORT, SHIPS]
    found = quoted(select(question, passages, by_words if embed else None, scripts=LATIN), passages)
    assert [text[: len(row)] for text, row in zip(found, rows, strict=True)] == rows


def test_a_row_of_figures_is_no_header() -> None:
    passages = ["| Rotterdam | 3150 |\n| Utrecht | 1210 |"]
    assert quoted(select("What about Rotterdam?", passages, None, scripts=LATIN), passages) == ["| Rotterdam | 3150 |"]
