"""A backend of the settings in this process, for commands that need no service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from server.cli.failure import CommandFailed
from server.cli.options import Where, settings_for

if TYPE_CHECKING:
    from backends.base import Backend


def own_backend(where: Where, spec: str) -> Backend:
    """`extractive` has nothing to quote from here. Raises CommandFailed."""
    from backends.errors import BadSpec
    from backends.load import load
    from server.backend_choice import profiles
    from server.settings import environment

    settings = settings_for(where.config, data_dir=where.data_dir)
    try:
        return load(spec, profiles(settings, environment()), quote=_nothing)
    except BadSpec as error:
        raise CommandFailed(str(error), type="bad_backend", code="bad_backend", wrong_use=True) from None


async def _nothing(_question: str, _sources: Sequence[Any]) -> tuple[()]:
    return ()
