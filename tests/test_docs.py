"""The docs hold: every code block runs as a reader would run it, and every route and field is told of.

Blocks of ```bash, ```console (lines after `$ `) and ```python run in the order of their document, on one data
directory, in an empty folder with `demos/` in it. A block that names the service's usual address finds a service there;
the others find none running. `noexec` after the language marks a block that needs what a test machine lacks: it must
still parse.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ROOT
from tests.e2e.live import server

READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
DOCUMENTS = [*READMES, *sorted((ROOT / "docs").glob("*.md"))]
USUAL_ADDRESS = "http://127.0.0.1:8321"
LANGUAGES = {"bash", "console", "python"}
NOT_CODE = {"text", "json", "toml", "mermaid"}
SECONDS = 100

FENCE = re.compile(r"^(`{3,})([^`\n]*)\n(.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    path: Path
    line: int
    info: str
    text: str

    @property
    def language(self) -> str:
        return self.info.partition(" ")[0]

    @property
    def runs(self) -> bool:
        return self.language in LANGUAGES and "noexec" not in self.info

    @property
    def program(self) -> str:
        """The text to run; of a console block its commands."""
        if self.language != "console":
            return self.text
        return "\n".join(line[2:] for line in self.text.splitlines() if line.startswith(("$ ", "> ")))

    def command(self, *flags: str) -> list[str]:
        return [sys.executable, "-"] if self.language == "python" else ["bash", "-euo", "pipefail", *flags]

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def blocks(path: Path) -> Iterator[Block]:
    text = path.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        yield Block(path, text.count("\n", 0, found.start()) + 1, found[2].strip(), found[3])


BLOCKS = [block for path in DOCUMENTS for block in blocks(path)]


def test_every_block_says_what_it_is():
    assert [f"{block} is {block.info!r}" for block in BLOCKS if block.language not in LANGUAGES | NOT_CODE] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_blocks_parse(path):
    for block in blocks(path):
        if block.language == "python":
            compile(block.program, str(block), "exec")
        elif block.language in LANGUAGES:
            done = subprocess.run(block.command("-n"), input=block.program, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{block}: {done.stderr}"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", [p for p in DOCUMENTS if any(b.runs for b in blocks(p))], ids=lambda path: path.name)
def test_blocks_run(path, tmp_path):
    folder, data = tmp_path / "folder", tmp_path / "data"
    folder.mkdir()
    (folder / "demos").symlink_to(ROOT / "demos")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "SANDTABLE_DATA_DIR": str(data),
        "SANDTABLE_BACKEND": "extractive",
        # What is shown to a reader must not depend on how wide this terminal is.
        "COLUMNS": "100",
    }
    with ExitStack() as stack:
        url = ""
        for block in filter(lambda block: block.runs, blocks(path)):
            if USUAL_ADDRESS in block.program and not url:
                url = stack.enter_context(server(data)).url
            elif USUAL_ADDRESS not in block.program:
                stack.close()
                url = ""
            program = block.program.replace(USUAL_ADDRESS, url)
            done = subprocess.run(
                block.command(), input=program, capture_output=True, text=True, cwd=folder, env=environment,
                timeout=SECONDS, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"{block} failed\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


PAGING = {"limit", "order", "after", "before"}
CODE = re.compile(r"`([^`]+)`")


def rows(markdown: str) -> Iterator[str]:
    """The first cell of every table row."""
    for line in markdown.splitlines():
        if line.startswith("| `"):
            yield line.split("|")[1]


@pytest.fixture(scope="module")
def api():
    from server.app import create_app
    from server.settings import load_settings

    return create_app(load_settings()).openapi()


@pytest.fixture(scope="module")
def told_of():
    """The pages that tell of routes, in the order of these."""
    return [(ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("compatibility.md", "langgraph.md")]


def operations(api) -> dict[str, set[str]]:
    """`METHOD /path` -> the names of its query parameters and of the fields of its JSON body."""
    found = {}
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema", {})
            if "$ref" in schema:
                schema = api["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            query = {p["name"] for p in operation.get("parameters", []) if p["in"] == "query"}
            found[f"{method.upper()} {path}"] = query | set(schema.get("properties", ()))
    return found


def test_every_route_is_told_of(api, told_of):
    sections = [page.partition("\n## Routes\n")[2].partition("\n## ")[0] for page in told_of]
    assert [CODE.findall(row)[0] for section in sections for row in rows(section)] == list(operations(api))


def test_every_field_is_told_of(api, told_of):
    sections = [section for page in told_of for section in page.partition("\n## Fields\n")[2].split("\n### ")[1:]]
    told = {
        route: {name for row in rows(section) for name in CODE.findall(row)}
        for section in sections
        for route in section.partition("\n")[0].strip().split(", ")
    }
    # A multipart form is read by hand, so the schema does not know its fields.
    assert told.pop("POST /v1/files") == {"file", "purpose"}
    taken = {route: names if "/runs/" in route else names - PAGING for route, names in operations(api).items()}
    assert told == {route: names for route, names in taken.items() if names}


def test_every_setting_is_told_of():
    from agents.experts.expert import ExpertParts
    from backends.profiles import Embeddings, Flags
    from server.settings import BackendProfile, Settings
    from server.tool_settings import Fetch, MCPServer, OpenAPI, RegistryFile, Wikipedia

    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    told = {name for row in rows(text) for name in CODE.findall(row)}
    of_tools = (Fetch, MCPServer, OpenAPI, RegistryFile, Wikipedia)
    values = (Settings, BackendProfile, Flags, Embeddings, *of_tools, ExpertParts)
    assert told == {name for value in values for name in value.model_fields}


def skeleton(path: Path) -> dict[str, list[object]]:
    """What a translation keeps: levels of headings, blocks but for what they print, keys of tables, links."""
    text = path.read_text(encoding="utf-8")
    prose = FENCE.sub("", text)
    return {
        "headings": [len(level) for level in re.findall(r"^(#+) ", prose, re.MULTILINE)],
        "blocks": [(block.info, block.text) for block in blocks(path) if block.language != "text"],
        "rows": [CODE.findall(row) for row in rows(prose)],
        "links": [link for link in LINK.findall(prose) if not link.startswith("README")],
    }


def test_the_readmes_say_the_same():
    english, chinese = map(skeleton, READMES)
    assert chinese == english, "what changes in one README changes in the other"
    assert all(
        f"]({other.name})" in one.read_text(encoding="utf-8") for one in READMES for other in READMES if one != other
    )


def test_every_tool_is_told_of():
    from tools.catalog import TOOLS

    text = (ROOT / "docs" / "tools.md").read_text(encoding="utf-8")
    assert [CODE.findall(row)[0] for row in rows(text)][: len(TOOLS)] == list(TOOLS)


LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


@pytest.mark.parametrize("path", [*DOCUMENTS, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"], ids=lambda p: p.name)
def test_links_lead_somewhere(path):
    broken = [link for link in LINK.findall(path.read_text(encoding="utf-8")) if not (path.parent / link).exists()]
    assert broken == []
