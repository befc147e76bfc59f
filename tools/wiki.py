"""A closed encyclopedia over a collection: every file is a page, and a model walks about in it by three actions.

Source: the environment of Yao et al. 2022, ReAct (arXiv:2210.03629), as its code has it. Search gives the first five
sentences of a page, or the five titles that are nearest; Lookup gives the next sentence of the page that holds a
keyword, as Ctrl+F does. A search that fails leaves the page and the cursor as they were.

Departures: Lookup goes by sentences in the collection's order of text (the code cuts at full stops), letters of either
case are equal in titles and keywords, and a sentence of CJK text is one too. There are no redirects, nor pages that
list meanings of a name: the pages of a collection are what they are called.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from typing_extensions import TypedDict

if TYPE_CHECKING:
    from retrieval.base import Hit, Retriever

FIRST = 5
"""Sentences of a page that Search gives, and titles that it gives instead."""
NEAR = 20
"""Passages looked through for titles."""
LONGEST_PAGE = 1_000
"""Chunks of a page; the rest of a longer one is not seen."""
SUFFIXES = ("", ".txt", ".md", ".html", ".pdf", ".docx")
NO_MORE = "No more results."


class Place(TypedDict):
    """Where a reader is. Plain values: it is kept with the state of a graph."""

    title: str
    sentences: list[str]
    """Of the open page; none: no page is open."""
    keyword: str
    cursor: int
    """How many results of the keyword have been given."""


class Page(NamedTuple):
    title: str
    sentences: list[str]
    hits: tuple[Hit, ...]
    """The chunks that it was read from."""


def nowhere() -> Place:
    return Place(title="", sentences=[], keyword="", cursor=0)


async def find(retriever: Retriever, entity: str) -> Page | list[str]:
    """The page of that title, or the titles nearest to it. Raises RetrievalError."""
    page = await _page(retriever, entity, _names(entity))
    if page is not None:
        return page
    near = await retriever.search(entity, NEAR)
    files = {hit.file_id: hit for hit in reversed(near)}
    same = next((hit for hit in files.values() if _key(title_of(hit)) == _key(entity)), None)
    if same is not None:
        page = await _page(retriever, title_of(same), {"title": [title_of(same)], "filename": [same.filename]})
    return page or list(dict.fromkeys(title_of(hit) for hit in near))[:FIRST]


async def _page(retriever: Retriever, title: str, named: Mapping[str, Sequence[str]]) -> Page | None:
    keys = [{"type": "in", "key": key, "value": list(names)} for key, names in named.items()]
    found = await retriever.search(title, LONGEST_PAGE, where={"type": "or", "filters": keys})
    chunks = [hit for hit in found if _key(title_of(hit)) == _key(title)]
    if not chunks:
        return None
    # Two files of one title: the one found first is the page.
    chunks = sorted((hit for hit in chunks if hit.file_id == chunks[0].file_id), key=lambda hit: hit.start)
    heading = title_of(chunks[0])
    return Page(heading, page_sentences(heading, _joined(chunks)), tuple(chunks))


def title_of(hit: Hit) -> str:
    """The attribute `title`, else the file's name without its suffix."""
    given = hit.attributes.get("title")
    if isinstance(given, str) and given.strip():
        return given.strip()
    stem, dot, suffix = hit.filename.rpartition(".")
    return stem if dot and f".{suffix.lower()}" in SUFFIXES else hit.filename


def search(place: Place, entity: str, found: Page | list[str]) -> tuple[str, Place]:
    """What Search says, and where the reader is then."""
    if isinstance(found, list):
        return f"Could not find [{entity}]. Similar: {found}.", place
    there = Place(title=found.title, sentences=found.sentences, keyword="", cursor=0)
    return " ".join(found.sentences[:FIRST]), there


def lookup(place: Place, keyword: str) -> tuple[str, Place]:
    """What Lookup says, and where the reader is then. Another keyword, or another page, begins at the first result."""
    cursor = place["cursor"] if keyword == place["keyword"] else 0
    results = results_of(place["sentences"], keyword)
    if cursor >= len(results):
        return NO_MORE, Place(**{**place, "keyword": keyword, "cursor": cursor})
    said = f"(Result {cursor + 1} / {len(results)}) {results[cursor]}"
    return said, Place(**{**place, "keyword": keyword, "cursor": cursor + 1})


def results_of(sentences: Sequence[str], keyword: str) -> list[str]:
    wanted = _key(keyword)
    return [sentence for sentence in sentences if wanted and wanted in _key(sentence)]


def _names(entity: str) -> dict[str, list[str]]:
    spelled = list(dict.fromkeys((entity, entity.replace(" ", "_"), entity.replace("/", "_"))))
    return {"title": [entity], "filename": [f"{name}{suffix}" for name in spelled for suffix in SUFFIXES]}


def _key(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().replace("_", " ").replace("/", " ").split())


def _joined(chunks: Sequence[Hit]) -> str:
    """The text of a page from its chunks in order: what they share once, what lies between them as a new line."""
    text, end = "", 0
    for chunk in chunks:
        if chunk.start >= end:
            text += ("\n" if chunk.start > end and text else "") + chunk.text
        else:
            text += chunk.text[end - chunk.start :]
        end = max(end, chunk.end)
    return text


def page_sentences(title: str, text: str) -> list[str]:
    """Each on one line; the page's own title as its first line is left out."""
    from retrieval.sentences import sentences

    said: list[Any] = [" ".join(text[span.start : span.end].split()) for span in sentences(text)]
    if said and _key(said[0].lstrip("# ")) == _key(title):
        del said[0]
    return [sentence for sentence in said if sentence]
