"""What a chat remembers of people, over HTTP: told in one conversation, known in the next, replaced, asked for a time,
kept from others, forgotten, and erased.

Without `--backend` the model's part is a script, which this demo says. What is kept, merged, superseded, recalled and
forgotten is really so: the script gives most of its answers only where the record that they rest on was told to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from demos import show
from demos.service import LOOPBACK, DemoFailed, call, connected

if TYPE_CHECKING:
    import httpx
    from rich.console import Console

SCRIPT = Path(__file__).with_suffix(".json")
USERS = {"Ada": "demo-ada", "Bo": "demo-bo", "小林": "demo-lin"}


@dataclass(frozen=True)
class Turn:
    """A conversation of its own."""

    title: str
    who: str
    says: str
    expects: tuple[str, ...]
    """Words of which one stands in a right answer."""
    as_before: bool = False
    """Ask for what held when the demo had told the first facts."""


TURNS = (
    Turn("Told once", "Ada", "I live in Rome. I am allergic to nuts, and my dog is called Rex.", ("note", "Noted")),
    Turn("Known in another conversation", "Ada", "What cake could I bake for my birthday?", ("nut",)),
    Turn("A newer fact takes the place of the older one", "Ada", "By the way, I have moved to Turin.", ("Turin",)),
    Turn("As things stand", "Ada", "In which city do I live?", ("Turin",)),
    Turn("As things stood", "Ada", "In which city do I live?", ("Rome",), as_before=True),
    Turn("Somebody else", "Bo", "In which city do I live?", ("not know",)),
    Turn("In Chinese", "小林", "我对花生过敏，住在杭州。", ("记住",)),
    Turn("In Chinese, in another conversation", "小林", "我可以吃花生糖吗？", ("过敏",)),
    Turn("Forgotten on request", "Ada", "Forget that I live in Turin.", ("forgot",)),
    Turn("And gone", "Ada", "In which city do I live?", ("not know",)),
)


def main(base_url: str, api_key: str | None, backend: str | None, console: Console, *, keep: bool = False) -> int:
    """Run the demo against the service at `base_url`; 0 if each answer rests on what was meant. `keep`: what is
    remembered in the end stays."""
    if backend is None and urlsplit(base_url).hostname in LOOPBACK:
        backend = f"scripted:{SCRIPT}"
        show.line(console, "The model's part is played by a script; --backend lets a model play it.", "yellow")
    try:
        with connected(base_url, api_key) as client:
            erase(client)
            try:
                return tell(client, backend, console)
            finally:
                if not keep:
                    erase(client)
    except DemoFailed as error:
        show.line(console, f"The demo failed: {error}", "bold red")
        return 1


def tell(client: httpx.Client, backend: str | None, console: Console) -> int:
    right, early = 0, ""
    for turn in TURNS:
        show.section(console, turn.title)
        answer, events = ask(client, turn, early if turn.as_before else "", backend)
        early = early or datetime.now(UTC).isoformat()
        show.line(console, f"{turn.who}: {turn.says}")
        happened(events, console)
        good = any(word in answer for word in turn.expects)
        right += good
        show.line(console, answer, "green" if good else "bold red")
    show.section(console, "What is kept of Ada")
    kept = call(client, "GET", "/v1/memories", params={"user": USERS["Ada"]})["data"]
    rows = [(one["id"], one["kind"], one["subject"], one["text"]) for one in kept]
    show.table(console, ("id", "kind", "subject", "text"), rows, right=("id",))
    told = f"{right} of {len(TURNS)} answers rest on what is remembered, or on nothing where nothing is."
    show.line(console, told, "green" if right == len(TURNS) else "bold red")
    return 0 if right == len(TURNS) else 1


def ask(client: httpx.Client, turn: Turn, at: str, backend: str | None) -> tuple[str, list[dict[str, Any]]]:
    """The answer, and the events of its run."""
    memory: dict[str, Any] = {"kind": "long", "records": 3} | ({"at": at} if at else {})
    sandtable = {"memory": memory, "user": USERS[turn.who]} | ({"backend": backend} if backend is not None else {})
    messages = [{"role": "user", "content": turn.says}]
    reply = call(
        client, "POST", "/v1/chat/completions", json={"model": "chat", "messages": messages, "sandtable": sandtable}
    )
    run = reply["sandtable"]["run_id"]
    events: list[dict[str, Any]] = call(client, "GET", f"/v1/runs/{run}/events", params={"limit": 1_000})["data"]
    return reply["choices"][0]["message"]["content"], events


def happened(events: list[dict[str, Any]], console: Console) -> None:
    for event in events:
        match event["type"]:
            case "memory_read":
                for id, text in sorted(zip(event["ids"], event["texts"], strict=True)):
                    show.line(console, f"  recalled {id}: {text}", "dim")
            case "memory_written":
                over = f", in place of {event['superseded'][0]}" if event["superseded"] else ""
                known = ", which is known already" if event["merged"] else ""
                show.line(console, f"  kept as {event['key']}{over}{known}: {event['text']}", "cyan")
            case "memory_forgotten":
                show.line(console, f"  forgotten: {', '.join(map(str, event['ids'])) or 'nothing'}", "cyan")
            case "warning":
                show.line(console, f"  note: {event['message']}", "yellow")


def erase(client: httpx.Client) -> None:
    for user in USERS.values():
        call(client, "DELETE", "/v1/memories", params={"user": user})
