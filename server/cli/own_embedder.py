"""The embedder of the settings, in the process of a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from server.cli.failure import CommandFailed

if TYPE_CHECKING:
    from retrieval.base import Embedder
    from server.cli.options import Where


@contextmanager
def own_embedder(where: Where) -> Iterator[Embedder]:
    """Raises CommandFailed, also for what the embedder raises in the block."""
    from retrieval.errors import RetrievalError
    from server.backend_choice import profiles
    from server.cli.options import settings_for
    from server.embedders import Embedders
    from server.settings import environment

    settings = settings_for(where.config, data_dir=where.data_dir)
    embedders = Embedders(settings.cache(), profiles(settings, environment()))
    try:
        yield embedders.load(settings.embedder)
    except RetrievalError as error:
        raise CommandFailed(str(error), type="embedder_failed") from None
    finally:
        embedders.close()
