"""Items that a client puts into a conversation by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from fastapi import Request
from pydantic import Field

from server.errors import not_found
from server.ids import new_id
from server.openai.responses.context import referred
from server.openai.responses.item_ids import PREFIXES
from server.openai.responses.item_schema import Item, Reference
from server.openai.responses.items import Kept, kept
from server.openai.schema import Body
from server.services import services_of, tenant_of

if TYPE_CHECKING:
    from server.openai.responses.context import Given

MOST_AT_ONCE = 20
"""Items in one request, as at OpenAI."""


class CreateItems(Body):
    items: Annotated[list[Item], Field(min_length=1, max_length=MOST_AT_ONCE)]


async def new_items(request: Request, given: Sequence[Given]) -> list[Kept]:
    """Raises ApiError."""
    made = []
    for n, item in enumerate(given):
        where = f"items[{n}]"
        if isinstance(item, Reference):
            found = await referred(services_of(request), tenant_of(request), item.id)
            if found is None:
                raise not_found("item", item.id, f"{where}.id")
            made.append({**found, "id": new_id(PREFIXES[found["type"]])})
        else:
            made.append(kept(item, new_id(PREFIXES.get(item.type, "item_")), where))
    return made
