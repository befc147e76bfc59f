"""Exchange rates from an address that is configured: JSON of the usual form, or a table as in `tools.rates`.

`{"base": "EUR", "date": "2024-02-29", "rates": {"USD": 1.0826}}`; `{date}` in the address stands for the day wanted,
and for `latest` where the newest is.
"""

from __future__ import annotations

import json
import time
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tools.base import RatesOfDay
from tools.errors import ToolError
from tools.rates import BadRates, Days, of_day, rate_of, read_table

if TYPE_CHECKING:
    from tools.web import Web

FRESH_SECONDS = 3600.0
"""The European Central Bank has new ones once a day."""
MOST_KEPT = 100


class RateService:
    def __init__(self, web: Web, url: str, base: str) -> None:
        """`base`: of a table, which does not say it."""
        self._web, self._url, self._base = web, url, base
        self._known: dict[str, tuple[float, Days, str]] = {}
        """By address: when it was read, what it said, its base."""

    async def on(self, day: date | None) -> RatesOfDay:
        url = self._url.replace("{date}", "latest" if day is None else day.isoformat())
        known = self._known.get(url)
        if known is None or time.monotonic() - known[0] > FRESH_SECONDS:
            page = await self._web.send("GET", url, {"Accept": "application/json, text/csv"})
            if page.status != 200:
                raise ToolError(f"the service of exchange rates answered {page.status}")
            try:
                known = time.monotonic(), *_read(page.body, self._base)
            except BadRates as error:
                raise ToolError(f"the service of exchange rates answered what is none: {error}") from None
            if len(self._known) >= MOST_KEPT:
                self._known.clear()
            self._known[url] = known
        return of_day(known[1], day, known[2], urlsplit(url).hostname or "")


def _read(body: bytes, base: str) -> tuple[Days, str]:
    """Raises BadRates."""
    try:
        text = body.decode("utf-8-sig")
        if not text.lstrip().startswith("{"):
            return read_table(text, base), base
        given: Any = json.loads(text, parse_float=Decimal, parse_int=Decimal)
        base = str(given["base"])
        rates = {base: Decimal(1)} | {str(code): rate_of(str(rate)) for code, rate in given["rates"].items()}
        return {date.fromisoformat(given["date"]): rates}, base
    except KeyError as error:
        raise BadRates(f"it has no {error}") from None
    except (ValueError, TypeError, AttributeError, InvalidOperation) as error:
        raise BadRates(str(error)) from None
