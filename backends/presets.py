"""Well-known providers and local servers, so that a spec like `deepseek:deepseek-chat` needs no configuration."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from backends.base import Value
from backends.errors import BadSpec
from backends.profiles import Embeddings, Flags, Kind, Profile

logger = logging.getLogger(__name__)


class Preset(Value):
    base_url: str
    kind: Kind = "openai"
    key_names: tuple[str, ...] = ()
    """Environment variables that hold the key, first one set wins; none: a local server, which needs no key."""
    model: str | None = None
    """What `auto` takes when it finds the key: a general model under a name that the provider keeps pointing at one."""
    flags: Flags = Flags()
    embeddings: Embeddings = Embeddings()


def _hosted(**departures: Any) -> Flags:
    """What the provider's documentation says, so that nothing has to be tried out at the user's cost."""
    said = {"tools": True, "json_form": "schema", "logprobs": True, "scoring": "none", "images": False}
    return Flags.model_validate(said | departures)


PRESETS: Mapping[str, Preset] = {
    "openai": Preset(
        base_url="https://api.openai.com/v1",
        key_names=("OPENAI_API_KEY",),
        model="gpt-4o-mini",
        flags=_hosted(tool_choice="full", images=True, names={"max_tokens": "max_completion_tokens"}),
        # text-embedding-3-small and -large (OpenAI's guide to embeddings).
        embeddings=Embeddings(max_tokens=8191, encoding="base64"),
    ),
    "anthropic": Preset(
        kind="anthropic",
        base_url="https://api.anthropic.com/v1",
        key_names=("ANTHROPIC_API_KEY",),
        model="claude-haiku-4-5",
        flags=_hosted(tool_choice="full", logprobs=False, images=True),
    ),
    "deepseek": Preset(
        base_url="https://api.deepseek.com/v1",
        key_names=("DEEPSEEK_API_KEY",),
        model="deepseek-chat",
        flags=_hosted(tool_choice="full", json_form="object", echo_reasoning=True, names={"seed": None}),
    ),
    "dashscope": Preset(
        base_url="https://dashscope.aliyuncs.com/compatible-mode/v1",
        key_names=("DASHSCOPE_API_KEY", "QWEN_API_KEY"),
        model="qwen-plus",
        flags=_hosted(json_form="object"),
        # text-embedding-v3 and v4 take ten texts at a time (Model Studio's reference).
        embeddings=Embeddings(max_tokens=8192, batch=10),
    ),
    "moonshot": Preset(
        base_url="https://api.moonshot.cn/v1",
        key_names=("MOONSHOT_API_KEY", "KIMI_API_KEY"),
        model="kimi-latest",
        flags=_hosted(
            tool_choice="auto", json_form="object", logprobs=False, echo_reasoning=True, names={"seed": None}
        ),
    ),
    "zhipu": Preset(
        base_url="https://open.bigmodel.cn/api/paas/v4",
        key_names=("ZHIPU_API_KEY", "ZHIPUAI_API_KEY", "ZAI_API_KEY"),
        model="glm-4-flash",
        flags=_hosted(
            tool_choice="auto", json_form="object", logprobs=False, names={"seed": None, "stream_options": None}
        ),
    ),
    "siliconflow": Preset(
        base_url="https://api.siliconflow.cn/v1",
        key_names=("SILICONFLOW_API_KEY",),
        model="Qwen/Qwen3-8B",
        flags=_hosted(json_form="object", logprobs=False),
    ),
    "openrouter": Preset(
        base_url="https://openrouter.ai/api/v1",
        key_names=("OPENROUTER_API_KEY",),
        model="openrouter/auto",
        flags=_hosted(tool_choice="full", images=True),
    ),
    "gemini": Preset(
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        key_names=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        model="gemini-flash-latest",
        flags=_hosted(logprobs=False, images=True, names={"seed": None}),
    ),
    "groq": Preset(
        base_url="https://api.groq.com/openai/v1",
        key_names=("GROQ_API_KEY",),
        model="llama-3.3-70b-versatile",
        flags=_hosted(tool_choice="full", json_form="object", logprobs=False),
    ),
    "mistral": Preset(
        base_url="https://api.mistral.ai/v1",
        key_names=("MISTRAL_API_KEY",),
        model="mistral-small-latest",
        flags=_hosted(logprobs=False, names={"seed": "random_seed", "stream_options": None}),
    ),
    "vllm": Preset(base_url="http://127.0.0.1:8000/v1"),
    "llamacpp": Preset(base_url="http://127.0.0.1:8080/v1"),
    "lmstudio": Preset(base_url="http://127.0.0.1:1234/v1", flags=Flags(logprobs=False)),
    "ollama": Preset(kind="ollama", base_url="http://127.0.0.1:11434"),
}


def known_profiles(environment: Mapping[str, str], own: Mapping[str, Profile] | None = None) -> dict[str, Profile]:
    """Every profile by name: the presets, with keys from `environment` (variable name -> value), then `own` over them.

    `OPENAI_BASE_URL` moves `openai` to another server, as it does for OpenAI's own clients. Raises BadSpec if
    that is no usable URL.
    """
    profiles = {name: _profile(name, preset, environment) for name, preset in PRESETS.items()}
    return profiles | dict(own or {})


def _profile(name: str, preset: Preset, environment: Mapping[str, str]) -> Profile:
    url = environment.get("OPENAI_BASE_URL", "").strip() if name == "openai" else ""
    values = {
        "name": name,
        "kind": preset.kind,
        "base_url": url or preset.base_url,
        "api_key": _key(preset, environment),
        "model": None if url else preset.model,
        "flags": Flags() if url else preset.flags,
        "embeddings": Embeddings() if url else preset.embeddings,
    }
    try:
        return Profile.model_validate(values)
    except ValidationError as error:  # the URL is all that may be wrong here
        raise BadSpec(f"OPENAI_BASE_URL cannot be used: {error.errors()[0]['msg']}") from None


def _key(preset: Preset, environment: Mapping[str, str]) -> str | None:
    for name in preset.key_names:
        key = environment.get(name, "").strip()
        if key.isascii() and key.isprintable():
            if key:
                return key
        else:  # a placeholder left in a shell profile must not keep the service from starting
            logger.warning("%s is set to what cannot be a key (not printable ASCII): not used", name)
    return None
