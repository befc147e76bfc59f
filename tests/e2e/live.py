"""A real server in a process of its own, on a free port, that can be killed."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 60


class Server:
    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self._environment = environment
        self.start()

    def start(self, port: int = 0) -> None:
        """`port`: 0 for a free one."""
        place = ["--port", str(port), "--data-dir", str(self.data_dir)]
        command = [sys.executable, "-m", "server.cli.main", "serve", *place]
        environment = {**os.environ, "SANDTABLE_BACKEND": "extractive", **self._environment}
        self.log = (self.data_dir.parent / "server.log").open("ab")
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self.log, env=environment, text=True, start_new_session=True
        )
        # A server that never gets ready must fail the test, not hang it.
        guard = threading.Timer(START_SECONDS, self.process.kill)
        guard.start()
        self.url = self.process.stdout.readline().strip()
        guard.cancel()
        assert self.url.startswith("http://"), (self.data_dir.parent / "server.log").read_text()[-3000:]

    def kill(self) -> None:
        """kill -9 the server and whatever it started."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(timeout=30)
        self.process.stdout.close()
        self.log.close()
        return code


@contextmanager
def server(data_dir: Path, **environment: str):
    running = Server(data_dir, **environment)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.kill()
