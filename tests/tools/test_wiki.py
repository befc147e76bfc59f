"""The closed encyclopedia: pages by title, five sentences, the cursor of Lookup, Chinese pages."""

import json

import pytest

from retrieval.base import Hit
from retrieval.filters import parse
from tools import catalog, wiki
from tools.base import Context
from tools.perform import perform

PAGES = {
    "Paris": "Paris is the capital of France. It lies on the Seine. The Seine is a river. Paris has an opera. "
    "Its tower is tall. The tower is of iron. The river is 777 km long.",
    "Paris Hilton": "Paris Hilton is an American media figure.",
    "巴黎": "巴黎是法国的首都。塞纳河流过巴黎。河上有三十七座桥。",
    "AC/DC": "AC/DC\n\nAC/DC are a band. They are from Sydney.",
}


class Shelf:
    """Pages in chunks of 40 characters that overlap by 7; found in order, filters as a collection applies them."""

    def __init__(self, pages=PAGES, **attributes):
        self.hits = []
        for number, (title, text) in enumerate(pages.items()):
            for start in range(0, max(1, len(text) - 7), 33):
                part = text[start : start + 40]
                name = f"{title.replace('/', '_')}.txt"
                self.hits.append(
                    Hit(chunk_id=len(self.hits), file_id=f"f{number}", filename=name, text=part, start=start,
                        end=start + len(part), score=1.0, attributes=attributes.get(title, {}))
                )  # fmt: skip

    async def search(self, query, k, *, where=None):
        keep = parse(where) if where else lambda _: True
        return [hit for hit in reversed(self.hits) if keep({"filename": hit.filename, **hit.attributes})][:k]


async def test_a_page_begins_with_its_first_five_sentences():
    page = await wiki.find(Shelf(), "Paris")
    said, place = wiki.search(wiki.nowhere(), "Paris", page)
    assert said == (
        "Paris is the capital of France. It lies on the Seine. The Seine is a river. Paris has an opera. "
        "Its tower is tall."
    )
    assert len(place["sentences"]) == 7
    assert json.loads(json.dumps(place)) == place


@pytest.mark.parametrize("spelled", ["paris", " PARIS ", "Ｐａｒｉｓ"])
async def test_a_title_is_found_however_it_is_written(spelled):
    assert (await wiki.find(Shelf(), spelled.strip())).title == "Paris"


async def test_a_title_with_a_slash_and_the_title_as_first_line():
    page = await wiki.find(Shelf(), "AC/DC")
    assert page.sentences == ["AC/DC are a band.", "They are from Sydney."]


async def test_the_attribute_is_the_title_before_the_name_of_the_file():
    page = await wiki.find(Shelf({"p1": "One page. Two."}, p1={"title": "Lutetia"}), "lutetia")
    assert (page.title, page.sentences) == ("Lutetia", ["One page.", "Two."])


async def test_what_is_not_there_is_said_with_the_nearest_titles_and_the_page_stays():
    here = wiki.Place(title="Paris", sentences=["a b.", "b."], keyword="b", cursor=1)
    found = await wiki.find(Shelf(), "Pari")
    said, place = wiki.search(here, "Pari", found)
    assert said == "Could not find [Pari]. Similar: ['AC_DC', '巴黎', 'Paris Hilton', 'Paris']."
    assert place == here


async def test_lookup_goes_through_the_page_and_begins_again_for_another_word_or_page():
    _, place = wiki.search(wiki.nowhere(), "Paris", await wiki.find(Shelf(), "Paris"))
    said = []
    for word in ("river", "RIVER", "river", "river", "river", "tower", "river"):
        one, place = wiki.lookup(place, word)
        said.append(one)
    assert said == [
        "(Result 1 / 2) The Seine is a river.",
        "(Result 1 / 2) The Seine is a river.",
        "(Result 1 / 2) The Seine is a river.",
        "(Result 2 / 2) The river is 777 km long.",
        "No more results.",
        "(Result 1 / 2) Its tower is tall.",
        "(Result 1 / 2) The Seine is a river.",
    ]
    _, place = wiki.search(place, "Paris", await wiki.find(Shelf(), "Paris"))
    assert wiki.lookup(place, "river")[0].startswith("(Result 1 / 2)")


async def test_lookup_without_a_page_or_a_word_finds_nothing():
    assert wiki.lookup(wiki.nowhere(), "river")[0] == "No more results."
    _, place = wiki.search(wiki.nowhere(), "Paris", await wiki.find(Shelf(), "Paris"))
    assert wiki.lookup(place, "  ")[0] == "No more results."


async def test_a_chinese_page():
    said, place = wiki.search(wiki.nowhere(), "巴黎", await wiki.find(Shelf(), "巴黎"))
    assert said == "巴黎是法国的首都。 塞纳河流过巴黎。 河上有三十七座桥。"
    assert wiki.lookup(place, "塞纳河")[0] == "(Result 1 / 1) 塞纳河流过巴黎。"


async def test_as_a_tool_the_result_is_asked_for_by_its_number():
    tool, here = catalog.get("wikipedia"), Context(retriever=Shelf())

    async def told(**arguments):
        return (await perform(tool, json.dumps(arguments), here)).text

    assert (await told(page="Paris")).startswith("Paris is the capital of France.")
    assert await told(page="Paris", keyword="river", result=2) == "(Result 2 / 2) The river is 777 km long."
    assert await told(page="Paris", keyword="river", result=3) == "No more results."
    assert (await told(page="Pari")).startswith("Could not find [Pari]. Similar: [")
