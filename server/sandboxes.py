"""Where code that a model wrote is run, by the settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tools.sandbox.base import Limits
from tools.sandbox.loss import TellingOfLoss, forget_old
from tools.sandbox.place import remove
from tools.sandbox.tiers import Place, Tier, choose

if TYPE_CHECKING:
    from server.settings import Settings

FOLDER = "sandbox"
"""In the data directory: work folders of sessions, gone when the service stops."""
THREADS = "sandbox-threads"
"""In the data directory: which threads have something in a session."""


def limits_of(settings: Settings) -> Limits:
    return Limits(
        seconds=settings.sandbox_seconds,
        memory_mb=settings.sandbox_memory_mb,
        disk_mb=settings.sandbox_disk_mb,
        sessions=settings.sandbox_sessions,
        idle_seconds=settings.sandbox_idle_seconds,
    )


def reached(settings: Settings, data_dir: Path) -> Tier:
    """The tier of a service, in its data directory; what a service that was killed left there is removed. Blocking."""
    remove(data_dir / FOLDER)
    forget_old(data_dir / THREADS)
    tier = tier_of(settings, data_dir / FOLDER)
    if tier.sandbox is None:
        return tier
    return replace(tier, sandbox=TellingOfLoss(tier.sandbox, data_dir / THREADS))


def tier_of(settings: Settings, directory: Path, *, load: bool = True) -> Tier:
    """`directory`: for work folders. Starts nothing."""
    place = Place(
        directory=directory,
        cache=settings.cache() / "matplotlib",
        limits=limits_of(settings),
        hidden=(settings.data_dir.resolve(),),
        url=settings.sandbox_url or "",
        key=settings.sandbox_key.get_secret_value() if settings.sandbox_key is not None else "",
        load=load,
    )
    return choose(settings.sandbox, place)
