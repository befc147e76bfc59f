"""A cell and what came of it as JSON, for a sandbox that runs elsewhere; file contents are base64."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from tools.sandbox.base import Cell, File, Ran, State


def _is_base64(text: str) -> str:
    b64decode(text, validate=True)
    return text


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WireFile(_Wire):
    name: Annotated[str, Field(min_length=1, max_length=4096)]
    data: Annotated[str, AfterValidator(_is_base64)]

    def file(self) -> File:
        return File(self.name, b64decode(self.data))


class WireCell(_Wire):
    code: Annotated[str, Field(max_length=1 << 20)]
    session: Annotated[str, Field(max_length=200)] = ""
    files: Annotated[tuple[WireFile, ...], Field(max_length=100)] = ()

    def cell(self) -> Cell:
        return Cell(code=self.code, session=self.session, files=tuple(file.file() for file in self.files))


class WireRan(_Wire):
    output: str
    value: str
    error: str
    notes: tuple[str, ...]
    files: tuple[WireFile, ...]
    state: State
    seconds: float

    def ran(self) -> Ran:
        files = tuple(file.file() for file in self.files)
        return Ran(**{**self.model_dump(exclude={"files"}), "files": files})


def of_cell(cell: Cell, session: str) -> dict[str, Any]:
    return {"code": cell.code, "session": session, "files": [_of_file(file) for file in cell.files]}


def of_ran(ran: Ran) -> dict[str, Any]:
    return {
        "output": ran.output,
        "value": ran.value,
        "error": ran.error,
        "notes": list(ran.notes),
        "files": [_of_file(file) for file in ran.files],
        "state": ran.state,
        "seconds": ran.seconds,
    }


def _of_file(file: File) -> dict[str, str]:
    return {"name": file.name, "data": b64encode(file.data).decode()}
