"""What a training may begin with: a model of sentence-transformers on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from retrieval.embedders.load import ABOUT, BUNDLED, PREFIX
from retrieval.errors import TrainingRefused
from retrieval.training.towers import SHARED

LONGEST, LONGEST_PATH = 255, 2_000
"""Bytes that the name of a file and its path may have; to ask for a longer one is an error."""


class Base(NamedTuple):
    path: str
    """A folder, or a name in the Hugging Face cache."""
    scripts: tuple[str, ...]
    """Those that it reads; none: all."""


def base_of(spec: str) -> Base:
    """Raises TrainingRefused where there is no such model, or it has two encoders already; loads nothing."""
    if spec in BUNDLED:
        from retrieval.embedders.minilm import MiniLM
        from retrieval.embedders.weights import model_folder

        return Base(str(model_folder()), tuple(sorted(MiniLM.scripts)))
    name = spec.removeprefix(PREFIX).strip()
    folder = Path(name)
    sizes = [len(part.encode("utf-8", "surrogatepass")) for part in folder.parts]
    if "\0" in name or sum(sizes) > LONGEST_PATH or any(size > LONGEST for size in sizes):
        name = ""
    if name and (folder / ABOUT).is_file():
        about = json.loads((folder / ABOUT).read_text("utf-8"))
        if about["towers"] != "shared":
            raise TrainingRefused(f"{spec!r} has two encoders already; begin with one that has one", "model")
        return Base(str(folder.absolute() / SHARED), tuple(about["scripts"]))
    if name and any((folder / part).is_file() for part in ("modules.json", "config.json")):
        return Base(str(folder.absolute()), ())
    if name and _cached(name):
        return Base(name, ())
    raise TrainingRefused(
        f"there is no model {spec!r} on this machine to begin with: give 'minilm', or the folder of a model of "
        f"sentence-transformers, or fetch one with `hf download NAME`",
        "model",
    )


def _cached(name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return isinstance(try_to_load_from_cache(name, "config.json"), str)
    except HFValidationError:
        return False
