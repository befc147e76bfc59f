"""What a replay comes to, as one JSON object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agents.errors import NotIdentical

if TYPE_CHECKING:
    from agents.cassette import Cassette


async def outcome(cassette: Cassette) -> dict[str, Any]:
    """`events`: how many of the run's events were told again before the first that differs. Raises BadCassette,
    UnknownPipeline, BadPipeline."""
    from agents.replay import replay

    run_id = cassette.run.run_id
    head = {"object": "run.replay", "run_id": run_id}
    try:
        told = await replay(cassette)
    except NotIdentical as error:
        found = error.difference
        same = found.seq - 1 if found.run_id == run_id else 0
        shown = {
            "seq": found.seq,
            "run_id": found.run_id,
            "field": found.field,
            "recorded": found.recorded,
            "replayed": found.replayed,
            "message": str(found),
        }
        return {**head, "identical": False, "events": same, "first_difference": shown}
    return {**head, "identical": True, "events": len(told), "first_difference": None}
