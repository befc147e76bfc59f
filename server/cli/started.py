"""The service of one data directory, started; what may stand in its way is told in one sentence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from server.cli.failure import CommandFailed

if TYPE_CHECKING:
    from fastapi import FastAPI

    from server.settings import Settings


@asynccontextmanager
async def started(settings: Settings, *, warm: bool = True) -> AsyncIterator[FastAPI]:
    """The application with its lifespan. Raises CommandFailed, and DataDirectoryInUse if another process has it."""
    from pydantic import ValidationError
    from sqlalchemy.exc import DatabaseError

    from retrieval.errors import EmbedderMissing
    from server.app import create_app
    from server.data_lock import DataDirectoryInUse
    from server.storage.migrate import NewerDatabase
    from tools.errors import BadDocument, BadTool
    from tools.rates import BadRates

    directory = f"the data directory {str(settings.data_dir)!r}"
    app = create_app(settings, warm=warm)
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(app.router.lifespan_context(app))
        except DataDirectoryInUse:
            raise
        except BadTool as error:
            # A BadDocument begins with its place in the settings: `openapi.NAME: ...`, `registries.NAME: ...`.
            setting = str(error).partition(".")[0] if isinstance(error, BadDocument) else "tools"
            message = f"the setting {setting!r} cannot be used: {error}"
            raise CommandFailed(message, type="bad_settings", code="bad_tool") from None
        except BadRates as error:
            raise CommandFailed(f"the setting 'rates' cannot be used: {error}", type="bad_settings") from None
        except EmbedderMissing as error:
            message = f"the setting 'embedder' cannot be used: {error}"
            raise CommandFailed(message, type="bad_settings", code="embedder_missing") from None
        except NewerDatabase as error:
            raise CommandFailed(str(error), type="newer_database") from None
        except DatabaseError as error:
            message = (
                f"the database in {directory} cannot be used: {error.orig}; restore it, or choose another --data-dir"
            )
            raise CommandFailed(message, type="bad_data_directory") from None
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            message = f"a configured backend ({error.title}) cannot be used: {problems}"
            raise CommandFailed(message, type="bad_settings", code="bad_settings") from None
        except OSError as error:
            message = f"{directory} cannot be used: {error}; choose another with --data-dir"
            raise CommandFailed(message, type="bad_data_directory") from None
        yield app
