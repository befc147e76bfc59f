"""From settings to the parts of the service, and back down again in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from agents import catalog
from agents.memory.archive import Archive
from backends.cache import ReplyCache
from backends.cache_store import SQLiteStore
from retrieval.database import Database, sqlite_engine
from retrieval.indexes.postgres import Postgres, without_address
from retrieval.ingest import Ingest
from retrieval.loaders.isolated import IsolatedLoader
from retrieval.resources import background_threads
from server.backend_choice import Backends, profiles
from server.builds import Builds
from server.data_lock import DataLock
from server.document_tools import document_tools
from server.embedders import Embedders
from server.event_log import EventLog
from server.garbage import searched_less
from server.gates import EmbedderGate
from server.ingest_queue import IngestQueue
from server.leftover_tables import LeftoverTables, schema_of
from server.mcp_servers import MCPServers
from server.open_collections import OpenCollections
from server.persona_memories import KnownVectors
from server.runs.checkpoints import Checkpoints
from server.runs.runs import Runs
from server.runs.turns import Turns
from server.services import Services
from server.settings import Settings, environment
from server.storage import files, responses
from server.storage.blobs import Blobs
from server.storage.memory_records import InDatabase
from server.storage.migrate import migrate
from server.tool_context import reach_of
from server.trained_models import TrainedModels
from server.trainings import Trainings
from tools.toolbox import Toolbox

log = logging.getLogger(__name__)

SEARCHERS = 8
"""Threads for searches; each uses one core while it runs."""


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[tuple[Services, DataLock]]:
    """The whole service but its HTTP face. Raises DataDirectoryInUse, NewerDatabase, BadPipeline, BadTool, BadRates,
    and EmbedderMissing for a setting `embedder` that names none."""
    catalog.offer(settings.pipelines)
    data_dir = settings.data_dir.resolve()
    async with AsyncExitStack() as stack:
        lock = DataLock(data_dir)
        stack.callback(lock.release)
        database = Database(sqlite_engine(data_dir / "sandtable.sqlite3"))
        stack.callback(database.close)
        if await database.write(migrate):
            log.info("database schema brought up to date")
        services = await _assemble(settings, data_dir, database, stack)
        searched_less(stack)
        yield services, lock


async def _assemble(settings: Settings, data_dir: Path, database: Database, stack: AsyncExitStack) -> Services:
    searchers = ThreadPoolExecutor(SEARCHERS, thread_name_prefix="search")
    stack.callback(searchers.shutdown)
    worker = ThreadPoolExecutor(1, thread_name_prefix="ingest")
    stack.callback(worker.shutdown, cancel_futures=True)
    blobs = await asyncio.to_thread(Blobs, data_dir / "files")

    directory = data_dir / "collections"
    leftover = LeftoverTables(database, await asyncio.to_thread(_postgres, settings, data_dir, stack))
    models = TrainedModels(data_dir)
    collections = _collections(settings, directory, database, leftover, searchers, models, stack)
    loader = IsolatedLoader(timeout_s=settings.load_timeout, memory_mb=settings.load_memory_mb)
    stack.push_async_callback(loader.aclose)
    events = EventLog(database)
    cache = _reply_cache(settings, data_dir, stack)
    backends = Backends(settings, lambda: collections.embedder(settings.embedder)[0], searchers, cache)
    stack.push_async_callback(backends.aclose)
    checkpoints = Checkpoints(data_dir)
    stack.push_async_callback(checkpoints.aclose)
    ingest = IngestQueue(database, collections, blobs, Ingest(database, loader, worker))
    leftover.start()
    stack.push_async_callback(leftover.stop)
    builds = Builds(database, collections, settings.build_cpu)
    toolbox = await _toolbox(settings, stack)
    services = Services(
        settings=settings,
        data_dir=data_dir,
        database=database,
        blobs=blobs,
        collections=collections,
        ingest=ingest,
        builds=builds,
        trainings=Trainings(database, blobs, models),
        events=events,
        backends=backends,
        checkpoints=checkpoints,
        turns=Turns(settings.max_concurrent_runs, settings.max_queued_runs),
        runs=Runs(),
        tools=toolbox,
        reach=await reach_of(settings, data_dir, stack),
        gate=EmbedderGate(collections, settings.embedder, data_dir),
        nearness=KnownVectors(collections, settings.embedder),
        archive=Archive(InDatabase(database), lambda: collections.embedder(settings.embedder)[0]),
    )
    known = await database.read(files.all_file_ids)
    if stray := await asyncio.to_thread(blobs.sweep, known):
        log.info("removed %d uploads that were never finished", stray)
    await database.write(responses.drop_runless)
    events.start()
    stack.push_async_callback(events.stop)
    await _go_on(services, directory, stack)
    return services


async def _go_on(services: Services, directory: Path, stack: AsyncExitStack) -> None:
    """Take up what an earlier process left."""
    resumed, closed = await services.runs.start(services)
    stack.push_async_callback(services.runs.drain)
    if resumed or closed:
        log.info("of the runs of an earlier process %d go on, %d were cut short", resumed, closed)
    if left := await services.ingest.start():
        log.info("going on with %d files that an earlier process left unfinished", left)
    stack.push_async_callback(services.ingest.stop)
    if left := await services.builds.start(directory):
        log.info("going on with %d generations that an earlier process was building", left)
    stack.push_async_callback(services.builds.stop)
    if left := await services.trainings.start():
        log.info("going on with %d trainings that an earlier process left unfinished", left)
    stack.push_async_callback(services.trainings.stop)


async def _toolbox(settings: Settings, stack: AsyncExitStack) -> Toolbox:
    of_documents = await document_tools(settings.openapi, environment())
    servers = MCPServers(settings.mcp_servers, environment())
    stack.push_async_callback(servers.stop)
    await servers.start()
    coming = servers.tools if settings.mcp_servers else None
    return await asyncio.to_thread(Toolbox, settings.tools, settings.approve_tools, of_documents, coming)


def _postgres(settings: Settings, data_dir: Path, stack: AsyncExitStack) -> Postgres:
    if settings.pgvector_url is None:
        return without_address()
    postgres = Postgres(settings.pgvector_url.get_secret_value(), schema_of(data_dir))
    stack.callback(postgres.close)
    return postgres


def _collections(
    settings: Settings, directory: Path, database: Database, leftover: LeftoverTables, searchers: ThreadPoolExecutor,
    models: TrainedModels, stack: AsyncExitStack,
) -> OpenCollections:  # fmt: skip
    builder = background_threads()
    stack.callback(builder.shutdown, cancel_futures=True)
    embedders = Embedders(settings.cache(), profiles(settings, environment()), models)
    collections = OpenCollections(database, embedders.load, searchers, builder, directory, settings.build_cpu, leftover)
    stack.push_async_callback(collections.close)
    stack.push_async_callback(asyncio.to_thread, embedders.close)
    collections.embedder(settings.embedder)
    return collections


def _reply_cache(settings: Settings, data_dir: Path, stack: AsyncExitStack) -> ReplyCache | None:
    if settings.reply_cache == "off":
        return None
    store = SQLiteStore(data_dir / "replies.sqlite3", settings.reply_cache_mb << 20)
    stack.push_async_callback(store.aclose)
    cache = ReplyCache(store, settings.reply_cache)
    stack.push_async_callback(cache.aclose)
    return cache
