"""The requests of agent-chat-ui (useStream of the JavaScript SDK), one after the other."""

import json
from uuid import uuid4

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Ui:
    def __init__(self, service):
        self.service = service
        self.thread = None
        self.head = None

    async def post(self, path, **body):
        reply = await self.service.post(path, json=body, headers={"x-api-key": ""})
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def open(self, graph):
        assert (await self.service.get("/info", headers={"x-api-key": ""})).status_code == 200
        self.graph = graph
        self.thread = (await self.post("/threads", metadata={}))["thread_id"]

    async def submit(self, **body):
        """The values as the page shows them at the end, and the message that was streamed."""
        about = {
            "assistant_id": self.graph,
            "config": {"configurable": {}},
            "stream_mode": ["values", "messages-tuple", "updates", "custom"],
            "stream_subgraphs": True,
            "stream_resumable": True,
            "on_disconnect": "continue",
        }
        if "checkpoint" not in body and self.head is not None:
            body["checkpoint"] = self.head
        reply = await self.service.post(f"/threads/{self.thread}/runs/stream", json={**about, **body})
        assert reply.status_code == 200, reply.text
        assert reply.headers["content-location"].startswith(f"/threads/{self.thread}/runs/")
        values, pieces = None, {}
        for frame in reply.text.split("\n\n"):
            fields = dict(line.split(": ", 1) for line in frame.splitlines() if ": " in line)
            if fields.get("event") == "values":
                values = json.loads(fields["data"])
            elif fields.get("event") == "messages":
                piece, _ = json.loads(fields["data"])
                pieces[piece["id"]] = pieces.get(piece["id"], "") + piece["content"]
        self.history = await self.post(f"/threads/{self.thread}/history", limit=1000)
        self.head = self.place(self.history[0]["checkpoint"])
        return values, pieces

    def first_seen(self, message):
        """The oldest state that has the message: what the page forks from."""
        return next(s for s in reversed(self.history) if message["id"] in [m["id"] for m in s["values"]["messages"]])

    @staticmethod
    def place(checkpoint):
        return {key: value for key, value in checkpoint.items() if key != "thread_id"}


def human(text):
    return {"id": str(uuid4()), "type": "human", "content": [{"type": "text", "text": text}]}


def shown(values):
    return [message["content"] for message in values["messages"]]


async def test_a_conversation_with_an_edit_and_another_try(service):
    ui = Ui(service)
    await ui.open("chat")
    asked = human("Hello there")
    values, pieces = await ui.submit(input={"messages": [asked]})
    assert shown(values) == ["Hello there", "Hello there"]
    assert values["messages"][0]["id"] == asked["id"]
    assert pieces == {values["messages"][1]["id"]: "Hello there"}
    values, pieces = await ui.submit(input={"messages": [human("And now")]})
    assert shown(values) == ["Hello there", "Hello there", "And now", "And now"]
    assert len({message["id"] for message in values["messages"]}) == 4

    place = ui.place(ui.first_seen(values["messages"][2])["parent_checkpoint"])
    edited, _ = await ui.submit(input={"messages": [human("Instead")]}, checkpoint=place)
    assert shown(edited) == ["Hello there", "Hello there", "Instead", "Instead"]
    assert edited["messages"][:2] == values["messages"][:2]

    answer = edited["messages"][3]
    place = ui.place(ui.first_seen(answer)["parent_checkpoint"])
    again, pieces = await ui.submit(checkpoint=place)
    assert shown(again) == shown(edited)
    assert again["messages"][3]["id"] != answer["id"]
    assert set(pieces) == {again["messages"][3]["id"]}
    assert ui.first_seen(answer)["parent_checkpoint"]["checkpoint_id"] == place["checkpoint_id"]

    listed = await ui.post("/threads/search", metadata={"graph_id": "chat"}, limit=100, offset=0)
    (mine,) = [thread for thread in listed if thread["thread_id"] == ui.thread]
    assert mine["values"]["messages"][0]["content"] == "Hello there"


@pytest.mark.slow
async def test_a_question_to_the_person(service):
    ui = Ui(service)
    await ui.open("asks")
    values, _ = await ui.submit(input={"messages": [human("rm")]})
    (asked,) = values["__interrupt__"]
    assert ui.history[0]["tasks"][0]["interrupts"] == [asked]
    values, _ = await ui.submit(command={"resume": {"approved": True}})
    assert shown(values) == ["rm", "Done: deleted."]
    values, _ = await ui.submit(input={"messages": [human("again")]})
    assert shown(values)[:3] == ["rm", "Done: deleted.", "again"]
    assert len(values["__interrupt__"]) == 1
