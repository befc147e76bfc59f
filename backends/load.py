"""From a spec string to a backend: `NAME:MODEL` or `NAME` of a profile, `scripted:FILE`, `extractive`, ..."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from backends.base import Backend, Capability
from backends.errors import BadSpec
from backends.extractive import Counter, Extractive, Quoter
from backends.presets import PRESETS
from backends.profiles import Profile

if TYPE_CHECKING:
    from backends.probe import Finding
    from backends.probed import Settling

BUILT_IN: Mapping[str, Profile] = {
    "scripted": Profile(name="scripted", kind="scripted"),
    "extractive": Profile(name="extractive", kind="extractive"),
    "recorded": Profile(name="recorded", kind="recorded"),
    "langchain": Profile(name="langchain", kind="langchain"),
    "hf": Profile(name="hf", kind="hf"),
    "table": Profile(name="table", kind="table"),
}
WITHOUT_MODEL = frozenset({"scripted", "extractive", "recorded", "table"})
"""Kinds that answer without one."""


def load(
    spec: str,
    profiles: Mapping[str, Profile],
    *,
    quote: Quoter | None = None,
    count: Counter | None = None,
) -> Backend:
    """The backend that `spec` names. Connects to nothing; the caller ends it with `backends.lifetime.close`.

    `profiles`: by name, as `backends.presets.known_profiles` gives them. `quote`: what `extractive` quotes with;
    `count`: how it counts tokens. Reads the file of a script.
    A model name may hold colons: `ollama:qwen3:8b`. Raises BadSpec, which says what would work.
    """
    check_text(spec)
    name, _, model = spec.strip().partition(":")
    profile = profiles.get(name) or BUILT_IN.get(name)
    if profile is None:
        known = ", ".join(sorted({*profiles, *BUILT_IN}))
        raise BadSpec(f"there is no backend {name!r} (in {spec!r}); known are {known}; or add a profile of that name")
    if profile.kind == "extractive":
        return _extractive(spec, model, quote, count)
    model = model.strip() or profile.model or ""
    if profile.kind == "scripted":
        return _scripted(spec, model)
    if profile.kind == "recorded":
        return _recorded(spec, model)
    if profile.kind == "langchain":
        return _langchain(profile, model)
    if profile.kind == "hf":
        return _hf(profile, model)
    if profile.kind == "table":
        return _table(spec, model)
    return _served(profile, model)


def check_text(spec: str) -> None:
    """Raises BadSpec if `spec` holds what can stand in no name: a control character or half of a surrogate pair."""
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in spec.strip()):
        raise BadSpec(f"the backend {spec!r} holds a control character or half of a surrogate pair")


def needs_key(profile: Profile) -> bool:
    """Whether this is a hosted provider's own address, and no key is set."""
    preset = PRESETS.get(profile.name)
    hosted = preset is not None and bool(preset.key_names) and profile.base_url == preset.base_url
    return hosted and profile.api_key is None and not profile.headers


def _served(profile: Profile, model: str) -> Backend:
    from backends.retry import Retry

    if not model:
        raise BadSpec(f"backend {profile.name!r} needs a model: write '{profile.name}:MODEL'")
    if needs_key(profile):
        variables = " or ".join(PRESETS[profile.name].key_names)
        raise BadSpec(f"backend {profile.name!r} needs a key: set {variables}, or api_key in its profile")
    return Retry(_known(profile, model), retries=profile.retries)


def client(profile: Profile, model: str) -> Settling:
    """What speaks the wire format of the profile's kind."""
    match profile.kind:
        case "ollama":
            from backends.ollama import Ollama

            return Ollama(profile, model)
        case "anthropic":
            from backends.anthropic import Anthropic

            return Anthropic(profile, model)
        case _:
            from backends.openai import OpenAI

            return OpenAI(profile, model)


async def found(capability: Capability, profile: Profile, model: str) -> Finding:
    """Whether the server of `profile` has `capability`: by what it says, else by trying. Raises BackendError."""
    from backends.probe import Finding, find

    if profile.kind == "ollama":
        from backends.ollama_models import told

        finding = await told(capability, profile, model)
        if finding is not None:
            return finding
    if capability == "images":
        return Finding(works=False, detail="the server does not say so, and the flags of its profile do not")
    return await find(capability, profile, partial(client, model=model))


def _known(profile: Profile, model: str) -> Backend:
    """The client, behind trials of what the profile leaves open."""
    backend, doubts = client(profile, model), profile.in_doubt()
    if not doubts:
        return backend
    from backends.probed import Probed

    return Probed(backend, profile.flags, doubts, partial(found, profile=profile, model=model))


def _langchain(profile: Profile, model: str) -> Backend:
    from backends.langchain import LangChain

    if not model:
        raise BadSpec(f"{profile.name!r} needs a model: write '{profile.name}:PROVIDER:MODEL'")
    return LangChain(profile, model)


def _hf(profile: Profile, model: str) -> Backend:
    from importlib.util import find_spec

    from backends.causal.backend import LONGEST, Causal
    from backends.causal.hf_load import folder_of, load_hf, weight_bytes

    if not model:
        raise BadSpec(f"backend {profile.name!r} needs a model: write '{profile.name}:MODEL_OR_PATH'")
    weight_bytes(model, folder_of(model))
    return Causal(
        f"{profile.name}:{model}",
        partial(load_hf, model, profile.device),
        json_schema=find_spec("llguidance") is not None,
        max_tokens=profile.max_tokens or LONGEST,
    )


def _table(spec: str, file: str) -> Backend:
    from backends.causal.backend import Causal
    from backends.causal.table import TableModel, read_table

    if not file:
        raise BadSpec(f"{spec!r} needs the file of its probabilities: write 'table:FILE'")
    table = read_table(Path(file))
    return Causal(f"table:{file}", lambda: TableModel(table))


def _extractive(spec: str, model: str, quote: Quoter | None, count: Counter | None) -> Backend:
    if model:
        raise BadSpec(f"'extractive' has no models: write 'extractive', not {spec!r}")
    if quote is None:
        raise BadSpec("'extractive' needs something that finds quotes, and the caller gave none")
    return Extractive(quote, count)


def _scripted(spec: str, file: str) -> Backend:
    from backends.script_file import read_script
    from backends.scripted import Scripted

    if not file:
        raise BadSpec(f"{spec!r} needs the file of its replies: write 'scripted:FILE'")
    return Scripted(read_script(Path(file)), name=f"scripted:{file}")


def _recorded(spec: str, file: str) -> Backend:
    from backends.recorded import Recorded, read_record

    if not file:
        raise BadSpec(f"{spec!r} needs the file of a published run: write 'recorded:FILE'")
    return Recorded(read_record(Path(file)), name=f"recorded:{file}")
