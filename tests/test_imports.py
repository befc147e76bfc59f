"""Who imports what: packages one way, libraries in their places, nothing heavy before its use."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ROOT
from tests.source_files import PACKAGES, distribution, sources, tree

MAY_IMPORT = {
    "backends": set(),
    "retrieval": set(),
    "tools": {"backends", "retrieval"},
    "agents": {"backends", "retrieval", "tools"},
    "server": {"backends", "retrieval", "tools", "agents", "demos"},
    "demos": set(),
}
OURS = {*PACKAGES, "benchmarks", "tests"}

ONLY_IN = {
    "langgraph": ("agents/", "server/"),
    # LangChain's models are one more wire format; what else of LangChain there is stays with LangGraph.
    "langchain_core": ("agents/", "server/", "backends/langchain"),
    "langchain": ("backends/langchain.py",),
    "faiss": ("retrieval/",),
    "sentence_transformers": ("retrieval/",),
    "onnxruntime": ("retrieval/",),
    "onnx": ("retrieval/",),
    "psycopg": ("retrieval/indexes/postgres.py", "retrieval/indexes/pgvector_table.py"),
    "pgvector": ("retrieval/indexes/postgres.py",),
    "scipy": ("retrieval/", "agents/experts/"),
    "pytrec_eval": ("retrieval/",),
    # Beside pictures of results they are for sandboxed code, whose own process loads them.
    "matplotlib": ("server/cli/picture.py", "tools/sandbox/warm.py"),
    "pandas": ("tools/sandbox/warm.py",),
    "pint": ("tools/units.py",),
    "yaml": ("tools/openapi/document.py", "server/cli/persona_file.py"),
    "tokenizers": ("retrieval/",),
    "transformers": ("retrieval/", "backends/causal/hf"),
    "llguidance": ("backends/causal/guided.py",),
    # A hundred thousand memories are weighed as arrays.
    "numpy": ("backends/causal/", "retrieval/", "agents/experts/", "agents/memory/"),
    "unified_planning": ("tools/pddl/",),
    "fastapi": ("server/",),
    "starlette": ("server/",),
    "uvicorn": ("server/",),
    "httpcore": ("server/web.py",),
    "httpx": ("backends/http.py", "backends/lanes.py", "server/", "demos/"),
    "mcp": ("server/mcp/", "tools/mcp_client/"),
    # A fork of httpx that comes with mcp; exceptions and clients of the two do not mix.
    "httpx2": ("tools/mcp_client/http.py",),
    # The default path never pays for torch: only a model that somebody else made needs it.
    "torch": (
        "backends/causal/hf",
        "retrieval/embedders/sentence_transformer.py",
        "retrieval/rerankers/cross_encoder.py",
    ),
    # Training in a process of its own.
    "datasets": ("retrieval/training/fit.py",),
}

# Loaded on use: importing one of these costs between 30 ms and a second of CPU.
HEAVY = (
    "torch", "transformers", "sentence_transformers", "faiss", "onnxruntime", "onnx", "tokenizers", "numpy", "rjieba",
    "scipy", "pytrec_eval", "matplotlib", "pandas", "unified_planning",
    "langgraph", "langchain_core", "httpx", "httpcore", "idna", "docx",
    "openpyxl", "pptx", "pypdfium2", "bs4", "lxml", "fastapi",
    "starlette", "sqlalchemy", "pint", "mcp", "mcp_types", "httpx2", "sse_starlette", "jsonschema",
    "psycopg", "pgvector", "yaml", "datasets", "accelerate",
)  # fmt: skip
# What a package may load when it is imported all the same.
EXPECTED = {"retrieval": {"sqlalchemy"}}

# What a declared distribution is built on and hands out: the two cannot be had apart.
COMES_WITH = {
    "httpcore": "httpx",
    "httpx2": "mcp",
    "idna": "httpx",
    "langchain_core": "langgraph",
    "langgraph_sdk": "langgraph",
    "pydantic_core": "pydantic",
    "typing_extensions": "pydantic",
    "sse_starlette": "mcp",
    "starlette": "fastapi",
    "transformers": "sentence-transformers",
    "huggingface_hub": "sentence-transformers",
    "jinja2": "torch",
    "pytrec_eval": "pytrec-eval-terrier",
}


class Import(NamedTuple):
    path: str
    line: int
    module: str

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.path}:{self.line} imports {self.module}"


def imports(path: Path) -> Iterator[Import]:
    """Every import of the file, also inside functions, under TYPE_CHECKING and by `import_module` of a literal."""
    shown = path.relative_to(ROOT).as_posix()
    for node in ast.walk(tree(path)):
        match node:
            case ast.Import():
                names = [alias.name for alias in node.names]
            case ast.ImportFrom():
                assert node.level == 0, f"{shown}:{node.lineno} is a relative import; write the whole name"
                names = [node.module or ""]
            case ast.Call(
                func=ast.Name(id=called) | ast.Attribute(attr=called), args=[ast.Constant(value=str(name)), *_]
            ):
                names = [name] if called in ("import_module", "__import__") else []
            case _:
                names = []
        yield from (Import(shown, getattr(node, "lineno", 0), name) for name in names)


@cache
def all_imports() -> list[Import]:
    return [found for path in sources(*PACKAGES) for found in imports(path)]


def test_packages_import_one_way():
    allowed = {package: {package, *others} for package, others in MAY_IMPORT.items()}
    ours = [found for found in all_imports() if found.top in OURS]
    assert [str(found) for found in ours if found.top not in allowed[found.path.partition("/")[0]]] == []


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_has_its_place(library):
    outside = [
        str(found) for found in all_imports() if found.top == library and not found.path.startswith(ONLY_IN[library])
    ]
    assert outside == []


OPTIONAL = {"hf", "langchain", "pgvector", "planner", "plot", "sandbox", "train"}
"""Imported where the user asks for it by name, and missed with a sentence that says what to install."""


@pytest.mark.slow
def test_third_party_imports_are_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    runtime = {distribution(line) for line in project["dependencies"]}
    developing = runtime | {distribution(line) for line in project["optional-dependencies"]["dev"]}
    brought_by = packages_distributions()

    def undeclared(folders: tuple[str, ...], declared: set[str]) -> set[str]:
        return {
            str(found)
            for path in sources(*folders)
            # These run in environments of their own, each with its list of packages beside it.
            if path.parent.name != "clients"
            for found in imports(path)
            if found.top not in OURS | set(sys.stdlib_module_names) | {""}
            and declared.isdisjoint(map(distribution, [COMES_WITH.get(found.top, ""), *brought_by.get(found.top, [])]))
        }

    extras = {distribution(line) for name in OPTIONAL for line in project["optional-dependencies"][name]}
    assert undeclared(PACKAGES, runtime | extras) == set()
    assert undeclared(("benchmarks", "tests"), developing) == set()


# Reads module names from its arguments; prints `MODULE: what importing it loaded or changed` for each that did.
IMPORT_EACH = """
import importlib, os, sys, threading
heavy, environment = set(sys.argv[1].split(",")), dict(os.environ)
for name in sys.argv[2:]:
    before = set(sys.modules)
    importlib.import_module(name)
    loaded = heavy & (set(sys.modules) - before)
    if threading.active_count() > 1:
        loaded.add("(a thread)")
    if dict(os.environ) != environment:
        loaded.add("(a changed environment)")
    if loaded:
        print(name + ": " + ", ".join(sorted(loaded)))
