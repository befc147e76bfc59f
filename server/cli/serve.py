"""`sandtable serve`: the service on a port."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import click

from server.cli.failure import CommandFailed
from server.cli.options import config_option, data_dir_option, json_option, settings_for

BACKLOG = 2048


@click.command(short_help="Run the service; print its URL when it is ready.")
@click.option("--host", help="Address to listen on (default 127.0.0.1); others need an API key.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port (default 8321); 0 takes a free one.")
@data_dir_option
@config_option
@json_option
def serve(host: str | None, port: int | None, data_dir: Path | None, config: Path | None, as_json: bool) -> None:
    """Run the service; print its URL when it is ready.

    Logs go to stderr. Ctrl-C or SIGTERM ends it when the requests under way are done.
    """
    from server.cli.service import run_service
    from server.settings import BadSettings, check_exposure

    settings = settings_for(config, host=host, port=port, data_dir=data_dir)
    try:
        check_exposure(settings)
    except BadSettings as error:
        raise CommandFailed(str(error), type="bad_settings", code="exposed") from None
    with listen(settings.host, settings.port) as listener:
        run_service(settings, listener, as_json)


def listen(host: str, port: int) -> socket.socket:
    """A bound socket, so that a port that is taken is known before anything is opened. Raises CommandFailed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise CommandFailed(_why(error, host, port), type="cannot_listen", code="cannot_listen") from None
    return listener


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {host!r} is taken: stop what listens there, or choose another with --port (0: a free one)"
        )
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights than you have: choose one from 1024 up with --port"
    return f"cannot listen on {host!r}, port {port}: {error.strerror or error}; choose another with --host and --port"
