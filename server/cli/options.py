"""Options that several commands share, and what their values mean."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import click

from server.cli.failure import CommandFailed

if TYPE_CHECKING:
    from server.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


def finite(_: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    """For numbers: no bound refuses NaN, and JSON has neither that nor infinity."""
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is no finite number.", param=parameter)
    return value


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
data_dir_option = click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Data directory (default .sandtable)."
)
config_option = click.option(
    "--config", type=click.Path(path_type=Path), help="Configuration file (default sandtable.toml)."
)
api_key_option = click.option("--api-key", help="API key of the service; better set in SANDTABLE_API_KEY.")


@dataclass(frozen=True)
class Where:
    """Which service a command works with: the one at `url`, else one in this process on the data directory."""

    url: str | None
    api_key: str | None
    data_dir: Path | None
    config: Path | None


def _service_url(_context: click.Context, _option: click.Parameter, given: str | None) -> str | None:
    if given is None:
        return None
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise click.BadParameter(f"{given!r} is not http://HOST:PORT")
    # OpenAI's clients are given the address with /v1, so that is what people have at hand.
    return given.rstrip("/").removesuffix("/v1")


url_option = click.option("--url", callback=_service_url, help="Address of a running service, http://HOST:PORT.")


def service_options(command: F) -> F:
    """The options that choose a service, handed to the command as its first argument, a Where."""

    @functools.wraps(command)
    def packed(url: str | None, api_key: str | None, data_dir: Path | None, config: Path | None, **rest: Any) -> Any:
        return command(Where(url, api_key, data_dir, config), **rest)

    for option in (config_option, data_dir_option, api_key_option, url_option):
        packed = option(packed)
    return packed  # type: ignore[return-value]


def settings_for(config: Path | None, **flags: Any) -> Settings:
    """The settings of the service. Raises CommandFailed."""
    from server.settings import BadSettings, load_settings

    try:
        return load_settings(config, **flags)
    except BadSettings as error:
        raise CommandFailed(str(error), type="bad_settings", code="bad_settings") from None
    except OSError as error:
        raise CommandFailed(f"the configuration cannot be read: {error}", type="bad_settings") from None
