"""Which backend to use when nobody said: the choice is made once at start and told with its reason."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from backends.base import Value
from backends.errors import BackendError
from backends.models import models
from backends.presets import PRESETS
from backends.profiles import Profile

PROBE_SECONDS = 0.3  # a local server lists its models in a few ms, and the first answer should not wait for dead ports

# Models that local servers list beside those that talk.
NOT_FOR_CHAT = re.compile(r"embed|rerank|whisper|(?:^|[/_-])(?:bge|e5|gte|minilm|tts|clip)(?:[-_:.]|$)", re.IGNORECASE)

Probe = Callable[[Profile], Awaitable[Sequence[str]]]


class Choice(Value):
    spec: str
    reason: str
    """For people: what decided."""


async def choose(setting: str | None, profiles: Mapping[str, Profile], probe: Probe | None = None) -> Choice:
    """The spec to load: `setting` unless it is empty or `auto`, else a hosted provider whose key is known, else a
    local server that answers on its usual port, else `extractive`.

    `profiles` hold the keys found (`backends.presets.known_profiles`). `probe` lists the models of a profile's server
    and may raise BackendError, which means that nothing is there; default: ask it, for PROBE_SECONDS at most.
    """
    wanted = (setting or "").strip()
    if wanted not in ("", "auto"):
        return Choice(spec=wanted, reason="it is set explicitly")
    hosted = _hosted(profiles)
    if hosted is not None:
        return hosted
    local = [profiles[name] for name in PRESETS if name in profiles and _may_be_local(profiles[name])]
    ask = probe or partial(models, seconds=PROBE_SECONDS)
    answers = await asyncio.gather(*(_talkers(ask, profile) for profile in local))
    for profile, names in zip(local, answers, strict=True):
        if names:
            reason = f"no hosted provider is set up, and a server at {profile.base_url} offers {names[0]!r}"
            return Choice(spec=f"{profile.name}:{names[0]}", reason=reason)
    ports = ", ".join(str(profile.base_url) for profile in local)
    return Choice(
        spec="extractive",
        reason=f"no key of a hosted provider is set and no local model server answers ({ports}): answers are quotes",
    )


def _hosted(profiles: Mapping[str, Profile]) -> Choice | None:
    for name, preset in PRESETS.items():
        profile = profiles.get(name)
        keyed = profile is not None and bool(preset.key_names) and profile.api_key is not None
        if profile is not None and keyed and profile.model is not None:
            return Choice(spec=f"{name}:{profile.model}", reason=f"a key for {name!r} is set")
    return None


def _may_be_local(profile: Profile) -> bool:
    preset = PRESETS[profile.name]
    return not preset.key_names or profile.base_url != preset.base_url


async def _talkers(probe: Probe, profile: Profile) -> list[str]:
    """The chat models of a server; none if nothing answers there as a model server does."""
    try:
        names = await probe(profile)
    except BackendError:
        return []
    return [name for name in names if not NOT_FOR_CHAT.search(name)]
