import threading

import numpy as np
import pytest

from retrieval.indexes.bm25 import BM25Index


def index(*texts: str) -> BM25Index:
    made = BM25Index()
    made.add(np.arange(len(texts)), texts)
    return made


def found(searched: BM25Index, query: str, k: int = 10) -> list[int]:
    _, ids = searched.search([query], k)
    return [id for id in ids[0].tolist() if id >= 0]


def test_only_documents_with_a_term_are_found() -> None:
    assert found(index("sand and stone", "a river", "stone"), "stones") == [2, 0]
    assert found(index("sand", "stone"), "cloud") == []
    assert found(index("sand", "stone"), "the of") == []


def test_a_rare_term_tells_more() -> None:
    assert found(index("car price", "car", "car", "car battery"), "car battery")[0] == 3


@pytest.mark.parametrize(
    ("query", "best"),
    [("清华大学在哪里？", 0), ("茶", 1), ("INV-2024-001", 2), ("6½", 3), ("東京タワー", 4), ("e-mails", 5)],
)
def test_finds_in_any_script(query: str, best: int) -> None:
    texts = ["清华大学位于北京", "乌龙茶", "invoice INV-2024-001", "6.5 sacks", "東京タワーの高さ", "email addresses"]
    assert found(index(*texts), query)[0] == best


def test_a_term_twice_in_the_query_counts_twice() -> None:
    searched = index("sand", "stone")
    once, twice = (searched.search([query], 2)[0][0, 0] for query in ("sand", "sand sand"))
    assert twice == pytest.approx(2 * once)


def test_equal_documents_come_by_id() -> None:
    made = BM25Index()
    made.add(np.array([9, 3, 7, 1]), ["same text"] * 4)
    assert found(made, "text") == [1, 3, 7, 9]
    assert found(made, "text", k=2) == [1, 3]


def test_given_terms_are_taken_as_they_are() -> None:
    made = BM25Index()
    made.add(np.array([1]), ["not read"], terms=[["stone", "stone"]])
    assert found(made, "stones") == [1]
    assert found(made, "read") == []
    with pytest.raises(ValueError, match="2 terms"):
        made.add(np.array([2]), ["text"], terms=[[], []])


def test_a_document_without_terms_is_held_and_never_found() -> None:
    made = index("", "the", "sand")
    assert len(made) == 3
    assert found(made, "sand the") == [2]
    made.remove(np.array([0, 1]))
    assert len(made) == 1


def test_matched_names_the_terms() -> None:
    made = index("clean energy in 北京", "sand")
    assert made.matched("Is energy clean, and clean 北京 sand?", 0) == ["energi", "clean", "北", "京", "北京"]
    assert made.matched("energy", 1) == []
    assert made.matched("energy", 77) == []
    made.remove(np.array([0]))
    assert made.matched("energy", 0) == []


def test_idf_falls_with_every_document_that_has_the_term() -> None:
    made = index("sand stone", "sand", "sand")
    assert 0 < made.idf("sand") < made.idf("stone") < made.idf("cloud")
    before = made.idf("stone")
    made.remove(np.array([1, 2]))
    assert made.idf("stone") < before


def test_attainable_is_above_any_score_and_leaves_out_what_nobody_has() -> None:
    made = index("sand stone", "sand " * 50, "river")
    assert made.attainable("sand stone cloud") == made.attainable("sand stone")
    assert made.search(["sand stone"], 1)[0][0, 0] < made.attainable("sand stone")
    assert made.attainable("cloud") == 0
    assert BM25Index().attainable("sand") == 0


def test_one_by_one_is_as_all_at_once() -> None:
    texts = [f"sand{n % 7} stone{n % 3}" for n in range(200)]
    grown = BM25Index()
    for n, text in enumerate(texts):
        grown.add(np.array([n]), [text])
    one, other = (made.search(["sand3 stone1"], 50) for made in (grown, index(*texts)))
    assert one[0] == pytest.approx(other[0])
    assert one[1].tolist() == other[1].tolist()


def test_a_long_query_and_odd_ones() -> None:
    made = index("sand", "stone")
    assert found(made, "sand " * 20_000) == [0]
    for query in ("", "😀", "\ud800", "\x00"):
        assert found(made, query) == []


def test_threads_may_search_together() -> None:
    made = index(*(f"sand{n % 10} stone" for n in range(500)))
    made.add(np.array([1000]), ["sand3 sand3"])
    results: list[list[int]] = []
    threads = [threading.Thread(target=lambda: results.append(found(made, "sand3"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6
    assert all(result == results[0] and result[0] == 1000 for result in results)
