"""The public encyclopedia: pages of a MediaWiki by its action API, read as the pages of a collection are.

Documentation: https://www.mediawiki.org/wiki/API:Query, Extension:TextExtracts; where a wiki lacks that extension its
HTML is read. A title leads through redirects; one that stands for several things, or for nothing, gives the titles that
a search finds instead, as the environment of ReAct does.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tools import wiki
from tools.errors import ToolError
from tools.extracts import cleaned

if TYPE_CHECKING:
    from tools.web import Web

LONGEST_TITLE = 255
"""Bytes; MediaWiki has no longer ones."""
LONGEST_QUERY = 300
KEPT_PAGES, FRESH_SECONDS = 32, 300.0
"""Pages are kept a while: Lookup comes back to the page that was just read."""


class MediaWiki:
    def __init__(self, web: Web, url: str, agent: str, variant: str = "") -> None:
        """`url`: of its `api.php`. `agent`: who asks, which Wikimedia wants to know. `variant`: `zh-cn`, for wikis that
        convert between scripts."""
        self._web, self._url, self._agent, self._variant = web, url, agent, variant
        self._kept: dict[str, tuple[float, wiki.Page]] = {}

    async def find(self, entity: str) -> wiki.Page | list[str]:
        """The page of that title, or titles like it. Raises ToolError."""
        known = self._kept.get(entity)
        if known is not None and time.monotonic() - known[0] < FRESH_SECONDS:
            return known[1]
        title = " ".join(entity.replace("|", " ").split())
        found = await self._page(title) if 0 < len(title.encode()) <= LONGEST_TITLE else None
        if found is None:
            return await self._search(title)
        heading, text = found
        page = wiki.Page(heading, await asyncio.to_thread(_sentences, heading, text), ())
        while len(self._kept) >= KEPT_PAGES:
            self._kept.pop(next(iter(self._kept)))
        self._kept[entity] = time.monotonic(), page
        return page

    async def _page(self, title: str) -> tuple[str, str] | None:
        """Title and text; None for a page that is not there, or only lists what the title may mean."""
        asked = {
            "prop": "extracts|pageprops", "explaintext": "1", "exlimit": "1", "ppprop": "disambiguation",
            "redirects": "1", "converttitles": "1", "titles": title,
        }  # fmt: skip
        given = await self._ask("query", asked)
        try:
            pages = given.get("query", {}).get("pages", [])
            page: dict[str, Any] = pages[0] if pages else {"missing": True}
            if page.get("missing") or page.get("invalid") or _inside(page, "pageprops", "disambiguation") is not None:
                return None
            heading = str(page["title"])
            text = page.get("extract")
        except (AttributeError, KeyError, TypeError, IndexError) as error:
            raise ToolError(f"{_NOT_UNDERSTOOD}: {type(error).__name__}") from None
        return heading, text if isinstance(text, str) else await self._parsed(heading)

    async def _parsed(self, title: str) -> str:
        asked = {"page": title, "prop": "text", "redirects": "1", "disableeditsection": "1", "disabletoc": "1"}
        text = _inside(await self._ask("parse", asked), "parse", "text")
        if not isinstance(text, str):
            raise ToolError(f"{_NOT_UNDERSTOOD}: it has no text of the page")
        return text

    async def _search(self, query: str) -> list[str]:
        query = query[:LONGEST_QUERY]
        if not query:
            return []
        asked = {"list": "search", "srsearch": query, "srlimit": str(wiki.FIRST), "srprop": ""}
        hits = _inside(await self._ask("query", asked), "query", "search")
        if not isinstance(hits, list):
            raise ToolError(f"{_NOT_UNDERSTOOD}: it has no list of titles")
        return [str(hit["title"]) for hit in hits if isinstance(hit, dict) and "title" in hit][: wiki.FIRST]

    async def _ask(self, action: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        """Raises ToolError."""
        asked = {"action": action, "format": "json", "formatversion": "2", **parameters}
        if self._variant:
            asked["variant"] = self._variant
        headers = {"Accept": "application/json", "User-Agent": self._agent}
        page = await self._web.send("GET", f"{self._url}?{urlencode(asked)}", headers)
        if page.status != 200:
            raise ToolError(_refusal(page.status, page.headers.get("retry-after", "")))
        try:
            given = json.loads(page.body)
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict):
            raise ToolError(f"{_NOT_UNDERSTOOD}: no JSON object")
        if (error := given.get("error")) is not None:
            told = error.get("info") or error.get("code") if isinstance(error, dict) else error
            raise ToolError(f"the encyclopedia refuses: {' '.join(str(told).split())[:200]}")
        return given


_NOT_UNDERSTOOD = "the encyclopedia answered what is not of MediaWiki's API"


def _inside(given: Any, *keys: str) -> Any:
    for key in keys:
        given = given.get(key) if isinstance(given, dict) else None
    return given


def _sentences(title: str, text: str) -> list[str]:
    return wiki.page_sentences(title, cleaned(text))


def _refusal(status: int, retry_after: str) -> str:
    if status == 429:
        wait = f"; try again in {retry_after} seconds" if retry_after.isdigit() else "; try again later"
        return f"the encyclopedia was asked too often (429){wait}"
    if status >= 500:
        return f"the encyclopedia has a fault of its own ({status}); try again later"
    return f"the encyclopedia answered {status}"
