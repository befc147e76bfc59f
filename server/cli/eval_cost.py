"""What kept answers cost by the prices of today: usage is kept, and money follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents.spending import Price

COUNTED = ("prompt_tokens", "completion_tokens", "cached_tokens")


def used(calls: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int] | None]:
    """By backend; None: one of its calls had no usage. A cached reply used nothing. Of a call: its `backend`, `usage`
    and whether it was `cached`."""
    found: dict[str, dict[str, int] | None] = {}
    for call in calls:
        if call["cached"]:
            continue
        name, usage = call["backend"], call["usage"]
        before = found.get(name, dict.fromkeys(COUNTED, 0))
        known = before is not None and usage is not None
        found[name] = {one: before[one] + usage[one] for one in COUNTED} if known else None  # type: ignore[index]
    return found


def priced(answer: Mapping[str, Any], *, prices: Mapping[str, Price], ours: bool) -> float | None:
    """`ours`: a service of these settings answered, so what has no price here has none. Of a service elsewhere, and
    of answers without their usage, the cost is then what the service said."""
    from agents.spending import price_of
    from backends.base import Usage

    if answer.get("usage") is None:
        return answer.get("cost")
    total = 0.0
    for backend, usage in answer["usage"].items():
        price = price_of(prices, backend)
        if price is None or usage is None:
            return None if ours else answer.get("cost")
        total += price.of(Usage(**usage))
    return total
