"""Experts of a mixture, or of a registry: filled in from the settings, checked before the run begins, found for it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agents.experts.expert import Equipment, Expert, built_in
from agents.experts.gate_file import BadGate
from agents.hugginggpt_options import HuggingGPTOptions
from agents.moe_options import MoeOptions
from agents.reflexion_options import ReflexionOptions
from agents.task_experts.model import OWN
from backends.errors import BackendError, BadSpec
from retrieval.pinned import pinned
from server.errors import bad_request
from server.gates import fitting
from server.resolve import check_capabilities, limits_for, options_for, pipeline_of, resolve_collection

if TYPE_CHECKING:
    from agents.pipeline import Options, Pipeline
    from backends.base import Backend
    from server.openai.sandtable import RunLimits
    from server.services import Services
    from tools.registry.entry import Entry

log = logging.getLogger(__name__)

WHERE = "sandtable.options.experts"


async def with_experts(
    services: Services, tenant: str, pipeline: Pipeline, options: Options, backend: Backend, limits: RunLimits | None,
    *, searches: bool,
) -> Options:  # fmt: skip
    """The options, with the experts of the settings where they name none. `searches`: the run has a collection.

    Raises ApiError for an expert that could not be asked. Options of other pipelines come back as they are.
    """
    if isinstance(options, ReflexionOptions):
        inner, runs = options.of_inner(), await pipeline_of(options.inner)
        settled = await with_experts(services, tenant, runs, inner, backend, limits, searches=searches)
        same = settled is inner
        return options if same else options.model_copy(update={"inner_options": settled.model_dump(mode="json")})
    if isinstance(options, HuggingGPTOptions):
        await _check_registry(services, tenant, options, limits)
    mixture = mixture_of(options)
    if mixture is None:
        return options
    if not mixture.experts and services.settings.experts:
        named = [{"name": name, **given.model_dump()} for name, given in services.settings.experts.items()]
        options = options_for(pipeline, {**options.model_dump(mode="json"), "experts": named}, tuple(services.tools))
        mixture = mixture_of(options) or mixture
    for number, expert in enumerate(mixture.experts):
        await _check(services, tenant, expert, f"{WHERE}[{number}]", backend, limits, searches=searches)
    if mixture.gate is not None:
        try:
            asked = mixture.experts or built_in(searches=searches)
            fitting(services.data_dir, mixture.gate, [expert.name for expert in asked])
        except BadGate as error:
            raise bad_request(f"{error}.", "sandtable.options.gate", "invalid_value") from None
    return options


async def _check(
    services: Services, tenant: str, expert: Expert, where: str, backend: Backend, limits: RunLimits | None,
    *, searches: bool,
) -> None:  # fmt: skip
    if expert.collection is not None:
        await resolve_collection(services, tenant, expert.collection, f"{where}.collection")
    runs = await pipeline_of(expert.runs())
    if runs.needs_collection and expert.collection is None and not searches:
        message = (
            f"The expert {expert.name!r} runs {runs.name!r}, which needs a collection: name one for it or the run."
        )
        raise bad_request(message, f"{where}.collection", "collection_required")
    if expert.backend is not None:
        backend = await _backend(services, expert.backend, where)
        limits_for(services, tenant, limits, backend)
    check_capabilities(runs, backend, "sandtable.backend" if expert.backend is None else f"{where}.backend")


async def _backend(services: Services, spec: str, where: str) -> Backend:
    """Raises ApiError that names the expert's own field."""
    try:
        return await services.backends.get(spec)
    except BadSpec as error:
        raise bad_request(str(error), f"{where}.backend", "bad_backend") from None


async def _check_registry(
    services: Services, tenant: str, options: HuggingGPTOptions, limits: RunLimits | None
) -> None:
    if options.registry is not None and options.registry not in services.settings.registries:
        known = ", ".join(services.settings.registries) or "none"
        message = f"No registry {options.registry!r}; the setting 'registries' has {known}."
        raise bad_request(message, "sandtable.options.registry", "invalid_value")
    for number, entry in enumerate(options.experts):
        if entry.backend not in (None, OWN):
            await _backend(services, entry.backend, f"{WHERE}[{number}]")
    for backend in (await _backends(services, options)).values():
        limits_for(services, tenant, limits, backend)


async def _backends(services: Services, options: Options) -> dict[str, Backend]:
    """By expert; one of a registry whose backend is not to be had is left out, so that it is not offered."""
    found: dict[str, Backend] = {}
    for entry in backends_of(services, options):
        try:
            found[entry.id] = await services.backends.get(entry.backend)
        except BackendError as error:
            log.warning("the expert %r of a registry cannot be asked: %s", entry.id, error)
    return found


def backends_of(services: Services, options: Options) -> list[Entry]:
    """Experts that are backends of their own, of the request and of the registry that it names."""
    if isinstance(options, ReflexionOptions):
        return backends_of(services, options.of_inner())
    if not isinstance(options, HuggingGPTOptions):
        return []
    there, registries = list(options.experts), services.reach.registries
    if options.registry is not None and registries is not None:
        known = {entry.id for entry in there}
        there += [entry for entry in registries.entries(options.registry) if entry.id not in known]
    return [entry for entry in there if entry.backend not in (None, OWN)]


async def equipment(services: Services, tenant: str, options: Options) -> Mapping[str, Equipment]:
    """What the experts that a run names have of their own. Raises ApiError, BackendError, RetrievalError."""
    mixture = mixture_of(options)
    if mixture is None:
        found = await _backends(services, options)
        return {id: Equipment(backend=services.backends.for_run(one, tenant)) for id, one in found.items()}
    return {expert.name: Equipment(**await _own(services, tenant, expert)) for expert in mixture.experts}


async def _own(services: Services, tenant: str, expert: Expert) -> dict[str, Any]:
    own: dict[str, Any] = {}
    if expert.backend is not None:
        own["backend"] = services.backends.for_run(await services.backends.get(expert.backend), tenant)
    if expert.collection is not None:
        id = await resolve_collection(services, tenant, expert.collection, WHERE)
        searched = await pinned(await services.collections.get(id), None)
        own |= {"retriever": searched, "collection": id, "generation": searched.generation_id}
    return own


def mixture_of(options: Options) -> MoeOptions | None:
    """The options of a mixture, or of one that makes Reflexion's trials."""
    if isinstance(options, ReflexionOptions):
        return mixture_of(options.of_inner())
    return options if isinstance(options, MoeOptions) else None
