"""The tool `python` in the service: state by thread, files in and out by tenant, artifacts in every reply."""

import asyncio

import pytest

from server.sandboxes import FOLDER
from tests.fake_upstream import Canned, stream_of
from tests.server.conftest import events_of, serving, until, upload, upstream
from tests.server.test_function_calling import calling
from tools.sandbox import tiers
from tools.sandbox.errors import SandboxUnavailable

try:
    tiers.check_machine()
except SandboxUnavailable as error:
    pytestmark = pytest.mark.skip(reason=error.reason)

CHART = "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nopen('数据.csv', 'w').write('a,b\\n1,2\\n')"
QUESTION = "run: "


def coder(body):
    """Runs what the question says, then answers."""
    last = body["messages"][-1]
    if last["role"] != "user":
        return Canned(stream_of("Done."))
    code, _, file_id = last["content"].removeprefix(QUESTION).partition("#file:")
    return calling(("python", {"code": code, **({"files": [file_id]} if file_id else {})}))


@pytest.fixture
async def client(tmp_path):
    async with (
        upstream(agent=coder) as server,
        serving(tmp_path / "data", backend="fake:agent", backends=server.profiles) as client,
    ):
        yield client


async def ask(client, code, **fields):
    body = {"model": "function_calling", "messages": [{"role": "user", "content": f"{QUESTION}{code}"}]}
    reply = await client.post("/v1/chat/completions", json={**body, "sandtable": fields})
    assert reply.status_code == 200, reply.text
    return reply.json()


async def outputs(client, reply):
    events = (await events_of(client, reply["sandtable"]["run_id"]))["data"]
    return [event["output"] for event in events if event["type"] == "tool_called"]


@pytest.mark.slow
async def test_charts_and_files_are_artifacts(client):
    reply = await ask(client, CHART)
    made = reply["sandtable"]["artifacts"]
    assert [(one["filename"], one["media_type"]) for one in made] == [
        ("figure-1.png", "image/png"), ("数据.csv", "text/csv")
    ]  # fmt: skip
    events = (await events_of(client, reply["sandtable"]["run_id"]))["data"]
    told = [event for event in events if event["type"] == "artifact"]
    assert [event["file_id"] for event in told] == [one["file_id"] for one in made]
    served = await client.get(f"/v1/files/{made[0]['file_id']}/content")
    assert served.content.startswith(b"\x89PNG")
    assert len(served.content) == made[0]["bytes"]
    assert served.headers["content-disposition"].startswith("attachment")
    assert served.headers["x-content-type-options"] == "nosniff"
    listed = (await client.get("/v1/files", params={"purpose": "assistants_output"})).json()["data"]
    assert {one["id"] for one in listed} == {one["file_id"] for one in made}


@pytest.mark.slow
async def test_a_replay_tells_the_same_and_runs_nothing(client):
    reply = await ask(client, CHART)
    run_id = reply["sandtable"]["run_id"]
    before = (await client.get("/v1/files")).json()["data"]
    replayed = (await client.post(f"/v1/runs/{run_id}/replay", json={})).json()
    assert replayed["identical"] is True, replayed
    assert (await client.get("/v1/files")).json()["data"] == before


@pytest.mark.slow
async def test_a_thread_keeps_its_state_and_others_do_not_see_it(client):
    first = await ask(client, "x = 41")
    thread = first["sandtable"]["thread_id"]
    assert await outputs(client, await ask(client, "x + 1", thread_id=thread)) == ["42"]
    (other,) = await outputs(client, await ask(client, "x + 1"))
    assert "NameError" in other


@pytest.mark.slow
async def test_a_thread_is_told_of_its_loss_also_after_a_restart(tmp_path):
    async with upstream(agent=coder) as server:
        given = {"backend": "fake:agent", "backends": server.profiles, "sandbox_sessions": 1}
        async with serving(tmp_path / "data", **given) as client:
            thread = (await ask(client, "x = 41"))["sandtable"]["thread_id"]
            await ask(client, "1")
            (told,) = await outputs(client, await ask(client, "x", thread_id=thread))
            assert "NameError" in told
            assert "is gone" in told
            assert await outputs(client, await ask(client, "x = 42; x", thread_id=thread)) == ["42"]
        async with serving(tmp_path / "data", **given) as client:
            (told,) = await outputs(client, await ask(client, "7", thread_id=thread))
            assert told.startswith("7\n[All that earlier code of this conversation had left")
            assert await outputs(client, await ask(client, "8", thread_id=thread)) == ["8"]


