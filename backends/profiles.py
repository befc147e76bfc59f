"""Where a model is served and how its server departs from the common form. Values only; nothing here reads the
environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from backends.base import Capabilities, Capability, Value

Parameter = Literal[
    "max_tokens", "temperature", "top_p", "stop", "seed", "frequency_penalty", "presence_penalty", "logit_bias",
    "reasoning_effort", "parallel_tool_calls", "stream_options",
]  # fmt: skip
ANTHROPIC_VERSION = "2023-06-01"
OWN_FIELDS = frozenset({"model", "messages", "stream", "n"})


Kind = Literal["openai", "ollama", "anthropic", "langchain", "extractive", "scripted", "recorded", "hf", "table"]


class Flags(Value):
    """What a server can do, and how it wants to be asked. `auto`: tried out before the first request that needs it."""

    tools: bool | Literal["auto"] = "auto"
    tool_choice: Literal["full", "words", "auto"] = "words"
    """`full`: also the object that names a tool. `words`: only none, auto and required, so that a named tool is
    asked for by offering it alone (llama.cpp's server ignores the object). `auto`: cannot be made to call."""
    json_form: Literal["schema", "object", "none", "auto"] = "auto"
    """What holds an answer to JSON: a schema, or only that it is an object (the schema then goes into the prompt)."""
    logprobs: bool | Literal["auto"] = "auto"
    scoring: Literal["prompt_logprobs", "echo", "none", "auto"] = "auto"
    """How it scores a given text: vLLM's `prompt_logprobs`, or `echo` of `/completions`."""
    images: bool | None = None
    """None: no, unless the server tells of its models (Ollama): models differ even on one server, and a server that
    passes over a picture does not say so."""
    echo_reasoning: bool = False
    """The server wants the thoughts of assistant turns that called tools back (DeepSeek, Moonshot)."""
    names: Mapping[Parameter, str | None] = {}
    """Request fields with another name here; None: not taken, so left out with a warning. TOML has no null: there
    `false` says so."""

    @field_validator("names", mode="before")
    @classmethod
    def _false_is_none(cls, names: Any) -> Any:
        return (
            {key: None if name is False else name for key, name in names.items()} if isinstance(names, dict) else names
        )


class Embeddings(Value):
    """How models behind `/embeddings` want to be asked. Models that differ in this need a profile each."""

    max_tokens: int = Field(default=512, ge=16)
    """The longest text the model sees; a longer one is embedded as windows. Most encoders were trained on 512."""
    dimensions: int | None = Field(default=None, ge=1)
    """Asked for with each request, of models that can shorten their vectors; None: not sent."""
    batch: int = Field(default=64, ge=1, le=512)
    """Texts of one request."""
    query_prefix: str = ""
    document_prefix: str = ""
    """Put before each text, as the model's card says: `query: `, `passage: `."""
    encoding: Literal["float", "base64"] = "float"
    """How vectors are asked for; base64 is a quarter of the bytes, and some servers do not know it."""
    timeout: float = Field(default=30.0, gt=0)
    """Seconds that one try may take until it begins to answer: somebody waits for a query's vector."""
    extra_body: Mapping[str, Any] = {}
    """Added to every request body."""

    @field_validator("extra_body")
    @classmethod
    def _extra_only(cls, body: Mapping[str, Any]) -> Mapping[str, Any]:
        taken = sorted({"model", "input", "dimensions", "encoding_format"} & body.keys())
        if taken:
            raise ValueError(f"extra_body must not set {', '.join(map(repr, taken))}")
        return body


class Profile(BaseModel):
    """A named way to a backend. Its key and headers show in no repr and no error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    kind: Kind = "openai"
    base_url: str | None = None
    """With the version, as in `https://api.openai.com/v1`; Ollama's own API has none."""
    api_key: SecretStr | None = None
    model: str | None = None
    """Used when a spec names the profile alone."""
    headers: Mapping[str, SecretStr] = {}
    """Sent with every request; they may hold keys, so they are treated as such."""
    extra_body: Mapping[str, Any] = {}
    """Added to every request body, for switches of one provider such as `enable_thinking` or `think`."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Of an answer whose request does not say; None: as many as the server gives."""
    connect_timeout: float = Field(default=5.0, gt=0)
    read_timeout: float = Field(default=120.0, gt=0)
    """Seconds until the answer begins, and between its pieces."""
    retries: int = Field(default=2, ge=0, le=10)
    device: str = "auto"
    """Where a model of kind `hf` computes: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`."""
    flags: Flags = Flags()
    embeddings: Embeddings = Embeddings()

    @field_validator("base_url")
    @classmethod
    def _plain_url(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("base_url must be http(s)://HOST[:PORT][/PATH]")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("base_url must hold no user, query or fragment; give keys as api_key or headers")
        return url.rstrip("/")

    @field_validator("api_key")
    @classmethod
    def _sendable_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is None or not key.get_secret_value().strip():
            return None
        return SecretStr(_header_value("api_key", key.get_secret_value().strip()))

    @field_validator("headers")
    @classmethod
    def _sendable_headers(cls, headers: Mapping[str, SecretStr]) -> Mapping[str, SecretStr]:
        for name, value in headers.items():
            _header_value(f"headers.{name}", value.get_secret_value())
        return headers

    @field_validator("extra_body")
    @classmethod
    def _extra_only(cls, body: Mapping[str, Any]) -> Mapping[str, Any]:
        taken = sorted(OWN_FIELDS & body.keys())
        if taken:
            raise ValueError(f"extra_body must not set {', '.join(map(repr, taken))}")
        return body

    @model_validator(mode="after")
    def _address_fits_kind(self) -> Self:
        if self.kind == "ollama" and self.base_url is not None and self.base_url.endswith("/v1"):
            raise ValueError(
                "base_url of kind 'ollama' is the server's root, as in http://127.0.0.1:11434; "
                "its OpenAI form under /v1 is kind 'openai'"
            )
        return self

    def capabilities(self) -> Capabilities:
        """As far as is known: what has to be tried out counts as there."""
        flags = self.flags
        return Capabilities(
            tools=flags.tools is not False,
            json_schema=flags.json_form != "none",
            logprobs=flags.logprobs is not False,
            scoring=self.kind == "openai" and flags.scoring != "none",
            images=self.kind == "ollama" if flags.images is None else flags.images,
        )

    def in_doubt(self) -> frozenset[Capability]:
        """What the flags leave open."""
        flags = self.flags
        doubts: tuple[tuple[Capability, bool], ...] = (
            ("tools", flags.tools == "auto"),
            ("json_schema", flags.json_form == "auto"),
            ("logprobs", flags.logprobs == "auto"),
            ("scoring", flags.scoring == "auto" and self.kind == "openai"),
            ("images", flags.images is None and self.kind == "ollama"),
        )
        return frozenset(name for name, doubt in doubts if doubt)

    def request_headers(self) -> dict[str, str]:
        """The headers in the clear, the key among them."""
        key = "" if self.api_key is None else self.api_key.get_secret_value()
        if self.kind == "anthropic":
            own = {"anthropic-version": ANTHROPIC_VERSION, **({"x-api-key": key} if key else {})}
        else:
            own = {"authorization": f"Bearer {key}"} if key else {}
        return own | {name.lower(): value.get_secret_value() for name, value in self.headers.items()}

    def secrets(self) -> tuple[str, ...]:
        key = () if self.api_key is None else (self.api_key.get_secret_value(),)
        return key + tuple(value.get_secret_value() for value in self.headers.values())


def _header_value(field: str, value: str) -> str:
    if not (value.isascii() and value.isprintable()):
        raise ValueError(f"{field} must be printable ASCII without line breaks to be sent in a header")
    return value
