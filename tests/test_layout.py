"""The habits that keep the packages small and of one kind, read from the source itself."""

import ast
import re
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.source_files import PACKAGES, distribution, sources, tree

LONGEST_FILE, MEDIAN_FILE, LONGEST_FUNCTION = 300, 90, 60
# A migration is a list of tables from top to bottom, however long.
LISTS = ("server/storage/migrations/versions/",)


def test_only_the_server_reads_the_environment():
    readers = ("environ", "environb", "getenv", "getenvb", "putenv", "unsetenv")
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources(*(name for name in PACKAGES if name != "server"))
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Attribute) and node.attr in readers)
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and any(a.name in readers for a in node.names))
    ]
    assert found == []


def test_one_place_of_the_server_reads_the_environment():
    found = {
        path.relative_to(ROOT).as_posix()
        for path in sources("server")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
    }
    assert found == {"server/settings.py"}


def test_one_place_parses_python():
    """The sandbox's own processes import nothing of ours."""
    found = {
        path.relative_to(ROOT).as_posix()
        for path in sources(*PACKAGES)
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Attribute) and ast.unparse(node) in ("ast.parse", "ast.literal_eval"))
        or (isinstance(node, ast.ImportFrom) and node.module == "ast")
    }
    assert found == {"backends/python_syntax.py", "tools/sandbox/worker.py", "agents/tasks/judging.py"}


def test_every_dependency_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    declared = map(distribution, [*project["dependencies"], *project["optional-dependencies"]["dev"]])
    assert set(declared) - set(map(distribution, pins)) == set()


def test_every_init_is_empty():
    full = [
        str(path.relative_to(ROOT)) for path in sources(*PACKAGES) if path.name == "__init__.py" and path.stat().st_size
    ]
    assert full == []


def test_files_are_small():
    lines = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n") for path in sources(*PACKAGES)}
    assert {path: count for path, count in lines.items() if count > LONGEST_FILE} == {}
    assert statistics.median(count for count in lines.values() if count) <= MEDIAN_FILE


def test_functions_are_short():
    long = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": length
        for path in sources(*PACKAGES)
        if not path.relative_to(ROOT).as_posix().startswith(LISTS)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
    }
    assert long == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_the_packages_are_ours(package):
    """Another distribution may bring a package of the same name, as openai-agents does with `agents`."""
    found = subprocess.run(
        [sys.executable, "-c", f"import {package}; print({package}.__file__)"],
        capture_output=True, text=True, cwd=ROOT.parent, check=True,
    )  # fmt: skip
    assert Path(found.stdout.strip()) == ROOT / package / "__init__.py"


def test_every_place_gives_the_same_version():
    from server.app import VERSION

    text = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("pyproject.toml", "CHANGELOG.md", "README.md")}
    newest = re.search(r"^## \[(\d[^\]]*)\]", text["CHANGELOG.md"], re.MULTILINE)
    assert newest is not None, "CHANGELOG.md has no `## [VERSION]` heading"
    named = re.findall(r"\bsandtable[= ]+v?(\d+\.\d+\.\d+)", text["README.md"], re.IGNORECASE)
    version = tomllib.loads(text["pyproject.toml"])["project"]["version"]
    assert {version, newest[1], VERSION, *named} == {version}
