"""A full disk: what needs it is refused by name, what does not goes on, and with room again all is as before."""

import os
import shutil
import subprocess
from contextlib import suppress

import httpx
import pytest

from tests.fake_upstream import DONE, ROLE, Canned, chunk, echo, event
from tests.server.conftest import events_of, listening, make_store, put, until, upload, upstream
from tests.server.test_chat import ask
from tests.server.test_mcp import connected, told

pytestmark = pytest.mark.slow

SIZE = 160
"""MiB of the disk: an upload must leave 64 of them free."""


class Disk:
    def __init__(self, folder):
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self):
        with self._filler.open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                with suppress(OSError):
                    while True:
                        file.write(bytes(size))
        assert shutil.disk_usage(self.folder).free == 0

    def free(self):
        self._filler.unlink()


@pytest.fixture
def disk(tmp_path):
    """A small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False) if os.geteuid() == 0 else None
    if done is None or done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip() if done else 'that takes root'}")
    yield Disk(folder)
    subprocess.run(["umount", str(folder)], check=True)


QUESTION = {"model": "rag:lights", "messages": [{"role": "user", "content": "When was the lighthouse lit?"}]}


async def test_a_full_disk_is_named_and_recovered_from(disk):
    async with listening(disk.folder / "data") as service:
        store = await make_store(service, "lights")
        await put(service, store, "light.md", "The lighthouse at Cape Varn was lit in 1884.")
        assert (await service.post("/v1/chat/completions", json=QUESTION)).status_code == 200
        disk.fill()
        for _ in range(3):
            for path, body in {
                "/v1/vector_stores": {"name": "x"},
                f"/v1/vector_stores/{store}": {"metadata": {"a": "b" * 500}},
                "/v1/chat/completions": QUESTION,
                "/v1/chat/completions?": {**QUESTION, "stream": True},
            }.items():
                reply = await service.post(path, json=body)
                assert (reply.status_code, reply.json()["error"]["code"]) == (507, "disk_full"), path
        file = {"file": ("a.txt", b"text")}
        reply = await service.post("/v1/files", files=file, data={"purpose": "assistants"})
        assert (reply.status_code, reply.json()["error"]["code"]) == (507, "disk_full")
        async with connected(service) as client:
            assert "disk" in await told(client, "rag", question="Lighthouse?", collection="lights")
            assert (await client.call_tool("search", {"query": "lighthouse"})).structured_content["hits"]
        assert (await service.get("/v1/vector_stores")).status_code == 200
        found = await service.post(f"/v1/vector_stores/{store}/search", json={"query": "lighthouse"})
        assert found.json()["data"]
        disk.free()

        async def answers():
            reply = await service.post("/v1/chat/completions", json=QUESTION)
            return reply.json() if reply.status_code == 200 else None

        answer = await until(answers)
        trace = await events_of(service, answer["sandtable"]["run_id"])
        assert (trace["status"], trace["data"][-1]["type"]) == ("success", "run_finished")
        await upload(service, "again.txt", "There is room again.")


class Filling:
    """The pieces of an answer, in whose middle the disk fills up."""

    def __init__(self, disk):
        self._disk = disk

    def __iter__(self):
        yield event(chunk(ROLE))
        yield event(chunk({"content": "Half "}))
        self._disk.fill()
        yield event(chunk({"content": "and half."}))
        yield event(chunk({}, "stop")) + DONE


@pytest.mark.parametrize("stream", [False, True])
async def test_a_disk_that_fills_up_during_an_answer(disk, stream):
    """An answer is whole only when its trace is stored, and this one's cannot be; what there is of it is not lost."""

    def answer(body):
        return Canned(Filling(disk)) if body["messages"][-1]["content"] == "Fill it up." else echo(body)

    async with upstream(filling=answer) as fake, listening(disk.folder / "data", backends=fake.profiles) as service:
        body = ask("Fill it up.", backend="fake:filling", stream=stream)
        reply = await service.post("/v1/chat/completions", json=body)
        assert "disk_full" in reply.text
        assert "[DONE]" not in reply.text
        assert reply.status_code == (200 if stream else 507)
        disk.free()

        async def again():
            try:
                reply = await service.post("/v1/chat/completions", json=ask("Hi", backend="fake:echo"))
            except httpx.HTTPError:
                return None
            return reply.status_code == 200

        await until(again)