async def test_what_a_killed_service_left_is_removed_at_start(tmp_path):
    left = tmp_path / "data" / FOLDER / "0123"
    left.mkdir(parents=True)
    (left / "secret.txt").write_text("x")
    async with serving(tmp_path / "data", sandbox="off"):
        assert not left.parent.exists()


@pytest.mark.slow
async def test_uploads_are_read_by_id(client):
    file_id = await upload(client, "../销量.csv", "year,cars\n2023,5\n")
    reply = await ask(client, f"print(open('销量.csv').read())#file:{file_id}")
    assert await outputs(client, reply) == ["year,cars\n2023,5"]
    assert reply["sandtable"]["artifacts"] == []


@pytest.mark.slow
async def test_files_of_another_tenant_are_not_there(tmp_path):
    keys = [{"key": "k1", "tenant": "one"}, {"key": "k2", "tenant": "two"}]
    async with serving(tmp_path / "data", keys=keys) as client:
        one, two = ({"authorization": f"Bearer {key}"} for key in ("k1", "k2"))
        client.headers.update(one)
        file_id = await upload(client, "mine.txt", "secret")
        arguments = {"code": "print(open('mine.txt').read()); open('out.txt', 'w').write('x')", "files": [file_id]}
        reply = (await client.post("/v1/tools/python/call", json={"arguments": arguments})).json()
        assert (reply["output"].split("\n")[0], len(reply["artifacts"])) == ("secret", 1)
        client.headers.update(two)
        denied = (await client.post("/v1/tools/python/call", json={"arguments": arguments})).json()
        assert (denied["fault"], denied["artifacts"]) == ("refused", [])
        assert f"there is no uploaded file '{file_id}'" in denied["output"]
        assert (await client.get(f"/v1/files/{reply['artifacts'][0]['file_id']}/content")).status_code == 404


@pytest.mark.slow
async def test_a_run_that_is_cancelled_ends_its_code(client, tmp_path):
    folder = tmp_path / "data" / FOLDER
    asking = asyncio.create_task(ask(client, "open('begun', 'w').close()\nwhile True: pass"))
    await until(lambda: _is(any(folder.glob("*/begun"))))
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await until(lambda: _is(not any(folder.iterdir())))
    assert (await client.get("/healthz")).status_code == 200


async def _is(truth):
    return truth


async def test_a_service_without_a_sandbox_says_why(tmp_path):
    async with (
        upstream(agent=coder) as server,
        serving(tmp_path / "data", backend="fake:agent", backends=server.profiles, sandbox="off") as client,
    ):
        (tool,) = [one for one in (await client.get("/v1/tools")).json()["data"] if one["name"] == "python"]
        assert tool["unavailable"].startswith("the setting 'sandbox' is 'off'")
        body = {"model": "function_calling", "messages": [{"role": "user", "content": "?"}]}
        body["sandtable"] = {"options": {"tools": ["python"]}}
        reply = await client.post("/v1/chat/completions", json=body)
        error = reply.json()["error"]
        assert (reply.status_code, error["code"]) == (400, "sandbox_unavailable")
        assert "sandbox' is 'off'" in error["message"]
        called = (await client.post("/v1/tools/python/call", json={"arguments": {"code": "1"}})).json()
        assert called["fault"] == "refused"


@pytest.mark.slow
async def test_nothing_is_left_in_the_data_directory(tmp_path):
    async with serving(tmp_path / "data") as client:
        await client.post("/v1/tools/python/call", json={"arguments": {"code": "open('x', 'w').write('x')"}})
        assert (tmp_path / "data" / FOLDER).is_dir()
    assert not (tmp_path / "data" / FOLDER).exists()
