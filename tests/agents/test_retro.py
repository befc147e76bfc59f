"""RETRO's retrieval side: chunks of m tokens, neighbours with what follows them, and who may be one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import catalog
from agents.events import Retrieved
from agents.retro import RetroOptions
from agents.retro_chunks import chunks, joint, last_chunk, neighbour, says_again, whole_words
from agents.run import Deps, RunInput, Sampling
from agents.stream import stream
from backends.base import Delta
from retrieval.filters import parse
from retrieval.tokens import token_spans
from tests.agents.fakes import USAGE, Replies, hit, said, warnings

RETRO = catalog.get("retro")
RIVERS = "The Rhine rises in the Alps. It flows through Basel and Cologne. It meets the sea near Rotterdam."
FAIR = "it reaches Basel. Every year in autumn Basel has a fair that many people come to"
HARBOUR = "The harbour opened in 2019. Its bridge was closed for repairs and the tower was rebuilt once more"


def cut(text):
    """A reply that its limit of tokens ended."""
    return [Delta(text=text), Delta(finish="length", usage=USAGE)]


class Library:
    """Files as passages of so many characters; keeps what it was asked, and finds by shared words."""

    def __init__(self, size=60, **files):
        self.asked, self.hits = [], []
        for name, text in files.items():
            for start in range(0, len(text), size):
                part = hit(text[start : start + size], chunk_id=len(self.hits) + 1, start=start, filename=f"{name}.md")
                self.hits.append(part.model_copy(update={"file_id": f"file-{name}"}))

    async def search(self, query, k, *, where=None):
        self.asked.append((query, k, where))
        found = [one for one in self.hits if where is None or passes(one, where)]
        wanted = set(query.lower().split())
        return sorted(found, key=lambda one: -len(wanted & set(one.text.lower().split())))[:k]


def passes(one, where):
    return parse(where)({"filename": one.filename, "file": one.file_id})


async def write(library, *replies, question="Where does the Rhine rise?", sampling=None, **options):
    backend = Replies(*replies)
    deps = Deps(
        backend=backend, retriever=library, options=RetroOptions(**options), sampling=sampling or Sampling()
    )  # fmt: skip
    return backend, [event async for event in stream(RETRO, RunInput(question=question), deps, run_id="r")]


@given(st.text(max_size=300), st.integers(16, 64))
def test_chunks_share_a_text_out_without_rest(text, m):
    places = chunks(text, m)
    spans = token_spans(text).tolist()
    assert len(places) == -(-len(spans) // m)
    if places:
        assert "".join(text[start:end] for start, end in places) == text
        counts = [sum(start <= span[0] < end for span in spans) for start, end in places]
        assert counts[:-1] == [m] * (len(places) - 1)
        assert 1 <= counts[-1] <= m


def test_a_neighbour_is_the_chunk_that_shares_most_and_what_follows_it():
    text = " ".join(f"Filler number {n} of many." for n in range(8)) + f" {RIVERS} Then comes the end of it."
    found = neighbour(hit(text, start=100), [], "the Rhine in the Alps", 16)
    assert "Rhine rises in the Alps" in found.chunk
    assert found.continuation.startswith("It flows through") or "Basel" in found.continuation
    assert text[found.hit.start - 100 : found.hit.end - 100] == found.hit.text
    assert [len(token_spans(part)) for part in (found.chunk, found.continuation)] == [16, 16]


def test_a_continuation_goes_on_in_the_next_passage_of_the_same_file_only():
    first, second = hit(RIVERS[:29], start=0), hit(RIVERS[20:], chunk_id=2, start=20)
    other = second.model_copy(update={"file_id": "file-1"})
    assert neighbour(first, [second], "Rhine", 16).continuation == ""
    found = neighbour(first, [other], "Rhine Alps", 16)
    assert RIVERS.startswith(found.hit.text)
    assert len(found.hit.text) > 40
    assert neighbour(hit("  "), [], "Rhine", 16).hit.text == "  "


async def test_each_chunk_is_written_with_the_neighbours_of_the_one_before():
    library = Library(a=RIVERS, b="Cologne has a cathedral with two towers. Basel has a fair in autumn.")
    replies = (
        cut("The Rhine rises in the Alps [1] and then"),
        cut(f"{FAIR} se"),
        said("in autumn."),
    )
    backend, events = await write(library, *replies, k=1, m=16)
    assert events[-1].answer == f"The Rhine rises in the Alps [1] and {FAIR} in autumn."
    searched = [query for query, k, _ in library.asked if k == 1]
    assert searched == [
        "Where does the Rhine rise?",
        last_chunk("The Rhine rises in the Alps [1] and", 16),
        last_chunk(
            f"The Rhine rises in the Alps [1] and {FAIR}",
            16,
        ),
    ]
    assert [request.max_tokens for request in backend.requests] == [16, 16, 16]
    assert [len(request.sources) for request in backend.requests] == [1, 1, 1]
    assert "fair in autumn" in backend.requests[2].sources[0].text
    assert [citation.filename for citation in events[-1].citations] == ["a.md"]
    assert events[-1].finish_reason == "stop"


async def test_nothing_is_retrieved_from_the_document_that_is_being_written():
    library = Library(mine=RIVERS, other="Other rivers rise in other hills.")
    backend, _ = await write(library, said("x"), document="mine.md")
    assert {source.title for source in backend.requests[0].sources} == {"other.md"}
    assert RetroOptions(document="a", where={"type": "eq", "key": "year", "value": 1}).filter()["type"] == "and"


async def test_a_continuation_is_looked_for_among_what_may_be_searched():
    library = Library(open=RIVERS, secret=f"{RIVERS} {FAIR}")
    library.hits = [one.model_copy(update={"filename": "same.md"}) for one in library.hits]
    where = {"type": "eq", "key": "file", "value": "file-open"}
    _, events = await write(library, said("x"), m=16, where=where)
    found = [one.file_id for event in events if isinstance(event, Retrieved) for one in event.hits]
    assert len(library.asked) > 1
    assert set(found) == {"file-open"}


def test_a_filter_leaves_room_for_the_conditions_on_names():
    deep = {"type": "eq", "key": "year", "value": 1}
    for _ in range(7):
        deep = {"type": "or", "filters": [deep]}
    RetroOptions(where=deep)
    with pytest.raises(ValueError, match="the filter is too large"):
        RetroOptions(where={"type": "or", "filters": [deep]})


@pytest.mark.parametrize(
    ("piece", "again"),
    [("in 2019.", False), ("once more", False), ("was rebuilt once more", True), (HARBOUR, True)],
)
def test_a_repetition_is_more_than_words_that_stand_elsewhere(piece, again):
    assert says_again(HARBOUR, piece, 64) == again


async def test_a_short_end_is_kept_though_its_words_stand_elsewhere():
    _, events = await write(Library(a=RIVERS), cut(f"{HARBOUR} zz"), said("in 2019."))
    assert (events[-1].answer, warnings(events)) == (f"{HARBOUR} in 2019.", [])
    loop = "Round and round the river goes by day and by night and it never comes to rest"
    _, events = await write(Library(a=RIVERS), cut(f"{HARBOUR} {loop} zz"), cut(f"{loop} zz"), m=16)
    assert (events[-1].answer, warnings(events)) == (f"{HARBOUR} {loop}", ["repeated"])
    _, events = await write(Library(a=RIVERS), cut(f"{HARBOUR} zz"), said(" "))
    assert (events[-1].answer, warnings(events), events[-1].finish_reason) == (HARBOUR, [], "stop")


async def test_it_ends_at_its_chunks_at_the_callers_tokens_and_where_it_repeats():
    library = Library(a=RIVERS)
    backend, events = await write(library, cut("One two"), cut("three four"), cut("five six"), m=16, max_chunks=3)
    assert (len(backend.requests), events[-1].finish_reason) == (3, "length")
    assert events[-1].answer == "One three five six"
    backend, events = await write(library, cut("One two"), cut("three four"), m=16, sampling=Sampling(max_tokens=20))
    assert [request.max_tokens for request in backend.requests] == [16, 4]
    backend, events = await write(library, cut("One two three"), m=16)
    assert (events[-1].answer, warnings(events)) == ("One two", ["repeated"])


async def test_the_sources_may_not_tell():
    _, events = await write(Library(a=RIVERS), said("NO_ANSWER"), question="莱茵河有多深？")
    assert events[-1].answer == "所检索的资料没有回答这个问题。"


@pytest.mark.parametrize(
    ("before", "piece", "between"),
    [("a", "b", " "), ("a ", "b", ""), ("a", ", b", ""), ("河", "流", ""), ("", "b", "")],
)
def test_pieces_are_joined_as_words_are(before, piece, between):
    assert joint(before, piece) == between


def test_half_a_word_at_the_end_is_taken_back():
    assert whole_words("the Rhi") == "the"
    assert whole_words("the end.") == "the end."
    assert whole_words("莱茵河") == "莱茵河"
    assert whole_words("Rhi") == "Rhi"
