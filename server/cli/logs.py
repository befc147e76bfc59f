"""Where the service's log goes."""

from __future__ import annotations

import logging
import sys

from server.cli.failure import CommandFailed


def configure_logging(level: str) -> None:
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise CommandFailed(f"log_level is {level!r}; it must be debug, info, warning or error", type="bad_settings")
    logging.basicConfig(stream=sys.stderr, level=number, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("alembic", "faiss", "httpx", "mcp"):  # their inner workings, at level info
        logging.getLogger(chatty).setLevel(logging.WARNING)
