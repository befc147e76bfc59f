"""What a request needs, and the error when the backend does not have it."""

from __future__ import annotations

from backends.base import Capabilities, Capability, Request
from backends.errors import CapabilityMissing

MEANING: dict[Capability, str] = {
    "tools": "call tools",
    "json_schema": "hold its answer to a JSON schema",
    "logprobs": "report token log-probabilities",
    "scoring": "score a given continuation",
    "images": "read images",
    "embeddings": "make embeddings",
    "causal": "be used as a bare language model, with plain prompts, beams and mixtures of prompts",
}
WAYS = (
    "(1) run a local model server and name it, as in 'ollama:MODEL', 'vllm:MODEL' or 'llamacpp:MODEL'; "
    "(2) set the key of a hosted provider and name it, as in 'openai:MODEL' or 'deepseek:MODEL'; "
    "(3) if this server can do it after all, say so in the flags of its profile, or use another pipeline."
)
"""To what most servers have."""
OTHER_WAYS: dict[str, str] = {
    "scoring": (
        "(1) run the model in this process, as in 'hf:MODEL_OR_PATH'; "
        "(2) serve it with vLLM and name it, as in 'vllm:MODEL': chat APIs of hosted providers score nothing; "
        "(3) use a pipeline or an option that needs no scoring, such as 'decoding': 'sampled' of rag_sequence, or rag."
    ),
    "causal": (
        "(1) run the model in this process, as in 'hf:MODEL_OR_PATH'; "
        "(2) name a table of probabilities, as in 'table:FILE', for a small example; "
        "(3) use a pipeline or an option that asks no more than a chat, such as 'decoding': 'sampled' of rag_sequence, "
        "or rag."
    ),
}


def needed(request: Request) -> tuple[Capability, ...]:
    """The capabilities without which this request cannot be answered as asked."""
    tools = request.tools and request.tool_choice != "none"
    asked: tuple[tuple[Capability, bool], ...] = (
        ("tools", bool(tools)),
        ("json_schema", request.json_schema is not None),
        ("logprobs", request.logprobs is not None),
        ("images", any(message.images for message in request.messages)),
        ("scoring", bool(request.continuations)),
        ("causal", request.beams is not None or bool(request.contexts) or _bare(request)),
    )
    return tuple(name for name, wanted in asked if wanted)


def _bare(request: Request) -> bool:
    return request.plain and not request.continuations


def ways(capability: str) -> str:
    """Three ways to get it."""
    return OTHER_WAYS.get(capability, WAYS)


def missing(backend: str, capability: Capability, why: str = "") -> CapabilityMissing:
    """The error for a backend (its name) that lacks `capability`, with three ways to get it. `why`: what showed it."""
    shown = f", as a trial showed: {why.rstrip('.')}" if why else ""
    return CapabilityMissing(
        f"backend {backend!r} cannot {MEANING[capability]} (capability {capability!r}){shown}. Three ways to get it: "
        + ways(capability),
        code=capability,
    )


def check(backend: str, capabilities: Capabilities, request: Request) -> None:
    """Raise CapabilityMissing for the first thing that `request` needs and `capabilities` does not have."""
    for capability in needed(request):
        if not getattr(capabilities, capability):
            raise missing(backend, capability)
