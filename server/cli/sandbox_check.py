"""What `sandtable doctor` finds about the sandbox: which tier, and whether it holds, by trying to get out of it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from server.cli.checks import Check

if TYPE_CHECKING:
    from server.settings import Settings


async def sandbox_check(settings: Settings) -> Check:
    from server.sandboxes import tier_of
    from tools.sandbox.base import Cell
    from tools.sandbox.errors import SandboxBusy, SandboxUnavailable

    with tempfile.TemporaryDirectory(prefix="sandtable-doctor-") as folder:
        tier = tier_of(settings, Path(folder) / "work", load=False)
        if tier.sandbox is None:
            detail = f"{tier.name}: {tier.reason}; no tool `python`"
            return Check("sandbox", "ok" if tier.name == "off" else "warn", detail, tier.way_out)
        try:
            await tier.sandbox.run(Cell(code="1"))
        except (SandboxUnavailable, SandboxBusy) as error:
            way_out = error.way_out if isinstance(error, SandboxUnavailable) else ""
            return Check("sandbox", "warn", f"{tier.name}: {error}; no tool `python`", way_out)
        finally:
            await tier.sandbox.aclose()
    missing = _missing_libraries() if tier.name != "remote" else []
    detail = f"{tier.name}, {tier.reason}: code was run in it, and could not get out"
    if missing:
        return Check(
            "sandbox", "ok", f"{detail}; not installed: {', '.join(missing)}", "pip install 'sandtable[sandbox]'"
        )
    return Check("sandbox", "ok", detail)


def _missing_libraries() -> list[str]:
    from importlib.util import find_spec

    return [name for name in ("numpy", "pandas", "matplotlib") if find_spec(name) is None]
