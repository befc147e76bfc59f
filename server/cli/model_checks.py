"""What `sandtable doctor` finds about language models: the backend that `auto` takes, keys, local servers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from server.cli.checks import Check

if TYPE_CHECKING:
    from backends.base import Capability
    from backends.probe import Finding
    from backends.profiles import Profile
    from server.settings import Settings

CAPABILITIES: tuple[Capability, ...] = ("tools", "json_schema", "logprobs", "scoring", "images")
ANSWERS = {True: "yes", False: "no", None: "unclear"}


async def backend_checks(settings: Settings) -> list[Check]:
    from pydantic import ValidationError

    from backends.auto import choose
    from backends.errors import BackendError
    from backends.load import load
    from backends.presets import PRESETS
    from server.backend_choice import profiles
    from server.settings import environment

    found = environment()
    try:
        known = profiles(settings, found)
        choice = await choose(settings.backend, known)
        if _kind(choice.spec, known) != "extractive":
            load(choice.spec, known)
    except (BackendError, ValidationError) as error:
        way_out = "correct `backend` and `[backends.NAME]` in the configuration, or SANDTABLE_BACKEND"
        return [Check("backend", "fail", str(error).replace("\n", " "), way_out)]
    keys = sorted(name for preset in PRESETS.values() for name in preset.key_names if found.get(name, "").strip())
    return [
        Check("backend", "ok", f"{choice.spec}: {choice.reason}"),
        *await abilities(choice.spec, known),
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


async def abilities(spec: str, known: Mapping[str, Profile]) -> list[Check]:
    """What the chosen backend can do: tried out where its profile leaves it open, else as the profile says."""
    from backends.errors import BackendError
    from backends.load import BUILT_IN, found

    name, _, model = spec.partition(":")
    if name in BUILT_IN or known[name].kind in BUILT_IN:
        return []
    profile = known[name]
    said, told = profile.capabilities(), []
    try:
        for capability in CAPABILITIES:
            if capability in profile.in_doubt():
                finding = await found(capability, profile, model or profile.model or "")
                told.append(f"{capability} {ANSWERS[finding.works]}: {_why(finding)}")
            else:
                told.append(f"{capability} {ANSWERS[getattr(said, capability)]}")
    except BackendError as error:
        way_out = "start the server, or name another backend"
        return [Check("capabilities", "warn", f"{spec} cannot be asked: {error}", way_out)]
    return [Check("capabilities", "ok", "; ".join(told))]


def _kind(spec: str, known: Mapping[str, Profile]) -> str:
    """'' when there is no such backend."""
    from backends.load import BUILT_IN

    name = spec.partition(":")[0].strip()
    profile = known.get(name) or BUILT_IN.get(name)
    return "" if profile is None else profile.kind


def _why(finding: Finding) -> str:
    counted = {True: "", False: "; no token counts in the stream", None: ""}
    return finding.detail + counted[finding.usage]
