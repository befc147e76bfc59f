"""What the routes work with: made once at start by `server.wiring`, found again through the request."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from starlette.requests import Request

from agents.generative_stream import Nearness
from agents.memory.archive import Archive
from retrieval.database import Database
from server.backend_choice import Backends
from server.builds import Builds
from server.event_log import EventLog
from server.gates import EmbedderGate
from server.ingest_queue import IngestQueue
from server.open_collections import OpenCollections
from server.runs.checkpoints import Checkpoints
from server.runs.runs import Runs
from server.runs.turns import Turns
from server.settings import Settings
from server.storage.blobs import Blobs
from server.trainings import Trainings
from tools.base import Context
from tools.toolbox import Toolbox


@dataclass(frozen=True)
class Services:
    settings: Settings
    data_dir: Path
    database: Database
    blobs: Blobs
    collections: OpenCollections
    ingest: IngestQueue
    builds: Builds
    trainings: Trainings
    events: EventLog
    backends: Backends
    checkpoints: Checkpoints
    turns: Turns
    runs: Runs
    tools: Toolbox
    reach: Context
    """What tools reach, beside what belongs to a tenant or a run."""
    gate: EmbedderGate
    nearness: Nearness
    archive: Archive


def services_of(request: Request) -> Services:
    return cast(Services, request.app.state.services)


def tenant_of(request: Request) -> str:
    """Whose data the request may see; the key decided it."""
    return cast(str, request.state.tenant)
