"""What `sandtable doctor` finds about language models: the backend that `auto` takes, keys, local servers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from server.cli.checks import Check

if TYPE_CHECKING:
    from backends.profiles import Profile
    from server.settings import Settings


async def backend_checks(settings: Settings) -> list[Check]:
    from pydantic import ValidationError

    from backends.auto import choose
    from backends.errors import BackendError
    from backends.load import BUILT_IN, load
    from backends.presets import PRESETS
    from server.backend_choice import profiles
    from server.settings import environment

    found = environment()
    try:
        known = profiles(settings, found)
        choice = await choose(settings.backend, known)
        if choice.spec.partition(":")[0] not in BUILT_IN or choice.spec.startswith("scripted"):
            load(choice.spec, known)
    except (BackendError, ValidationError) as error:
        way_out = "correct `backend` and `[backends.NAME]` in the configuration, or SANDTABLE_BACKEND"
        return [Check("backend", "fail", str(error).replace("\n", " "), way_out)]
    keys = sorted(name for preset in PRESETS.values() for name in preset.key_names if found.get(name, "").strip())
    return [
        Check("backend", "ok", f"{choice.spec}: {choice.reason}"),
        Check("keys", "ok", ", ".join(keys) or "no key of a hosted provider is set"),
        await local_servers(known),
    ]


async def local_servers(known: Mapping[str, Profile]) -> Check:
    """Which of the usual local ports a model server answers on."""
    from backends.auto import PROBE_SECONDS
    from backends.errors import BackendError
    from backends.models import models
    from backends.presets import PRESETS

    async def ask(profile: Profile) -> str | None:
        try:
            names = await models(profile, seconds=PROBE_SECONDS)
        except BackendError:
            return None
        return f"{profile.name} at {profile.base_url} ({len(names)} model{'' if len(names) == 1 else 's'})"

    local = [known[name] for name, preset in PRESETS.items() if not preset.key_names]
    answers = [answer for answer in await asyncio.gather(*map(ask, local)) if answer]
    return Check("local servers", "ok", "; ".join(answers) or "none answers on its usual port")
