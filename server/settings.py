"""Every setting of the service, and the only place that reads the environment.

Order: the TOML file, then SANDTABLE_* variables, then flags. Unknown names are refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from agents.experts.expert import ExpertParts
from agents.spending import Limits, Price
from backends.profiles import Embeddings, Flags, Kind
from server.tool_settings import DocumentName, Fetch, MCPServer, OpenAPI, RegistryFile, Wikipedia

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

DEFAULT_CONFIG = "sandtable.toml"
MIB = 1 << 20
PREFIX = "SANDTABLE_"
NESTED = (
    "SANDTABLE_BACKENDS__",
    "SANDTABLE_FETCH__",
    "SANDTABLE_WIKIPEDIA__",
    "SANDTABLE_OPENAPI__",
    "SANDTABLE_EXPERTS__",
)
NO_SETTINGS = frozenset({"SANDTABLE_TEST_DATA", "SANDTABLE_URL"})
"""Variables of the tests, and of scripts around the service."""


def _usable_key(key: SecretStr) -> SecretStr:
    text = key.get_secret_value()
    if not text.strip():
        raise ValueError("the API key is empty: give a text, or leave it out")
    if text != text.strip():
        # HTTP strips the blanks around a header's value: no client could ever send this key.
        raise ValueError("the API key begins or ends with a blank: take it away")
    return key


def _zone(name: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise ValueError(f"there is no time zone {name!r}; write an IANA name such as Europe/Berlin") from None
    return name


def _database_address(url: SecretStr) -> SecretStr:
    scheme, colon, rest = url.get_secret_value().partition("://")
    if scheme not in ("postgresql", "postgres") or not colon or not rest:
        raise ValueError("this is no address of a PostgreSQL: write postgresql://user:password@host:5432/database")
    return url


Key = Annotated[SecretStr, AfterValidator(_usable_key)]


class ApiKey(BaseModel):
    """A key and the tenant whose files, collections and runs it opens."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    key: Key
    tenant: str = "default"
    limits: Limits = Limits(model_calls=None)
    """What one run of this key's tenant may use, where that is less than the settings allow."""


