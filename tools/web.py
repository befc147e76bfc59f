"""Reading from the web within rules: which addresses may be asked for, and what comes back.

The connection itself is made by the server, to an address that it has checked by `tools.addresses` (`server.web`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Protocol
from urllib.parse import quote, urljoin, urlsplit

from tools.errors import ToolError

LONGEST_URL = 4000
IPV4 = re.compile(r"(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}")
LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
BAD = re.compile(r"[\x00-\x20\x7f\\\u2028\u2029]")
PORTS = {"http": 80, "https": 443}
SAFE = "/?:@!$&'()*+,;=-._~%[]|"


@dataclass(frozen=True, kw_only=True)
class Rules:
    allow: tuple[str, ...] = ()
    """Hosts that may be asked, as `example.org` or `*.example.org`; none: all."""
    deny: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    """Networks that may be reached although they are not public, as `10.1.0.0/16`."""
    ports: tuple[int, ...] = (80, 443)
    """Empty: all."""
    seconds: float = 20.0
    """For a request with all its redirects, to the last byte."""
    most_bytes: int = 10 << 20
    """Of a body, as sent and unpacked."""
    redirects: int = 5


def rules_for(url: str, *, seconds: float = 20.0, most_bytes: int = 10 << 20) -> Rules:
    """For an address that whoever runs the service has named: its host may be anywhere, and nothing else is asked."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    everywhere = ("0.0.0.0/0", "::/0")
    return Rules(allow=(host,), networks=everywhere, ports=(), seconds=seconds, most_bytes=most_bytes)


@dataclass(frozen=True)
class Url:
    scheme: str
    host: str
    """As it goes into the request: ASCII, an IPv6 address without brackets."""
    port: int
    target: str
    """Path and query, ASCII."""

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


@dataclass(frozen=True)
class Page:
    url: str
    """Where it was found, after redirects."""
    status: int
    headers: Mapping[str, str]
    """By name in small letters."""
    body: bytes


class Web(Protocol):
    async def send(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Page:
        """Raises ToolError for what the rules do not allow, and where no answer comes. `GET` follows redirects."""
        ...


def read_url(text: str, rules: Rules) -> Url:
    """Raises ToolError for an address that is none, or that the rules do not allow whatever it leads to."""
    text = text.strip()
    if len(text) > LONGEST_URL:
        raise ToolError(f"the URL has {len(text)} characters, more than {LONGEST_URL}")
    if BAD.search(text):
        raise ToolError("the URL has blanks, control characters or backslashes in it: write %20 for a blank")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ToolError(f"{_shown(text)} is no URL: {error}") from None
    scheme = parts.scheme.lower()
    if scheme not in PORTS or not text.lower().startswith(f"{scheme}://"):
        raise ToolError(f"{_shown(text)}: only http:// and https:// are fetched")
    if "@" in parts.netloc:
        raise ToolError("a user name or password in a URL is not sent anywhere: leave out what stands before @")
    host = _host(parts.hostname or "", text)
    port = PORTS[scheme] if port is None else port
    if rules.ports and port not in rules.ports:
        raise ToolError(f"port {port} is not fetched from, only {', '.join(map(str, rules.ports))}")
    _check_lists(host, rules)
    path = quote(parts.path or "/", safe=SAFE)
    return Url(scheme, host, port, path + (f"?{quote(parts.query, safe=SAFE)}" if parts.query else ""))


def _host(name: str, text: str) -> str:
    """Raises ToolError. Numbers in other forms than four decimals reach the same machines unseen, so none gets by."""
    if not name:
        raise ToolError(f"{_shown(text)} has no host")
    if ":" in name:
        if "%" in name:
            raise ToolError(f"{_shown(text)}: an address with a zone is of a local network")
        try:
            return IPv6Address(name).compressed
        except ValueError:
            raise ToolError(f"{_shown(text)} has no valid IPv6 address") from None
    try:
        ascii_name = _idna(name)
    except UnicodeError:
        raise ToolError(f"{_shown(text)}: {name[:80]!r} is no name of a host") from None
    labels = ascii_name.removesuffix(".").split(".")
    if labels[-1].isdigit() or re.fullmatch(r"0x[0-9a-f]*", labels[-1]):
        if not IPV4.fullmatch(ascii_name) or any(int(part) > 255 for part in labels):
            raise ToolError(f"{_shown(text)}: write an IPv4 address as four decimal numbers")
        return ascii_name
    if len(ascii_name) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        raise ToolError(f"{_shown(text)}: {name[:80]!r} is no name of a host")
    return ".".join(labels)


def _idna(name: str) -> str:
    """Full-width digits and dots become plain ones here, before anything is checked. Raises UnicodeError."""
    if name.isascii():
        return name.lower()
    import idna

    return idna.encode(name, uts46=True, transitional=False).decode("ascii").lower()


def _check_lists(host: str, rules: Rules) -> None:
    if _named(host, rules.deny):
        raise ToolError(f"{host!r} is not to be fetched from here: it is on the service's list of hosts denied")
    if rules.allow and not _named(host, rules.allow):
        raise ToolError(f"{host!r} is not among the hosts that may be fetched here: {', '.join(rules.allow)}")


def _named(host: str, patterns: Sequence[str]) -> bool:
    for pattern in patterns:
        pattern = pattern.lower().removesuffix(".")
        if host == pattern or (pattern.startswith("*.") and host.endswith(pattern[1:])):
            return True
    return False


def redirected(base: str, location: str) -> str:
    """Raises ToolError."""
    try:
        return urljoin(base, location.strip())
    except ValueError:
        raise ToolError(f"{base} leads on to {_shown(location)}, which is no URL") from None


def _shown(text: str) -> str:
    return repr(text if len(text) <= 120 else f"{text[:119]}…")
