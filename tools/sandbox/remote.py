"""The tier that runs elsewhere: a server of `sandtable sandbox`, on a machine that holds nothing worth stealing."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import secrets
from typing import Any

from pydantic import ValidationError

from backends.errors import BackendError
from backends.http import Http, Reply
from tools.sandbox.base import Cell, Limits, Ran
from tools.sandbox.canaries import escaped_by, trial
from tools.sandbox.errors import SandboxBusy, SandboxUnavailable
from tools.sandbox.wire import WireRan, of_cell

CONNECT_SECONDS = 5.0
BEYOND_SECONDS = 60.0
"""Beside the time of the code: waiting for room there, starting its process, sending files."""
LONGEST_REPLY = 64 << 20
WAY_OUT = "start it there with `sandtable sandbox`, and check the settings sandbox_url and sandbox_key"

NO_SANDBOX = (
    "what answers there keeps nothing in: put `sandtable sandbox` of this version there, or set sandbox_url anew"
)


class RemoteSandbox:
    def __init__(self, url: str, key: str, limits: Limits) -> None:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        read_timeout = limits.seconds + BEYOND_SECONDS
        self._http = Http(url, headers, connect_timeout=CONNECT_SECONDS, read_timeout=read_timeout)
        self._salt = secrets.token_hex(16)
        """Several services may share the server: their sessions must not meet."""
        self._names: set[str] = set()
        self._trying = asyncio.Lock()
        self._holds = False
        """Found by trying; whoever answers after a failure may be another."""

    async def run(self, cell: Cell) -> Ran:
        await self._try()
        name = self._name(cell.session)
        if name:
            self._names.add(name)
        return await self._run(cell, name)

    async def end(self, session: str) -> None:
        name = self._name(session)
        self._names.discard(name)
        with contextlib.suppress(SandboxUnavailable):  # It ends what is idle by itself.
            await self._call("POST", "v1/sandbox/end", {"session": name})

    async def aclose(self) -> None:
        for name in list(self._names):
            with contextlib.suppress(SandboxUnavailable):
                await self._call("POST", "v1/sandbox/end", {"session": name})
        await self._http.aclose()

    async def about(self) -> dict[str, Any]:
        """What it says of itself. Raises SandboxUnavailable."""
        answer = await self._call("GET", "v1/sandbox", None)
        try:
            found = json.loads(answer)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._unusable("it is no sandbox")
        return found

    async def _try(self) -> None:
        """Raises SandboxUnavailable where code gets out there, SandboxBusy."""
        async with self._trying:
            if self._holds:
                return
            # Neither is this machine's: a path there that nobody has, and the process that started the code's own.
            code = trial(f"/tmp/sandtable-canary-{secrets.token_hex(8)}", "os.getppid()")
            if escaped := escaped_by(await self._run(Cell(code=code), "")):
                raise SandboxUnavailable(
                    f"the sandbox at {self._http.where} does not hold: {'; '.join(escaped)}", NO_SANDBOX
                )
            self._holds = True

    async def _run(self, cell: Cell, name: str) -> Ran:
        answer = await self._call("POST", "v1/sandbox/run", of_cell(cell, name))
        try:
            return WireRan.model_validate_json(answer).ran()
        except ValidationError:
            raise self._unusable("its answer is no result of a cell") from None

    def _name(self, session: str) -> str:
        return hashlib.sha256(f"{self._salt} {session}".encode()).hexdigest() if session else ""

    async def _call(self, method: str, path: str, body: dict[str, Any] | None) -> bytes:
        """Raises SandboxUnavailable, SandboxBusy."""
        try:
            async with self._http.request(method, path, body) as reply:
                data = await reply.read(LONGEST_REPLY)
        except BackendError as error:
            self._holds = False
            raise SandboxUnavailable(str(error), WAY_OUT) from None
        if reply.status == 200:
            return data
        message, code = _error(reply, data)
        if code == "sandbox_busy":
            raise SandboxBusy(message)
        raise self._unusable(message)

    def _unusable(self, why: str) -> SandboxUnavailable:
        self._holds = False
        return SandboxUnavailable(f"the sandbox at {self._http.where} cannot be used: {why}", WAY_OUT)


def _error(reply: Reply, data: bytes) -> tuple[str, str]:
    try:
        error = json.loads(data)["error"]
        return str(error["message"]), str(error["code"])
    except (ValueError, LookupError, TypeError):
        return f"it answered with status {reply.status}", ""
