"""`sandtable sandbox`: a sandbox for services elsewhere."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from server.cli.failure import CommandFailed
from server.cli.options import config_option, json_option, settings_for
from server.cli.output import emit_json

if TYPE_CHECKING:
    import socket

    from server.settings import Settings
    from tools.sandbox.tiers import Tier

KEEP_ALIVE_SECONDS = 75


@click.command(short_help="Run code for services elsewhere, in this machine's sandbox.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; others need a sandbox_key.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8322, show_default=True, help="Port; 0 takes a free one."
)
@config_option
@json_option
def sandbox(host: str, port: int, config: Path | None, as_json: bool) -> None:
    """Run code for services elsewhere, in this machine's sandbox.

    Those services name it: sandbox = "remote", sandbox_url, sandbox_key. Here the settings of the sandbox count, and
    nothing else; prints its URL when the sandbox has been tried. Ctrl-C or SIGTERM ends it.
    """
    from server.cli.logs import configure_logging
    from server.cli.serve import listen
    from server.sandboxes import tier_of

    settings = settings_for(config)
    if host not in ("127.0.0.1", "localhost", "::1") and settings.sandbox_key is None:
        message = f"refusing to listen on {host!r} without a key: anyone on the network could run code here. Set "
        raise CommandFailed(f"{message}SANDTABLE_SANDBOX_KEY, or bind 127.0.0.1.", type="bad_settings", code="exposed")
    if settings.sandbox == "remote":
        raise CommandFailed(
            "sandbox = 'remote' names another sandbox: here it has to be one of this machine", type="bad_settings"
        )
    configure_logging(settings.log_level)
    with tempfile.TemporaryDirectory(prefix="sandtable-sandbox-") as folder, listen(host, port) as listener:
        tier = tier_of(settings, Path(folder) / "work")
        if tier.sandbox is None:
            raise CommandFailed(f"{tier.reason}: {tier.way_out}", type="sandbox_unavailable")
        asyncio.run(_serve(settings, tier, listener, as_json))


async def _serve(settings: Settings, tier: Tier, listener: socket.socket, as_json: bool) -> None:
    import uvicorn

    from server.cli.service import url_of
    from server.sandbox_app import sandbox_app
    from tools.sandbox.base import Cell
    from tools.sandbox.errors import SandboxUnavailable

    key = settings.sandbox_key.get_secret_value() if settings.sandbox_key is not None else ""
    assert tier.sandbox is not None
    try:
        await tier.sandbox.run(Cell(code="1"))
    except SandboxUnavailable as error:
        await tier.sandbox.aclose()
        raise CommandFailed(f"{error.reason}: {error.way_out}", type="sandbox_unavailable") from None
    url = url_of(listener)
    if as_json:
        emit_json({"url": url, "tier": tier.name})
    else:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
    config = uvicorn.Config(
        sandbox_app(tier, key),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )
    await uvicorn.Server(config).serve([listener])
