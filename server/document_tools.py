"""Tools of the OpenAPI documents that the settings name, read at start."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from server.web import GuardedWeb
from tools.base import Tool
from tools.errors import BadDocument, BadTool, ToolError
from tools.openapi.document import read_document
from tools.openapi.operations import operations
from tools.openapi.tool import Api, check_schema, tools_of
from tools.web import read_url, rules_for

if TYPE_CHECKING:
    from server.tool_settings import OpenAPI, RegistryFile

log = logging.getLogger(__name__)

LARGEST_DOCUMENT = 10 << 20
"""GitHub's, one of the largest, has some 9 MB as YAML."""


async def document_tools(settings: Mapping[str, OpenAPI], environment: Mapping[str, str]) -> list[Tool]:
    """Raises BadDocument, which names the setting."""
    found: list[Tool] = []
    for name, given in settings.items():
        try:
            secrets = secrets_of(given, environment)
            document = await _document(given)
            found += await asyncio.to_thread(_made, name, given, document, secrets)
        except BadTool as error:
            raise BadDocument(f"openapi.{name}: {error}") from None
    return found


def _made(name: str, given: OpenAPI, document: Mapping[str, Any], secrets: Mapping[str, str]) -> list[Tool]:
    base_url = given.base_url or _server(given.document, document)
    api = Api(
        name=name,
        base_url=base_url,
        web=GuardedWeb(rules_for(base_url, seconds=given.seconds, most_bytes=given.max_bytes)),
        secrets=secrets,
        approve=given.approve,
        seconds=given.seconds,
    )
    try:
        found = operations(document, given.operations, list(secrets), check_schema)
    except BadTool as error:
        raise BadTool(f"{given.document}: {error}") from None
    for one in found:
        if one.unusable:
            log.warning("openapi.%s: no tool was made of %s: %s", name, one.place, one.unusable)
    usable = [one for one in found if not one.unusable]
    if not usable:
        why = f", the first because {found[0].unusable}" if found else ""
        raise BadTool(f"{given.document}: no tool can be made of any of its operations{why}")
    return tools_of(api, usable)


async def _document(given: OpenAPI) -> dict[str, Any]:
    place = given.document
    try:
        data = await _fetched(place) if _is_url(place) else await asyncio.to_thread(_from_file, Path(place))
        return await asyncio.to_thread(read_document, data)
    except (BadTool, ToolError) as error:
        raise BadTool(f"the document {place!r} cannot be used: {error}") from None


async def _fetched(url: str) -> bytes:
    page = await GuardedWeb(rules_for(url, most_bytes=LARGEST_DOCUMENT)).send("GET", url, {"Accept": "*/*"})
    if page.status != 200:
        raise BadTool(f"{page.url} answered {page.status}")
    return page.body


def _from_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_DOCUMENT + 1)
    except OSError as error:
        raise BadTool(f"{error.strerror or error}; give the path of a file, or an address") from None
    if len(data) > LARGEST_DOCUMENT:
        raise BadTool(f"it has more than {LARGEST_DOCUMENT:,} bytes")
    return data


def _is_url(place: str) -> bool:
    return place.startswith(("http://", "https://"))


def _server(place: str, document: Mapping[str, Any]) -> str:
    """The first server that it names. Raises BadTool where a document from the web names another than its own: where
    keys are sent is for the settings to say."""
    servers = document.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else {"url": "/"}
    url = str(first.get("url", "/")) if isinstance(first, dict) else "/"
    variables = first.get("variables") if isinstance(first, dict) else None
    for name, about in (variables if isinstance(variables, dict) else {}).items():
        url = url.replace(f"{{{name}}}", str(about.get("default", "")) if isinstance(about, dict) else "")
    url = urljoin(place, url) if _is_url(place) else url
    if not _is_url(url):
        raise BadTool(f"{place!r} names no address to call (`servers`): set `base_url`")
    try:
        read_url(url, rules_for(url))
    except (ToolError, ValueError) as error:
        raise BadTool(f"{place!r} names an address that cannot be called: {error}; set `base_url`") from None
    if _is_url(place) and _origin(url) != _origin(place):
        raise BadTool(f"{place!r} names another server than its own, {url[:200]!r}: set `base_url` if that is right")
    return url


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def secrets_of(given: OpenAPI | RegistryFile, environment: Mapping[str, str]) -> dict[str, str]:
    """Headers with what the variables hold. Raises BadTool."""
    found = {
        header: header_value(f"headers_env.{header}", name, environment) for header, name in given.headers_env.items()
    }
    if given.api_key_env is not None:
        found["Authorization"] = f"Bearer {header_value('api_key_env', given.api_key_env, environment)}"
    return found


def header_value(setting: str, name: str, environment: Mapping[str, str]) -> str:
    value = variable(setting, name, environment)
    if re.search(r"[^\x20-\x7e]", value):
        raise BadTool(f"{setting}: the environment variable {name!r} holds what no header can: printable ASCII only")
    return value


def variable(setting: str, name: str, environment: Mapping[str, str]) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise BadTool(f"{setting}: the environment variable {name!r} is not set: set it, or take the line out")
    return value
