"""A tool: a function that a model may call. `@tool` reads its name, description and schema from the function itself.

What a tool raises as ToolError is told to the model. Anything else it raises is a bug: logged, and the model is told
only that the tool failed (`tools.perform`).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, overload

from backends.base import ToolSpec
from tools.arguments import checker, parameters
from tools.errors import BadTool
from tools.threads import on_a_thread

if TYPE_CHECKING:
    from backends.base import Source
    from retrieval.base import Hit, Parsed, Retriever
    from tools.desk import Desk, Kept
    from tools.registry.base import Registries
    from tools.sandbox.base import Sandbox
    from tools.web import Web
    from tools.wiki import Page

Function = Callable[..., Any]
NO_ENCYCLOPEDIA = 'a public encyclopedia is off: the setting `wikipedia.source` = "api" lets it be read'
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What OpenAI's API takes as the name of a function; others take no more."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a call knows beside its arguments. A tool gets it by a parameter of this type; no model sees it."""

    key: str = ""
    """The same whenever this very call is made again, after a crash for example: a tool that changes something outside
    hands it on as idempotency key, or keeps it, so that the change happens once. Empty: a call that nobody repeats."""
    retriever: Retriever | None = None
    """The documents of the run; None: it was given none."""
    k: int = 5
    """How many passages a search returns."""
    now: datetime | None = None
    """When the run began, which is what "today" means in it; None: a call by itself, so the clock says."""
    zone: str = "UTC"
    """IANA name of the time zone in which "today" is meant."""
    ask: Ask | None = None
    """The backend of the run; None: there is none."""
    rates: Rates | None = None
    """Exchange rates; None: none are set up."""
    web: Web | None = None
    """The public web, within the service's rules; None: out of reach."""
    loader: Loader | None = None
    """Reads files to text; None: nobody does."""
    files: Desk | None = None
    """The user's files; None: there are none to read, and none can be kept."""
    session: str = ""
    """Whose state a tool that keeps some goes on with: the thread of the run. Empty: a call by itself."""
    sandbox: Sandbox | None = None
    """Where code that a model wrote is run; None: nowhere, and `no_sandbox` says why."""
    no_sandbox: str = "no sandbox was set up"
    encyclopedia: Encyclopedia | None = None
    """A public one; None: the documents of the run are all there is."""
    gate: Gate | None = None
    """Compares questions with descriptions; None: there is no embedder to do it."""
    registries: Registries | None = None
    """Lists of experts; None: none are set up."""


class Ask(Protocol):
    async def __call__(self, instructions: str, text: str, question: str, sources: Sequence[Source] = ()) -> str:
        """What the backend answers to `text`; `question` and `sources`: as in `backends.base.Request`, for a backend
        that quotes. Raises ToolError where it fails."""
        ...


class Encyclopedia(Protocol):
    async def find(self, entity: str) -> Page | list[str]:
        """The page of that title, or titles like it. Raises ToolError."""
        ...


class Gate(Protocol):
    @property
    def scripts(self) -> frozenset[str]:
        """Unicode scripts that its embedder reads; empty: all."""
        ...

    async def scores(
        self, questions: Sequence[str], experts: Mapping[str, str], trained: str | None
    ) -> tuple[list[list[float]], str]:
        """(questions, experts) products of their vectors, and what the vectors are; `experts`: name to description,
        `trained`: the name of a gate whose vectors take the place of the descriptions'. Raises ToolError."""
        ...


class Loader(Protocol):
    async def load(self, path: Path, filename: str) -> Parsed:
        """Raises LoadFailed."""
        ...


class Rates(Protocol):
    async def on(self, day: date | None) -> RatesOfDay:
        """Those of the day, or of the last one before it that has any; None: the newest. Raises ToolError."""
        ...


@dataclass(frozen=True)
class RatesOfDay:
    day: date
    base: str
    per_base: Mapping[str, Decimal]
    """How much of each currency one of the base buys; the base itself is in it, as 1."""
    source: str


@dataclass(frozen=True)
class Result:
    """What a tool says, with the passages it rests on for callers that number and cite them."""

    text: str
    hits: tuple[Hit, ...] = ()
    artifacts: tuple[Kept, ...] = ()
    """Files that the call made for the user."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    spec: ToolSpec
    check: Callable[[str], dict[str, Any]]
    """From the JSON text of the arguments to what `run` takes. Raises BadArguments."""
    run: Callable[[Mapping[str, Any], Context], Awaitable[object]]
    """Returns a Result, a text, or anything that can be written as JSON. Raises ToolError."""
    read_only: bool = False
    """Changes nothing outside: calling it twice does no harm."""
    needs_approval: bool = False
    """A person has to agree to every call; no caller can switch that off."""
    needs_collection: bool = False
    or_encyclopedia: bool = False
    """It needs none where the service reads a public encyclopedia."""
    needs_sandbox: bool = False
    """It runs code that a model wrote: not offered where there is no sandbox."""
    seconds: float = 30.0
    max_chars: int = 20_000
    """Of what the model is told; the rest is cut off, and it is told that too."""

    @property
    def name(self) -> str:
        return self.spec.name

    def lacks_documents(self, context: Context, searching: bool) -> str:
        """What it would need and does not have, as the end of a sentence; empty if it can be called."""
        if not self.needs_collection or searching or (self.or_encyclopedia and context.encyclopedia is not None):
            return ""
        return f"collection{f'; {NO_ENCYCLOPEDIA}' if self.or_encyclopedia else ''}"


@overload
def tool(function: Function, /) -> Tool: ...


@overload
def tool(
    *,
    name: str | None = None,
    read_only: bool = False,
    needs_approval: bool = False,
    needs_collection: bool = False,
    or_encyclopedia: bool = False,
    needs_sandbox: bool = False,
    seconds: float = 30.0,
    max_chars: int = 20_000,
) -> Callable[[Function], Tool]: ...


def tool(function: Function | None = None, /, *, name: str | None = None, **settings: Any) -> Any:
    """Make a Tool of a function, async or not: `@tool`, or `@tool(needs_approval=True)`.

    The docstring is the description, the type hints are the schema; `Annotated[int, Field(description=...)]` describes
    a parameter. A function that is not async runs on a thread, which a time-out leaves behind running: let it end by
    itself. Raises BadTool for a function that a model could not be told how to call.
    """
    if function is None:
        return lambda given: replace(_make(given, name), **settings)
    return _make(function, name)


def _make(function: Function, given_name: str | None) -> Tool:
    name = given_name or function.__name__
    if not NAME.fullmatch(name):
        raise BadTool(f"a tool's name has 1 to 64 letters, digits, _ and - of ASCII, not {name!r}: give it by name=...")
    description = inspect.getdoc(function)
    if not description:
        raise BadTool(f"the tool {name!r} has no docstring: it is all that a model learns of its purpose")
    contexts, arguments = parameters(name, function, Context)
    check, schema = checker(name, arguments)

    async def run(given: Mapping[str, Any], context: Context) -> object:
        everything = {**given, **dict.fromkeys(contexts, context)}
        if inspect.iscoroutinefunction(function):
            return await function(**everything)
        return await on_a_thread(partial(function, **everything), f"tool {name}")

    return Tool(spec=ToolSpec(name=name, description=description, parameters=schema), check=check, run=run)
