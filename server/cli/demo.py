"""`sandtable demo`: a pipeline at work, over HTTP, on a service of its own that is gone afterwards."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import click

from server.cli.connection import first_key, own_key
from server.cli.options import api_key_option, config_option, json_option, settings_for, url_option
from server.cli.output import emit_json, note, stderr_console, stdout_console


@click.command(short_help="Start a service of its own and show a pipeline at work.")
@click.argument("name", required=False)
@click.option("-b", "--backend", help="Backend, `kind:model`; default: as the service is configured.")
@click.option("--keep", is_flag=True, help="Leave the collection, and the data directory, for a look at them.")
@url_option
@api_key_option
@config_option
@json_option
def demo(
    name: str | None,
    backend: str | None,
    keep: bool,
    url: str | None,
    api_key: str | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Start a service of its own and show a pipeline at work.

    Works offline and without a key: then the answers are quotes from the documents. With --url it uses that service.
    """
    from demos.catalog import DEFAULT

    chosen = name or DEFAULT
    show = _function(chosen)
    settings = settings_for(config)
    key = api_key or own_key(settings) or (first_key(settings) if url is None else None)
    with _service(url, config, keep) as base_url:
        code = show(base_url, key, backend, stderr_console() if as_json else stdout_console(), keep=keep)
    if as_json:
        emit_json({"demo": chosen, "ok": code == 0, "url": base_url})
    return 1 if code else 0


def _function(name: str) -> Callable[..., int]:
    from demos.catalog import DEMOS

    entry = DEMOS.get(name)
    if entry is None:
        listed = "; ".join(f"{known}: {found.summary}" for known, found in DEMOS.items())
        raise click.UsageError(f"there is no demo {name!r}. There are {listed}")
    module, _, attribute = entry.main.partition(":")
    function: Callable[..., int] = getattr(import_module(module), attribute)
    return function


@contextmanager
def _service(url: str | None, config: Path | None, keep: bool) -> Iterator[str]:
    from server.cli.own_service import own_service

    if url is not None:
        yield url
        return
    directory = Path(tempfile.mkdtemp(prefix="sandtable-demo-"))
    try:
        with own_service(directory, config) as base_url:
            yield base_url
    finally:
        if keep:
            note(f"Kept: look at it with `sandtable serve --data-dir {directory}`, remove it with `rm -r {directory}`.")
        else:
            shutil.rmtree(directory, ignore_errors=True)
