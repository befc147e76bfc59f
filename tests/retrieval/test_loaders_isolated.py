"""The worker process: what happens in it costs only the file it reads."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from retrieval.errors import LoadFailed
from retrieval.loaders.isolated import IsolatedLoader
from tests.retrieval import made_files


@pytest.fixture
def files(tmp_path):
    made = {"a.pdf": made_files.pdf(["from a PDF"]), "a.docx": made_files.docx(["from 文档"]), "a.txt": b"plain"}
    made |= {"a.html": b"<p>page", "bad.pdf": b"%PDF-1.7 broken", "a.csv": b"a,b\nc,1\n", "a.json": b'{"a": 1}'}
    made |= {"a.xlsx": made_files.xlsx({"S": [["cell"]]}), "a.pptx": made_files.pptx([("title", [])])}
    for name, data in made.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


@pytest.fixture
async def loader():
    made = IsolatedLoader()
    yield made
    await made.aclose()


async def test_loads_every_kind_and_passes_errors_on(loader, files):
    names = ["a.pdf", "a.docx", "a.html", "a.txt", "a.csv", "a.json", "a.xlsx", "a.pptx"]
    parsed = await asyncio.gather(*(loader.load(files / name, name) for name in names))
    assert [p.text for p in parsed] == [
        "from a PDF", "from 文档", "page", "plain", "| a | b |\n| c | 1 |", "- a: 1", "# S\n\ncell", "## Slide 1: title"
    ]  # fmt: skip
    with pytest.raises(LoadFailed, match=r"bad\.pdf") as caught:
        await loader.load(files / "bad.pdf", "bad.pdf")
    assert caught.value.code == "invalid_file"
    assert (await loader.load(files / "a.pdf", "again.pdf")).text == "from a PDF"


async def test_text_needs_no_worker(files):
    loader = IsolatedLoader(command=["/no/such/program"])
    assert (await loader.load(files / "a.txt", "a.txt")).text == "plain"
    await loader.aclose()


async def test_a_hanging_parser_is_stopped(files):
    loader = IsolatedLoader(0.2, command=[sys.executable, "-c", "import signal; signal.pause()"])
    for _ in range(2):
        with pytest.raises(LoadFailed, match=r"0\.2 s") as caught:
            await loader.load(files / "a.pdf", "a.pdf")
        assert caught.value.code == "timed_out"
    await loader.aclose()


async def test_a_crashing_parser_costs_one_file_only(files):
    """Falls over at the first file, and reads as it should from then on."""
    program = (
        "import os, pathlib, sys\n"
        f"mark = pathlib.Path({str(files / 'fell')!r})\n"
        "if not mark.exists():\n    mark.touch(); sys.stdin.readline(); os.abort()\n"
        "sys.argv = ['worker', '1024']\n"
        "from retrieval.loaders.worker import main; main()"
    )
    loader = IsolatedLoader(command=[sys.executable, "-c", program])
    both = await asyncio.gather(
        loader.load(files / "a.pdf", "a.pdf"), loader.load(files / "a.docx", "a.docx"), return_exceptions=True
    )
    # Which of the two comes first is for the threads to say that look at the files.
    (failed,) = [one for one in both if isinstance(one, LoadFailed)]
    assert failed.code == "invalid_file"
    assert {one.text for one in both if one is not failed} < {"from a PDF", "from 文档"}
    await loader.aclose()


async def test_a_cancelled_load_leaves_the_loader_usable(loader, files):
    task = asyncio.create_task(loader.load(files / "a.pdf", "a.pdf"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await loader.load(files / "a.docx", "a.docx")).text == "from 文档"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux only")
async def test_a_file_that_needs_too_much_memory(files):
    loader = IsolatedLoader(memory_mb=200)
    (files / "big.html").write_text("<p>x<b>y</b>" * 100_000)
    with pytest.raises(LoadFailed, match="memory") as caught:
        await loader.load(files / "big.html", "big.html")
    assert caught.value.code == "invalid_file"
    assert (await loader.load(files / "a.html", "a.html")).text == "page"
    await loader.aclose()


SERVER = """
import asyncio, os, pathlib, socket, sys
from retrieval.loaders.isolated import IsolatedLoader
async def main():
    listening = socket.create_server(("127.0.0.1", 0)); os.set_inheritable(listening.fileno(), True)
    loader = IsolatedLoader()
    await loader.load(pathlib.Path(sys.argv[1]), "a.pdf")
    print('ready', flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_worker_holds_no_socket_and_dies_with_its_parent(files):
    command = [sys.executable, "-c", SERVER, str(files / "a.pdf")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        worker = int(Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text())
        handle = os.pidfd_open(worker)
        opened = [os.readlink(f"/proc/{worker}/fd/{n}") for n in os.listdir(f"/proc/{worker}/fd") if int(n) > 2]
        server.send_signal(signal.SIGKILL)
        server.wait()
        ended, _, _ = select.select([handle], [], [], 20)
        os.close(handle)
    assert ended
    assert not any(link.startswith("socket:") for link in opened)
