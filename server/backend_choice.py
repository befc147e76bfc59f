"""Which backend answers: profiles from settings and environment, the choice of `auto`, and the loaded ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from backends.auto import Choice, choose
from backends.base import Backend, Source
from backends.cache import Cached, ReplyCache
from backends.errors import BadSpec
from backends.extractive import Quote
from backends.load import BUILT_IN, WITHOUT_MODEL, check_text, load
from backends.presets import known_profiles
from backends.profiles import Flags, Profile
from server.settings import BackendProfile, Settings, environment
from server.shared_backend import Shared

if TYPE_CHECKING:
    from retrieval.base import Embedder

MOST_LOADED = 32
"""Callers may name any model of any provider, and each holds connections."""


class Backends:
    """Backends by their spec, each loaded once and kept while it is among the last used. `embedder` serves the
    extractive one."""

    def __init__(
        self,
        settings: Settings,
        embedder: Callable[[], Embedder],
        threads: ThreadPoolExecutor,
        cache: ReplyCache | None = None,
    ) -> None:
        """`cache`: of replies; None: each is asked for."""
        self._settings = settings
        self._cache = cache
        self._embedder = embedder
        self._threads = threads
        self._environment = environment()
        self._profiles = profiles(settings, self._environment)
        self._choosing: asyncio.Task[Choice] | None = None
        self._loaded: dict[str, Shared] = {}
        """The last used at the end."""
        self._loading: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """Of the specs that are being loaded: a second request waits for the first."""

    async def default(self) -> Choice:
        """What `auto` stands for here, and why; found out once."""
        if self._choosing is None:
            self._choosing = asyncio.create_task(choose(self._settings.backend, self._profiles))
        return await asyncio.shield(self._choosing)

    async def get(self, spec: str | None) -> Shared:
        """The backend of `spec`; None or `auto`: the default. Raises BadSpec."""
        wanted = (await self.default()).spec if spec in (None, "auto") else str(spec).strip()
        check_text(wanted)
        if wanted not in self._loaded:
            if self._settings.tenants() and wanted != self._settings.backend and self._reaches_inside(wanted):
                # A script is a file of this machine, and LangChain loads what it is told, with the keys it finds: a
                # caller with a mere key has no say in that.
                raise BadSpec("a service with API keys takes such backends from its own configuration only")
            loading = self._loading.setdefault(wanted, asyncio.Lock())
            async with loading:
                if wanted not in self._loaded:
                    made = await asyncio.to_thread(load, wanted, self._profiles, quote=self._quote, count=self._count)
                    self._loaded[wanted] = Shared(made)
        found = self._loaded[wanted] = self._loaded.pop(wanted)
        await self._drop_oldest({self._settings.backend, wanted})
        return found

    def for_run(self, backend: Backend, tenant: str) -> Backend:
        """What a run of `tenant` asks: the backend, behind the cache of replies if there is one.

        What has no model behind it is never cached: a script's next reply is another one.
        """
        name = backend.name.partition(":")[0]
        profile = self._profiles.get(name) or BUILT_IN.get(name)
        if self._cache is None or profile is None or profile.kind in WITHOUT_MODEL:
            return backend
        # Keys are masked in it: a new key for the same server changes no answer.
        return Cached(backend, self._cache, identity=profile.model_dump_json(), scope=tenant)

    async def _drop_oldest(self, kept: set[str]) -> None:
        others = [spec for spec in self._loaded if spec not in kept]
        dropped = [self._loaded.pop(spec) for spec in others[: max(0, len(self._loaded) - MOST_LOADED)]]
        for backend in dropped:
            await backend.drop()

    def _reaches_inside(self, spec: str) -> bool:
        name, _, rest = spec.partition(":")
        profile = self._profiles.get(name) or BUILT_IN.get(name)
        return (
            bool(rest) and profile is not None and profile.kind in ("scripted", "recorded", "langchain", "hf", "table")
        )

    async def aclose(self) -> None:
        if self._choosing is not None:
            self._choosing.cancel()
            await asyncio.gather(self._choosing, return_exceptions=True)
        for backend in self._loaded.values():
            await backend.aclose()

    async def _count(self, text: str) -> int:
        count = self._embedder().count_tokens
        return await asyncio.get_running_loop().run_in_executor(self._threads, count, [text])

    async def _quote(self, question: str, sources: Sequence[Source]) -> list[Quote]:
        from retrieval.embedders.minilm import MiniLM
        from retrieval.evidence import select

        embedder = self._embedder()
        # The constants of the choice were fitted to the cosines of the bundled embedder; without it, words decide.
        embed = partial(embedder.embed, kind="document") if isinstance(embedder, MiniLM) else None

        def work() -> list[Quote]:
            found = select(
                question,
                [source.text for source in sources],
                embed,
                scripts=embedder.scripts,
            )
            texts = [sources[quote.passage].text[quote.span.start : quote.span.end] for quote in found.quotes]
            return [Quote(source=q.passage, text=text) for q, text in zip(found.quotes, texts, strict=True)]

        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def profiles(settings: Settings, environment: dict[str, str]) -> dict[str, Profile]:
    """The well-known providers with the keys that the environment holds, and the configured profiles over them."""
    known = known_profiles(environment)
    own = {name: _profile(name, given, environment, known.get(name)) for name, given in settings.backends.items()}
    return known | own


def _profile(name: str, given: BackendProfile, environment: dict[str, str], preset: Profile | None) -> Profile:
    """The preset of that name with what is given over it; flags too are joined."""
    values = given.model_dump(exclude={"api_key_env"}, exclude_unset=True)
    if given.api_key_env is not None:
        values["api_key"] = environment.get(given.api_key_env)
    if preset is None:
        return Profile.model_validate({"name": name, **values})
    base = {field: getattr(preset, field) for field in Profile.model_fields}
    # What is given of these does not take the rest back to what an unknown server has.
    if name == "openai" and values.get("base_url") not in (None, preset.base_url):
        base["flags"] = Flags()  # of a server that is not OpenAI's nothing is known
    if "flags" in values:
        values["flags"] = base["flags"].model_dump() | values["flags"]
    if "embeddings" in values:
        values["embeddings"] = preset.embeddings.model_dump() | values["embeddings"]
    return Profile.model_validate({**base, "name": name, **_ollama_form(preset, values)})


def _ollama_form(preset: Profile, values: dict[str, Any]) -> dict[str, Any]:
    """Ollama has two APIs: the one of OpenAI's form is meant by an address under /v1, or by its kind alone."""
    if preset.kind != "ollama":
        return values
    url = str(values.get("base_url") or "").rstrip("/")
    if "kind" not in values and url.endswith("/v1"):
        return {"kind": "openai", **values}
    if values.get("kind") == "openai" and not url:
        return {"base_url": f"{preset.base_url}/v1", **values}
    return values