class BackendProfile(BaseModel):
    """A named backend: `[backends.NAME]` in the file, used as `NAME` or `NAME:MODEL`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Kind = "openai"
    base_url: str | None = None
    api_key: SecretStr | None = None
    api_key_env: str | None = None
    """Name of the environment variable that holds the key, so that the file need not."""
    model: str | None = None
    headers: dict[str, str] = {}
    extra_body: dict[str, Any] = {}
    max_tokens: int | None = Field(None, ge=1)
    """Of an answer whose request does not say."""
    connect_timeout: float = Field(5.0, gt=0)
    read_timeout: float = Field(120.0, gt=0)
    retries: int = Field(2, ge=0, le=10)
    device: str = "auto"
    """Where a model of kind `hf` computes."""
    flags: Flags = Flags()
    """What the server can do, where it departs from the common form."""
    embeddings: Embeddings = Embeddings()
    """How its embedding models want to be asked."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, env_ignore_empty=True
    )

    host: str = "127.0.0.1"
    port: int = Field(8321, ge=0, le=65535)
    data_dir: Path = Path(".sandtable")
    cache_dir: Path | None = None
    """Where the embedder's runtime graph is kept; None: the user's cache directory."""
    backend: str = "auto"
    backends: dict[str, BackendProfile] = {}
    api_key: Key | None = None
    keys: tuple[ApiKey, ...] = ()
    reply_cache: Literal["off", "deterministic", "all"] = "off"
    """Which replies of language models are kept and given again: see `backends.cache`."""
    reply_cache_mb: int = Field(256, gt=0)
    allowed_origins: tuple[str, ...] = ()
    """Whose web pages may call, as `https://chat.example.org`; without keys those of this machine may anyway."""
    embedder: str = "minilm"
    tools: tuple[str, ...] = ()
    """The user's own, as `package.module:attribute` or `file.py:attribute`: their code runs in the service."""
    approve_tools: tuple[str, ...] = ()
    """Tools that always ask a person, by name or pattern."""
    fetch: Fetch = Fetch()
    """What the tool `fetch_url` may read."""
    wikipedia: Wikipedia = Wikipedia()
    """What the tool `wikipedia` reads."""
    openapi: dict[DocumentName, OpenAPI] = {}
    """Documents whose operations are tools, by the name that those begin with."""
    mcp_servers: dict[DocumentName, MCPServer] = {}
    """Servers of the Model Context Protocol whose tools are used here."""
    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    """In which the tool `calendar` means today."""
    rates: str | None = None
    """Exchange rates for the tool `units`: a file (`tools.rates`), or an address (`tools.rate_service`)."""
    rates_base: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    """The currency that the table is in."""
    sandbox: Literal["auto", "process", "bubblewrap", "remote", "off"] = "auto"
    """What keeps in the code that the tool `python` runs: see `tools.sandbox.tiers`."""
    sandbox_url: str | None = None
    sandbox_key: SecretStr | None = None
    """Of a sandbox elsewhere, and of `sandtable sandbox`."""
    sandbox_seconds: float = Field(30.0, gt=0, le=600)
    """That one call may take."""
    sandbox_memory_mb: int = Field(512, ge=64)
    """Of one session, beside its libraries."""
    sandbox_disk_mb: int = Field(64, ge=1)
    sandbox_sessions: int = Field(20, ge=1)
    """At once; the longest idle one makes room."""
    sandbox_idle_seconds: float = Field(900.0, gt=0)
    max_upload_bytes: int = Field(50 * MIB, gt=0)
    max_body_bytes: int = Field(16 * MIB, gt=0)
    """Of a request that is not an upload."""
    max_model_calls: int = Field(500, gt=0)
    """Calls to the backend in one run."""
    max_tool_calls: int | None = Field(None, gt=0)
    max_tokens: int | None = Field(None, gt=0)
    """Prompt and completion tokens of one run."""
    max_cost: float | None = Field(None, gt=0)
    """Of one run, by `prices`."""
    max_seconds: float | None = Field(None, gt=0)
    max_steps: int | None = Field(None, gt=0)
    prices: dict[str, Price] = {}
    """By backend, `openai:gpt-4o-mini`, or a pattern, `ollama:*`: money for a million tokens."""
    pipelines: dict[str, str] = {}
    """Of the user's own: name to `package.module:attribute`."""
    experts: dict[str, ExpertParts] = {}
    """Of the pipeline `moe`, by name, for requests that name none."""
    registries: dict[DocumentName, RegistryFile] = {}
    """Experts of the pipeline `hugginggpt`, by a name that requests choose."""
    max_concurrent_runs: int = Field(200, gt=0)
    max_queued_runs: int = Field(10_000, gt=0)
    pgvector_url: Annotated[SecretStr, AfterValidator(_database_address)] | None = None
    """Of the PostgreSQL that holds the indexes `pgvector`, as postgresql://user:password@host:5432/database."""
    load_timeout: float = Field(60.0, gt=0)
    """Seconds that reading one file may take."""
    load_memory_mb: int = Field(1024, ge=256)
    build_cpu: float = Field(0.5, gt=0, le=1)
    """Share of one core that building an index may take."""
    shutdown_seconds: int = Field(10, ge=0)
    """How long a stop waits for requests under way."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    def tenants(self) -> dict[str, str]:
        """API key -> tenant; empty when the service is open."""
        found = {entry.key.get_secret_value(): entry.tenant for entry in self.keys}
        if self.api_key is not None:
            found[self.api_key.get_secret_value()] = "default"
        return found

    def limits(self, tenant: str) -> Limits:
        """What one run of the tenant may use."""
        most = Limits(
            model_calls=self.max_model_calls,
            tool_calls=self.max_tool_calls,
            tokens=self.max_tokens,
            cost=self.max_cost,
            seconds=self.max_seconds,
            steps=self.max_steps,
        )
        for entry in self.keys:
            if entry.tenant == tenant:
                most = entry.limits.within(most)
        return most

    def cache(self) -> Path:
        from platformdirs import user_cache_path

        return self.cache_dir or user_cache_path("sandtable", appauthor=False)


class BadSettings(Exception):
    """A setting that cannot be used; the message names it and its source."""


def load_settings(config: Path | None = None, **flags: Any) -> Settings:
    """Read the settings; flags that are None do not count. Raises BadSettings."""
    prepare_environment()
    if config is not None and not config.is_file():
        raise BadSettings(f"there is no configuration file {str(config)!r}")
    path = config if config is not None else Path(DEFAULT_CONFIG)
    _refuse_unknown(os.environ)
    try:
        return _from_file(path)(**{name: value for name, value in flags.items() if value is not None})
    except SettingsError as error:
        raise BadSettings(f"bad settings (SANDTABLE_* variables): {error}; write lists and objects as JSON") from None
    except ValidationError as error:
        told = "; ".join(map(_problem, error.errors()))
        raise BadSettings(f"bad settings ({path}, SANDTABLE_* variables or flags): {told}") from None
    except ValueError as error:
        raise BadSettings(f"{path} is not valid TOML: {error}") from None


@lru_cache(8)
def _from_file(path: Path) -> type[Settings]:
    return type("FromFile", (Settings,), {"model_config": SettingsConfigDict(toml_file=path), "__module__": __name__})


def _problem(error: ErrorDetails) -> str:
    # Other values are not shown: one may be a key.
    given = f", not {error['input']!r}" if error["type"] == "literal_error" else ""
    return f"{'.'.join(map(str, error['loc']))}: {error['msg'].removeprefix('Value error, ')}{given}"


def _refuse_unknown(names: Iterable[str]) -> None:
    """Raises BadSettings for a SANDTABLE_* variable that would set nothing."""
    known = {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}
    for name in sorted(names):
        upper = name.upper()
        if not upper.startswith(PREFIX) or upper in known | NO_SETTINGS or upper.startswith(NESTED):
            continue
        near = get_close_matches(upper, sorted(known), n=1, cutoff=0)
        raise BadSettings(f"there is no setting for the variable {name!r}; the nearest there is: {near[0]}")


def prepare_environment() -> None:
    """Switches that libraries read when they are imported.

    LangGraph: only known types come back from a checkpoint; LangSmith and ONNX Runtime: nothing is sent anywhere. ONNX
    Runtime reports its use to its maker by default, and only this variable, set before the import, stops it.
    """
    os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
    os.environ["LANGSMITH_TRACING"] = "false"
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def environment() -> dict[str, str]:
    """The process environment, for keys of hosted backends."""
    return dict(os.environ)


def check_exposure(settings: Settings) -> None:
    """Refuse to listen beyond this machine without a key. Raises BadSettings."""
    if settings.host not in ("127.0.0.1", "localhost", "::1") and not settings.tenants():
        raise BadSettings(
            f"refusing to listen on {settings.host!r} without an API key: anyone on the network could read and delete "
            "your documents. Set SANDTABLE_API_KEY (or api_key in the file), or bind 127.0.0.1."
        )
