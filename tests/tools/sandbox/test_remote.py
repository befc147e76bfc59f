"""What calls itself a sandbox at an address is tried before any code is sent there."""

import subprocess
import sys
from contextlib import contextmanager

import pytest

from tools.sandbox.base import Cell, Limits
from tools.sandbox.errors import SandboxUnavailable
from tools.sandbox.remote import RemoteSandbox

# Answers in the form of a sandbox, and runs what it is given as it is; ANSWER: it says that, and runs nothing.
SERVER = """
import contextlib, http.server, io, json, sys
ANSWER = sys.argv[1]
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *given): pass
    def do_POST(self):
        cell, output = json.loads(self.rfile.read(int(self.headers["content-length"]))), io.StringIO()
        with contextlib.redirect_stdout(output):
            print(ANSWER) if ANSWER else exec(cell["code"], {})
        told = {"output": output.getvalue(), "value": "", "error": "", "notes": [], "files": [], "state": "new"}
        data = json.dumps({**told, "seconds": 0.1}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextmanager
def pretending(folder, answer=""):
    """The address of a server that is no sandbox."""
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", SERVER, answer], stdout=subprocess.PIPE, text=True, cwd=folder
    ) as process:
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="the trial counts on Linux")
async def test_no_code_runs_where_the_trial_gets_out(tmp_path):
    with pretending(tmp_path) as url:
        sandbox = RemoteSandbox(url, "", Limits())
        for _ in range(2):
            with pytest.raises(SandboxUnavailable, match=r"does not hold: .*it read /etc/passwd") as caught:
                await sandbox.run(Cell(code="open('ran', 'w').close()"))
            assert url.removeprefix("http://") in caught.value.reason
            assert "sandbox_url" in caught.value.way_out
        await sandbox.aclose()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("answer", ["Hello!", "{}", "[] and more"])
async def test_what_does_not_run_the_trial_is_no_sandbox(tmp_path, answer):
    with pretending(tmp_path, answer) as url:
        sandbox = RemoteSandbox(url, "", Limits())
        with pytest.raises(SandboxUnavailable, match="the trial itself failed"):
            await sandbox.run(Cell(code="1"))
        await sandbox.aclose()
