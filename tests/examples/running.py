"""The scripts of docs/examples, imported and run as a reader runs them."""

import importlib
import json
import subprocess
import sys

from tests.conftest import ROOT

FOLDER = ROOT / "docs" / "examples"


def module(name):
    """Imports torch, so inside of slow tests only."""
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(FOLDER))


def printed(script, *arguments):
    """The JSON that a script prints."""
    command = [sys.executable, str(FOLDER / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
