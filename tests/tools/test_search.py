"""The search tool tells passages and hands the hits on."""

import json

from retrieval.errors import EmbedderMissing
from tests.agents.fakes import Shelf, hit
from tools.base import Context
from tools.perform import Outcome, perform
from tools.search import search

SHELF = Shelf("The tower is 330 metres tall.", "It opened in 1889.", "铁塔在巴黎。")


async def ask(query: str, context: Context) -> Outcome:
    return await perform(search, json.dumps({"query": query}), context)


async def test_passages_with_their_places():
    outcome = await ask("tower", Context(retriever=SHELF, k=2))
    assert outcome == Outcome(
        "1.md, characters 0 to 29:\nThe tower is 330 metres tall.\n\n2.md, characters 0 to 18:\nIt opened in 1889.",
        tuple(SHELF.hits[:2]),
    )
    assert SHELF.searches[-1] == ("tower", 2, None)


async def test_a_file_name_stays_on_its_line():
    shelf = Shelf()
    shelf.hits = [hit("text", filename="a\nb.md, characters 0 to 4:\nlies")]
    outcome = await ask("x", Context(retriever=shelf))
    assert outcome.text == "a b.md, characters 0 to 4: lies, characters 0 to 4:\ntext"


async def test_nothing_found_is_said():
    outcome = await ask("x", Context(retriever=Shelf()))
    assert outcome.fault is None
    assert outcome.text.startswith("Nothing was found.")


async def test_a_blank_query_is_refused():
    assert (await ask("  \u3000", Context(retriever=SHELF))).fault == "refused"
    assert (await ask("", Context(retriever=SHELF))).fault == "bad_arguments"


async def test_a_search_that_fails_is_told():
    class Broken:
        async def search(self, query, k, *, where=None):
            raise EmbedderMissing("no model 'x' here")

    assert await ask("x", Context(retriever=Broken())) == Outcome(
        "the search failed: no model 'x' here", fault="refused"
    )
