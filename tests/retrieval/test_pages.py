"""Whole pages through searches of a real collection: an index with vectors gives all chunks of the file that a filter
names. `bm25` alone gives those that share a word with the title, and docs/tools.md says so."""

import pytest

from tests.retrieval.test_collection import LONG
from tests.retrieval.workshop import SMALL, workshop
from tools import wiki


@pytest.mark.parametrize(
    "index",
    ["flat", "hybrid", *(pytest.param(index, marks=pytest.mark.slow) for index in ("hnsw", "hybrid(ivfpq,bm25)"))],
)
@pytest.mark.parametrize("title", ["saga", "Zzyzx", "港口"])
async def test_a_page_is_whole_whether_or_not_its_title_stands_in_it(tmp_path, index, title):
    async with workshop(tmp_path, index=index) as shop:
        await shop.add(title, LONG, chunking=SMALL)
        for n in range(20):
            await shop.add(f"other {title} {n}", f"{title} {n}. Harbour {n}.")
        page = await wiki.find(shop.collection, title)
        assert page.title == title
        assert len(page.hits) > 20
        assert len(page.sentences) == len(wiki.page_sentences(title, LONG))
        await shop.collection.remove_file(title)
        assert isinstance(await wiki.find(shop.collection, title), list)


async def test_words_alone_find_no_page_without_a_word_of_its_title(tmp_path):
    async with workshop(tmp_path, index="bm25") as shop:
        await shop.add("Zzyzx", "A place in California. Its name is not in the text.")
        await shop.add("Zzyzx Road", "Zzyzx Road is a road. It is short.")
        assert await wiki.find(shop.collection, "Zzyzx") == ["Zzyzx Road"]
        assert (await wiki.find(shop.collection, "Zzyzx Road")).sentences[1] == "It is short."
