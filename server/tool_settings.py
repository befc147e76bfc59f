"""Settings of tools that reach beyond the service."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from tools.web import Rules


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise ValueError(f"{error}; write it as 10.1.0.0/16 or fd00::/8") from None


def _api(url: str) -> str:
    parts = urlsplit(url.replace("{language}", "en"))
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query:
        raise ValueError("write the address of api.php, as https://{language}.wikipedia.org/w/api.php")
    return url


class Fetch(BaseModel):
    """`[fetch]`: what is read from the web for a tool."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allow: tuple[str, ...] = ()
    """Hosts, as `example.org` or `*.example.org`; none: all."""
    deny: tuple[str, ...] = ()
    networks: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    """That may be reached although they are not public."""
    ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = (80, 443)
    seconds: float = Field(default=20.0, gt=0, le=80)
    max_bytes: int = Field(default=10 << 20, gt=0)

    def rules(self) -> Rules:
        from tools.web import Rules

        return Rules(
            allow=self.allow,
            deny=self.deny,
            networks=self.networks,
            ports=self.ports,
            seconds=self.seconds,
            most_bytes=self.max_bytes,
        )


def _base(url: str) -> str:
    try:
        parts = urlsplit(url)
        bad = parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.port == 0
    except ValueError:
        bad = True
    if bad or "?" in url or "#" in url:
        raise ValueError("write where the paths of the document begin, as https://api.example.org/v1")
    return url


def _document(place: str) -> str:
    if "://" in place and not place.startswith(("http://", "https://")):
        raise ValueError("write the path of a file, or an address that begins with https://")
    if "@" in urlsplit(place).netloc:
        raise ValueError("a user name or password in an address is not sent: leave out what stands before @")
    return place


Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
DocumentName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
Header = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,80}$")]


class OpenAPI(BaseModel):
    """`[openapi.NAME]`: a document whose operations become the tools NAME_operationId."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    document: Annotated[str, Field(min_length=1), AfterValidator(_document)]
    """A path or an address, of JSON or YAML."""
    base_url: Annotated[str, AfterValidator(_base)] | None = None
    """None: the first of its `servers`."""
    api_key_env: Variable | None = None
    """Name of the environment variable whose value is sent as `Authorization: Bearer`."""
    headers_env: dict[Header, Variable] = {}
    """Header to the name of the environment variable that holds its value."""
    operations: tuple[str, ...] = ()
    """operationIds, `GET /path`, or patterns; none: all."""
    approve: Literal["writes", "all", "none"] = "writes"
    """Which calls ask a person; writes: all but GET and HEAD."""
    seconds: float = Field(default=20.0, gt=0, le=80)
    max_bytes: int = Field(default=1 << 20, gt=0)


def _endpoint(url: str, example: str = "https://mcp.example.org/mcp") -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError(f"write the address of the server's endpoint, as {example}")
    return url


class MCPServer(BaseModel):
    """`[mcp_servers.NAME]`: a server of the Model Context Protocol whose tools become NAME_tool."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: tuple[str, ...] = ()
    """The program and its arguments, spoken to over standard input and output."""
    env: dict[Variable, str] = {}
    """Of the program, beside PATH: it sees nothing else of ours."""
    env_from: tuple[Variable, ...] = ()
    """Names of environment variables of the service that it is handed too, keys for example."""
    folder: str | None = None
    """In which the program starts."""
    url: Annotated[str, AfterValidator(_endpoint)] | None = None
    """In the place of a command: the endpoint of a server over HTTP."""
    api_key_env: Variable | None = None
    """Name of the environment variable whose value is sent as `Authorization: Bearer`."""
    headers_env: dict[Header, Variable] = {}
    tools: tuple[str, ...] = ()
    """Names or patterns of its tools; none: all."""
    approve: Literal["writes", "all", "none"] = "writes"
    """Which calls ask a person; writes: all but those that the server itself calls read-only."""
    seconds: float = Field(default=30.0, gt=0, le=80)
    """For a call, and for the handshake."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.command) == (self.url is not None):
            raise ValueError("set either command or url")
        of_http, of_process = (self.api_key_env or self.headers_env), (self.env or self.env_from or self.folder)
        if self.command and of_http:
            raise ValueError("api_key_env and headers_env belong to a url; a command is given env and env_from")
        if self.url is not None and of_process:
            raise ValueError("env, env_from and folder belong to a command; a url is given api_key_env and headers_env")
        return self


def _template(url: str) -> str:
    return _endpoint(url.replace("{id}", "id"), "https://models.example.org/{id}") and url


class RegistryFile(BaseModel):
    """`[registries.NAME]`: a list of experts for the pipeline `hugginggpt`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(min_length=1)
    """`.toml`, `.json`, or `.jsonl` (see `tools.registry.files`)."""
    endpoint: Annotated[str, AfterValidator(_template)] | None = None
    """Where experts that name no way of their own are called: `{id}` stands for the expert's."""
    body: Literal["args", "inputs"] = "inputs"
    """What is posted to `endpoint`: see `tools.registry.entry`."""
    api_key_env: Variable | None = None
    """Name of the environment variable whose value is sent to `endpoint` as `Authorization: Bearer`."""
    headers_env: dict[Header, Variable] = {}
    approve: bool = False
    """Whether a person is asked before a call of `endpoint`."""
    seconds: float = Field(default=60.0, gt=0, le=120)
    """Of a call, whatever the address."""
    max_bytes: int = Field(default=10 << 20, gt=0)


class Wikipedia(BaseModel):
    """`[wikipedia]`: where the tool of that name reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Literal["collection", "api"] = "collection"
    """The documents of the run, or a MediaWiki on the web."""
    url: Annotated[str, AfterValidator(_api)] = "https://{language}.wikipedia.org/w/api.php"
    language: str = Field(default="en", pattern=r"^[a-z]{2,12}(-[a-z]{2,12})*$")
    variant: str = Field(default="", pattern=r"^([a-z]{2,12}(-[a-z]{2,12})*)?$")
    """Of the script, where a wiki has several: `zh-cn`, `zh-tw`."""
    contact: str = Field(default="", pattern=r"^[ -~]{0,200}$")
    """An address of yours, for whoever runs the wiki; sent with each request."""
    seconds: float = Field(default=10.0, gt=0, le=60)
    max_bytes: int = Field(default=5 << 20, gt=0)

    def address(self) -> str:
        return self.url.replace("{language}", self.language)
