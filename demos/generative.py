"""Two people of a small town over a few hours, over HTTP: what they see, what they make of it, and what they then say.

Without `--backend` the model's part is a script, which this demo says. What is remembered, recalled, counted towards a
reflection, cited and refused is really so; the script says most of its lines only where the memory that they rest on
has been recalled.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from demos import show
from demos.service import LOOPBACK, DemoFailed, call, connected

if TYPE_CHECKING:
    import httpx
    from rich.console import Console

SCRIPT = Path(__file__).with_suffix(".json")
PERSONAS = Path(__file__).with_name("personas")
DAY = "2026-02-13"
REFLECT_AT = 60
"""A few hours of a small town do not come to the 150 of the paper."""


@dataclass(frozen=True)
class Scene:
    who: str
    """A folder of `demos/personas`."""
    at: str
    seen: tuple[tuple[str, str], ...]
    """Time and text."""
    speaker: str
    says: str
    expects: tuple[str, ...]
    """Words of which one stands in a right answer."""
    plans: bool = False


SCENES = (
    Scene(
        "iris",
        "08:05",
        (
            ("06:00", "The oven took an hour to heat; the wood is damp."),
            ("06:20", "Old Ansel did not come for his morning roll, for the first time in years."),
            ("06:50", "Twelve loaves of rye were sold before seven."),
            ("07:10", "The miller says that flour will cost a penny more from Monday."),
            ("07:30", "Chen Mo brought a letter with the seal of the island of Sund."),
            ("07:45", "A boy stole a bun and gave it to his sister."),
        ),
        "Tom",
        "Good morning, Iris! Has anything been unlike other mornings?",
        ("Ansel",),
        plans=True,
    ),
    Scene(
        "iris",
        "12:10",
        (
            ("09:00", "The doctor's cart stood before Ansel's house."),
            ("10:20", "Chen Mo says that Ansel lies in bed with a fever."),
            ("11:00", "Mrs Vane ordered forty buns for Saturday."),
            ("11:30", "The last ferry to Sund goes on Sunday; then the harbour is closed for the winter."),
        ),
        "Tom",
        "Will you take the last ferry to Sund?",
        ("Ansel",),
    ),
    Scene("iris", "12:30", (), "Tom", "Could you put your prices on a website?", ("I know ovens",)),
    Scene(
        "chen",
        "16:00",
        (
            ("07:30", "把一封盖着松德岛印章的信送到了面包店。"),
            ("09:05", "看见医生的马车停在安塞尔家门口。"),
            ("10:20", "告诉面包师，安塞尔发烧躺在床上。"),
            ("15:50", "四点前送完了最后一封信。"),
        ),
        "汤姆",
        "安塞尔怎么了？",
        ("发烧",),
    ),
    Scene("chen", "16:10", (), "汤姆", "面包师的信里写了什么？", ("不知道",)),
)


def main(base_url: str, api_key: str | None, backend: str | None, console: Console, *, keep: bool = False) -> int:
    """Run the demo against the service at `base_url`; 0 if each said what rests on the memories meant."""
    if backend is None and urlsplit(base_url).hostname in LOOPBACK:
        backend = f"scripted:{SCRIPT}"
        show.line(console, "The model's part is played by a script; --backend lets a model play it.", "yellow")
    try:
        with connected(base_url, api_key) as client:
            threads = {who: str(call(client, "POST", "/threads", json={})["thread_id"]) for who in ("iris", "chen")}
            try:
                return tell(client, threads, backend, console)
            finally:
                if not keep:
                    forget(client, threads)
    except DemoFailed as error:
        show.line(console, f"The demo failed: {error}", "bold red")
        return 1


def tell(client: httpx.Client, threads: dict[str, str], backend: str | None, console: Console) -> int:
    right = 0
    for scene in SCENES:
        card = json.loads((PERSONAS / scene.who / "persona.json").read_text("utf-8"))
        show.section(console, f"{scene.at}  {card['name']}")
        answer, events = ask(client, threads[scene.who], scene, card, backend)
        happened(events, scene, console)
        good = any(word in answer for word in scene.expects)
        right += good
        show.line(console, f"{scene.speaker}: {scene.says}")
        show.line(console, f"{card['name']}: {answer}", "green" if good else "bold red")
    show.section(console, "Result")
    kept = [one for thread in threads.values() for one in memories(client, thread)]
    kinds = {kind: sum(one["value"]["kind"] == kind for one in kept) for kind in ("observation", "reflection", "plan")}
    show.line(console, "Remembered: " + ", ".join(f"{number} of kind {kind}" for kind, number in kinds.items()))
    good = right == len(SCENES) and kinds["reflection"] > 0
    told = f"{right} of {len(SCENES)} answers rest on what was lived through, or keep to the limits."
    show.line(console, told, "green" if good else "bold red")
    return 0 if good else 1


def ask(
    client: httpx.Client, thread: str, scene: Scene, card: dict[str, Any], backend: str | None
) -> tuple[str, list[dict[str, Any]]]:
    """The answer, and the events of its run."""
    options = {
        "now": f"{DAY}T{scene.at}:00",
        "speaker": scene.speaker,
        "observations": [{"text": text, "at": f"{DAY}T{time}:00"} for time, text in scene.seen],
        "reflect_at": REFLECT_AT,
        "questions": 1,
        "max_memory_chars": 500,
        "plan": scene.plans,
    }
    sandtable = {"persona": card, "thread_id": thread, "options": options}
    if backend is not None:
        sandtable["backend"] = backend
    messages = [{"role": "user", "content": scene.says}]
    body = {"model": "generative", "messages": messages, "sandtable": sandtable}
    reply = call(client, "POST", "/v1/chat/completions", json=body)
    run = reply["sandtable"]["run_id"]
    events: list[dict[str, Any]] = call(client, "GET", f"/v1/runs/{run}/events", params={"limit": 10_000})["data"]
    return reply["choices"][0]["message"]["content"], events


def happened(events: list[dict[str, Any]], scene: Scene, console: Console) -> None:
    """What was perceived and how much it weighs, what was planned, concluded, recalled and refused."""
    texts: dict[int, str] = {}
    for event in events:
        match event["type"]:
            case "tool_called":
                told(event, scene, texts, console)
            case "plan":
                show.line(console, f"  Plans: {show.shortened('; '.join(event['steps']), 150)}")
            case "reflection":
                show.line(console, f"  Concludes: {event['text']}", "cyan")
                for id in event["because_of"]:
                    show.line(console, f"    because of {id}: {texts[id]}", "dim")
            case "warning":
                show.line(console, f"  Note: {event['message']}", "yellow")
            case "validated" if not event["ok"]:
                show.line(console, f"  Refused before any model was asked: {event['message']}", "yellow")


def told(event: dict[str, Any], scene: Scene, texts: dict[int, str], console: Console) -> None:
    """One use of the stream."""
    asked, said = json.loads(event["call"]["arguments"]), json.loads(event["output"])
    if asked["do"] == "remember" and event["node"] == "perceive":
        rows = [
            (str(id), draft["made"][11:16], f"{draft['importance']:g}", draft["text"])
            for id, draft in zip(said, asked["drafts"], strict=True)
        ]
        show.table(console, ("id", "time", "importance", "perceives"), rows, right=("id", "importance"))
    if asked["do"] == "recall":
        texts |= {one["id"]: one["text"] for one in said}
    if asked["do"] == "recall" and event["node"] == "answer":
        show.line(console, f"  Recalls for {asked['query']!r}:", "dim")
        parts = [
            (f"{one['score']:.3f}", *(f"{one[part]:.2f}" for part in PARTS), f"{one['id']}: {one['text']}")
            for one in said[:4]
        ]
        show.table(console, ("score", *PARTS, "memory"), parts, right=("score", *PARTS))


PARTS = ("recency", "importance", "relevance")


def memories(client: httpx.Client, thread: str) -> list[dict[str, Any]]:
    body = {"namespace_prefix": ["persona_memories", thread], "limit": 1_000}
    found: list[dict[str, Any]] = call(client, "POST", "/store/items/search", json=body)["items"]
    return found


def forget(client: httpx.Client, threads: dict[str, str]) -> None:
    """Erase what the two remember, and their threads."""
    for thread in threads.values():
        for one in memories(client, thread):
            gone = {"namespace": one["namespace"], "key": one["key"]}
            client.request("DELETE", "/store/items", json=gone)
        client.request("DELETE", f"/threads/{thread}")