"""


def loads(heavy: tuple[str, ...], modules: list[str]) -> list[str]:
    command = [sys.executable, "-c", IMPORT_EACH, ",".join(heavy), *modules]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def modules_of(package: str) -> list[str]:
    names = (path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for path in sources(package))
    return [name.removesuffix(".__init__") for name in names]


@pytest.mark.parametrize("package", [name for name in PACKAGES if name != "server"])
def test_imports_are_cheap_and_do_nothing(package):
    from agents.catalog import PIPELINES

    # A pipeline's file holds its graph, so it loads langgraph; the catalogue loads the file on use.
    # So do those of the steps that go around any of them.
    around = {"agents.persona_limits", "agents.memory.steps"}
    pipelines = {target.partition(":")[0] for target in PIPELINES.values()} | around
    heavy = tuple(name for name in HEAVY if name not in EXPECTED.get(package, ()))
    assert loads(heavy, [name for name in modules_of(package) if name not in pipelines]) == []


def test_the_command_line_starts_light():
    assert loads((*HEAVY, "pydantic"), ["server.cli.main"]) == []


def test_the_application_does_not_load_models():
    assert (
        loads(("torch", "transformers", "sentence_transformers", "faiss", "onnxruntime", "onnx"), ["server.app"]) == []
    )
