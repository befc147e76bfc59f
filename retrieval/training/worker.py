"""A training in a process of its own: python -m retrieval.training.worker FOLDER

FOLDER holds `order.json` and `training.jsonl`, perhaps `held.jsonl`; `checkpoints/` comes to it. What happens goes to
stdout, an object of JSON on each line, the last of type `done` or `failed`. The process ends when its stdin does, so
that it does not outlive whoever started it, however that one ended.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from retrieval.errors import RetrievalError, TrainingRefused

ORDER: Final = "order.json"
TRAINING: Final = "training.jsonl"
HELD: Final = "held.jsonl"
CHECKPOINTS: Final = "checkpoints"


def main() -> None:
    folder = Path(sys.argv[1])
    # Libraries print as they like: what they say is for the log.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(10)

    def told(event: Mapping[str, Any]) -> None:
        out.write(json.dumps(dict(event), ensure_ascii=False) + "\n")
        out.flush()

    try:
        told({"type": "done", "about": run(folder, told)})
    except RetrievalError as error:
        param = error.param if isinstance(error, TrainingRefused) else "model"
        told({"type": "failed", "message": str(error), "param": param})
    except Exception as error:
        import traceback

        traceback.print_exc()
        told({"type": "failed", "message": f"internal error ({type(error).__name__}: {error}); see the log"})


def run(folder: Path, told: Any) -> dict[str, Any]:
    """Raises RetrievalError, and whatever a library does."""
    from retrieval.training.examples import read
    from retrieval.training.recipe import Recipe
    from retrieval.training.train import train

    order = json.loads((folder / ORDER).read_text("utf-8"))
    return train(
        read(folder / TRAINING),
        Path(order["out"]),
        Recipe.model_validate(order["recipe"]),
        base=order["base"],
        work=folder / CHECKPOINTS,
        held=read(folder / HELD) if (folder / HELD).is_file() else None,
        name=order["name"],
        scripts=order["scripts"],
        told=told,
    )


def _end_with_parent() -> None:
    # Not by sys.stdin: its lock, held by a thread that waits, would abort the process at its own end.
    while os.read(0, 1 << 16):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
