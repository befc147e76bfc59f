"""Built graphs on disk: a folder each, published whole by a rename, believed only while its checksum holds."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from retrieval.errors import EmbedderMissing

if TYPE_CHECKING:
    from collections.abc import Iterable

GRAPH: Final = "graph.onnx"
MANIFEST: Final = "manifest.json"


class Manifest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    min_cosine: float
    proof: tuple[float, ...]
    """The vector of `samples.PROOF` where the graph was built."""


def read(folder: Path) -> Manifest | None:
    """Return the manifest of a sound entry; None when it is absent, incomplete or damaged."""
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
        with (folder / GRAPH).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValidationError):
        return None
    return manifest if found == manifest.sha256 else None


def publish(folder: Path, graph: bytes, min_cosine: float, proof: tuple[float, ...]) -> None:
    """Write an entry; when another process was first with the same, that one stays.

    Raises EmbedderMissing when the folder cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            sha256 = hashlib.sha256(graph).hexdigest()
            manifest = Manifest(sha256=sha256, min_cosine=min_cosine, proof=proof)
            entry = work / "entry"
            entry.mkdir()
            _write(entry, [(GRAPH, graph), (MANIFEST, manifest.model_dump_json().encode())])
            _put_in_place(entry, manifest, folder, work / "aside")
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise EmbedderMissing(
            f"cannot keep the embedder's runtime graph in {str(folder.parent)!r}: {error}; "
            "make that folder writable or choose another cache folder"
        ) from error


def _write(entry: Path, files: Iterable[tuple[str, bytes]]) -> None:
    for name, content in files:
        with (entry / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def _put_in_place(entry: Path, manifest: Manifest, folder: Path, aside: Path) -> None:
    """Rename onto `folder`. A rename onto a full folder fails: what is there is kept if the same, else moved away."""
    for _ in range(3):
        try:
            entry.rename(folder)
        except OSError:
            if read(folder) == manifest:
                return
            if folder.exists():
                folder.rename(aside)
        else:
            return
    raise OSError(f"another process keeps putting something else into {str(folder)!r}")
