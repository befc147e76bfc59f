"""Seeds of samples: where the caller gives one, each sample has its own, or a server that keeps to seeds would give the
same text n times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents.run import Run


def seed_of(run: Run, sample: int) -> dict[str, Any]:
    """For `Run.ask`; nothing where the caller gave no seed. Samples are counted from 0."""
    seed = run.deps.sampling.seed
    return {} if seed is None else {"seed": seed + sample}
