"""What `sandtable doctor` finds about models: the embedder's graph, the backend that `auto` takes, keys and servers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from server.cli.checks import Check

if TYPE_CHECKING:
    from pathlib import Path

    from backends.profiles import Profile
    from server.settings import Settings

BUNDLED = "minilm"


def embedder(settings: Settings, prepare: bool) -> Check:
    """Whether the bundled embedder's runtime graph is there; with `prepare` it is made."""
    from retrieval.embedders import runtime
    from retrieval.errors import RetrievalError

    if settings.embedder != BUNDLED:
        return Check("embedder", "ok", f"{settings.embedder!r}, as configured")
    directory = settings.cache()
    if not prepare:
        return _cached(directory)
    try:
        made = runtime.prepare(directory)
    except RetrievalError as error:
        return Check("embedder", "fail", str(error), "see the message; SANDTABLE_CACHE_DIR moves the cache")
    how = "made" if made.built else "already there"
    detail = f"{made.runtime} graph {how} ({made.seconds:.1f} s), least cosine to float32 {made.min_cosine:.4f}"
    return Check("embedder", "ok", f"{detail}: {made.path}")


def _cached(directory: Path) -> Check:
    """A look at the folder alone: opening the graph, as a start does, also judges whether it is sound."""
    from importlib.metadata import version

    from retrieval.embedders.cache import GRAPH
    from retrieval.embedders.weights import SHA256

    found = sorted(directory.glob(f"{SHA256}-*{version('onnxruntime')}-*/{GRAPH}"))
    if found:
        return Check("embedder", "ok", f"runtime graph cached: {found[0]}")
    way_out = "`sandtable doctor --prepare` makes it now; else the first start takes some seconds longer"
    return Check("embedder", "warn", f"no runtime graph in {directory} yet", way_out)


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
        Check("keys", "ok", ", ".join(keys) or "none of a hosted provider is set"),
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
        return f"{profile.name} at {profile.base_url} ({len(names)} models)"

    local = [known[name] for name, preset in PRESETS.items() if not preset.key_names]
    answers = [answer for answer in await asyncio.gather(*map(ask, local)) if answer]
    return Check("local servers", "ok", "; ".join(answers) or "none answers on its usual port")
