"""The server scenarios of MCP's own conformance package that ask for nothing made up: every other one wants tools,
prompts and resources of certain names, which only a server written for the test has."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.live import server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PACKAGES = ("@modelcontextprotocol/conformance@0.1.16", "node@22.23.3")
"""The second brings the Node.js that the first needs, where the machine's own is older."""
SCENARIOS = (
    "server-initialize",
    "ping",
    "tools-list",
    "resources-list",
    "server-sse-multiple-streams",
    "dns-rebinding-protection",
)


@pytest.fixture(scope="module")
def conformance():
    """The command, installed once per user by npm; skips where that cannot be."""
    from platformdirs import user_cache_dir

    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm on this machine, which installs MCP's conformance package")
    folder = Path(user_cache_dir("sandtable", appauthor=False)) / "test-mcp-conformance"
    command = [
        str(folder / "node_modules/node/bin/node"),
        str(folder / "node_modules/@modelcontextprotocol/conformance"),
    ]
    command[1] += "/dist/index.js"
    wanted = json.dumps(PACKAGES)
    done = folder / "installed.json"
    if not (done.exists() and done.read_text() == wanted):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text("{}")
        installed = subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", *PACKAGES],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if installed.returncode or not all(map(os.path.exists, command)):
            pytest.skip(f"npm could not install {', '.join(PACKAGES)}: {installed.stderr[-500:]}")
        done.write_text(wanted)
    return command


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    with server(tmp_path_factory.mktemp("conformance") / "data") as running:
        yield running


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(conformance, live, scenario, tmp_path):
    command = [*conformance, "server", "--url", f"{live.url}/mcp", "--scenario", scenario]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
