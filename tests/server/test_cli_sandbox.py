"""`sandtable sandbox`, and a service that has its code run there."""

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests.conftest import ROOT
from tests.tools.sandbox.test_remote import pretending
from tools.sandbox import tiers
from tools.sandbox.errors import SandboxUnavailable

try:
    tiers.check_machine()
except SandboxUnavailable as error:
    pytestmark = [pytest.mark.skip(reason=error.reason)]
else:
    pytestmark = [pytest.mark.slow]

KEY = "key-of-the-sandbox"


def command(*arguments):
    return [sys.executable, "-m", "server.cli.main", *arguments]


def run(tmp_path, *arguments, **variables):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=90, check=False
    )


@contextmanager
def elsewhere(tmp_path, **variables):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SANDTABLE_SANDBOX_KEY": KEY, **variables}
    with subprocess.Popen(
        command("sandbox", "--port", "0"), stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment
    ) as process:
        try:
            ready, _, _ = select.select([process.stdout], [], [], 60)
            assert ready
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(30)
    assert code in (0, -signal.SIGTERM)


def test_code_runs_elsewhere(tmp_path):
    with elsewhere(tmp_path) as url:
        there = {"SANDTABLE_SANDBOX": "remote", "SANDTABLE_SANDBOX_URL": url, "SANDTABLE_SANDBOX_KEY": KEY}
        code = json.dumps({"code": "open('out.txt', 'w').write('你好')\n6 * 7"})
        done = run(tmp_path, "tool", "python", code, "--json", **there)
        assert done.returncode == 0, done.stdout + done.stderr
        reply = json.loads(done.stdout)
        assert (reply["output"].splitlines()[0], reply["artifacts"][0]["bytes"]) == ("42", 6)
        checks = json.loads(run(tmp_path, "doctor", "--json", **there).stdout)["checks"]
        (check,) = [one for one in checks if one["name"] == "sandbox"]
        assert check["status"] == "ok"
        assert check["detail"].startswith("remote, ")
        wrong = run(tmp_path, "tool", "python", code, **{**there, "SANDTABLE_SANDBOX_KEY": "wrong"})
        assert (wrong.returncode, "Incorrect API key" in wrong.stderr) == (1, True)


def test_what_keeps_nothing_in_is_found_out(tmp_path):
    with pretending(tmp_path) as url:
        there = {"SANDTABLE_SANDBOX": "remote", "SANDTABLE_SANDBOX_URL": url}
        checks = json.loads(run(tmp_path, "doctor", "--json", **there).stdout)["checks"]
        (check,) = [one for one in checks if one["name"] == "sandbox"]
        assert check["status"] == "warn"
        assert "it read /etc/passwd" in check["detail"]
        done = run(tmp_path, "tool", "python", json.dumps({"code": "open('ran', 'w').close()"}), **there)
        assert (done.returncode, "does not hold" in done.stderr) == (1, True)
        assert not (tmp_path / "ran").exists()


def test_it_is_not_open_to_the_network_without_a_key(tmp_path):
    done = run(tmp_path, "sandbox", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 1
    assert "anyone on the network could run code here" in done.stderr


def test_it_does_not_hand_on(tmp_path):
    done = run(
        tmp_path, "sandbox", "--port", "0", SANDTABLE_SANDBOX="remote", SANDTABLE_SANDBOX_URL="http://127.0.0.1:1"
    )
    assert (done.returncode, "here it has to be one of this machine" in done.stderr) == (1, True)
