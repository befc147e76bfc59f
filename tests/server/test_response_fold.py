"""A response as a function of its run's events: the laws of the stream, held to the types of the openai package."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from agents import events
from agents.citation import Citation
from agents.failures import LLMFailed
from backends.base import TokenLogprob, ToolCall, Usage
from retrieval.base import Hit
from server.openai.responses.finals import ALL
from server.openai.responses.fold import LAST, Fold
from server.openai.responses.schema import CreateResponse
from server.openai.responses.shell import shell_of

STREAM_EVENT = TypeAdapter(ResponseStreamEvent)
RESPONSE = TypeAdapter(Response)
ABOUT = {"run_id": "r", "thread_id": "t", "backend": "b", "generation": None}
HIT = Hit(chunk_id=1, file_id="file-1", filename="a.md", text="Text.", start=0, end=5, score=0.5, attributes={"y": 1.0})
NOTE = Citation(index=0, file_id="file-1", filename="a.md", quote="Text.", start=0, end=5, chunk_id=1)
CALL = ToolCall(id="call_1", name="add", arguments='{"a": 1}')
END = {"usage": Usage(prompt_tokens=3, completion_tokens=4), "seconds": 1.5}


def event(kind, **fields):
    return kind(seq=0, at=datetime(2026, 11, 25, tzinfo=UTC), run_id="r", **fields)


def token(text, task_id="a", channel="answer", **fields):
    return event(events.Token, text=text, channel=channel, task_id=task_id, **fields)


def started():
    return event(events.RunStarted, pipeline="chat", backend="b", question="?")


def finished(answer, **fields):
    return event(events.RunFinished, answer=answer, **{"citations": (), "finish_reason": "stop", **END, **fields})


def resumed(*void):
    return event(events.RunResumed, attempt=2, void=void)


def folded(told, include=(), **fields):
    """(stream events, the response at the end)."""
    body = CreateResponse.model_validate({"model": "chat", "input": "?", **fields})
    fold = Fold(shell_of(body, "resp_" + "0" * 32, 1.0, None), ABOUT, frozenset(include))
    made = fold.open()
    for one in told:
        made += fold.feed(one)
    return made, fold.snapshot()


def kinds(made):
    return [one["type"].removeprefix("response.") for one in made]


def text_of(response):
    return "".join(part["text"] for item in response["output"] if item["type"] == "message" for part in item["content"])


def test_what_an_unfinished_step_said_is_taken_back():
    told = [started(), token("Well, "), token("bro", "b"), resumed("b"), token("it is ", "b"), token("so.", "b")]
    made, response = folded([*told, finished("Well, it is so.")])
    assert text_of(response) == "Well, it is so."
    done = [one["item"] for one in made if one["type"] == "response.output_item.done"]
    assert [(item["status"], item["content"][0]["text"]) for item in done] == [
        ("incomplete", "Well, bro"),
        ("completed", "Well, it is so."),
    ]
    assert [item["id"] for item in response["output"]] == [done[1]["id"]]


def test_a_restart_between_steps_takes_nothing_back():
    made, response = folded([started(), token("One. ", "a"), resumed("b"), token("Two.", "b"), finished("One. Two.")])
    assert text_of(response) == "One. Two."
    assert kinds(made).count("output_item.added") == 1


def test_searches_thoughts_and_notes_are_items_of_their_own():
    told = [
        started(),
        token("Hm.", channel="reasoning"),
        event(events.Retrieved, query="q", generation=None, hits=(HIT,), seconds=0.1),
        event(events.Warned, code="c", message="Careful."),
        token("Text. [1]"),
        finished("Text. [1]", citations=(NOTE,)),
    ]
    _, response = folded(told, ALL, reasoning={"summary": "auto"})
    assert [item["type"] for item in response["output"]] == ["reasoning", "file_search_call", "reasoning", "message"]
    assert response["output"][1]["results"][0]["filename"] == "a.md"
    assert response["output"][2]["summary"] == [{"type": "summary_text", "text": "Note: Careful."}]
    assert response["output"][3]["content"][0]["annotations"][0]["quote"] == "Text."
    _, bare = folded(told)
    assert [item["type"] for item in bare["output"]] == ["reasoning", "file_search_call", "message"]
    assert bare["output"][1]["results"] is None


def test_a_draft_that_was_never_sent_out_is_said_at_the_end():
    limited = event(events.RunLimited, answer="A draft.", limit="tool_calls", message="enough", **END)
    made, response = folded([started(), limited])
    assert text_of(response) == "A draft."
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert response["sandtable"]["limit"] == "tool_calls"
    assert (response["output"][0]["status"], made[-1]["type"]) == ("incomplete", "response.incomplete")


def test_log_probabilities_only_if_they_are_wanted():
    odds = TokenLogprob(token="Yes", logprob=-0.5, top=(("Yes", -0.5),))
    told = [started(), token("Yes", logprobs=(odds,)), finished("Yes")]
    _, wanted = folded(told, ALL)
    assert wanted["output"][0]["content"][0]["logprobs"][0]["bytes"] == list(b"Yes")
    _, bare = folded(told)
    assert bare["output"][0]["content"][0]["logprobs"] == []


def test_a_run_that_waits_for_a_person():
    asked = events.Question(id="q", value={"subject": "delete", "details": {"path": "a.txt"}})
    made, response = folded([started(), event(events.RunInterrupted, answer="", questions=(asked,), **END)])
    (item,) = response["output"]
    assert (item["type"], item["name"], item["question_id"]) == ("mcp_approval_request", "delete", "q")
    assert json.loads(item["arguments"]) == {"path": "a.txt"}
    assert kinds(made)[-3:] == ["output_item.added", "output_item.done", "completed"]


TASKS = st.sampled_from("abc")
TEXTS = st.text(max_size=4)
HAPPENED = st.one_of(
    st.builds(token, TEXTS, TASKS),
    st.builds(token, TEXTS, TASKS, st.just("reasoning")),
    st.builds(lambda void: resumed(*void), st.sets(TASKS)),
    st.just(event(events.Retrieved, query="q", generation=None, hits=(HIT,), seconds=0.1)),
    st.just(event(events.Warned, code="c", message="m")),
    st.just(event(events.StepFinished, changed=("answer",))),
    st.just(event(events.Artifact, file_id="file-2", filename="a.png", media_type="image/png", bytes=9)),
)
ENDS = st.sampled_from(
    [
        lambda said: finished(said),
        lambda said: finished(said, citations=(NOTE, NOTE)),
        lambda said: finished(said, tool_calls=(CALL, CALL), finish_reason="tool_calls"),
        lambda said: finished(said, finish_reason="length"),
        lambda said: event(events.RunLimited, answer=said, limit="seconds", message="m", **END),
        lambda said: event(events.RunCancelled, answer=said, usage=None, seconds=0.1),
        lambda said: event(events.RunFailed, answer=said, error_type="TimedOut", message="m", **END),
        lambda said: event(events.RunInterrupted, answer=said, questions=(), **END),
    ]
)


def stands(happened):
    """The answer as the run itself keeps it: without what became void."""
    said = []
    for one in happened:
        if one.type == "run_resumed":
            said = [(task, text) for task, text in said if task not in one.void]
        elif one.type == "token" and one.channel == "answer":
            said.append((one.task_id, one.text))
    return "".join(text for _, text in said)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.lists(HAPPENED, max_size=12), ENDS, st.booleans(), st.booleans())
def test_the_laws_of_a_stream(happened, end, background, notes):
    fields = {"background": background, **({"reasoning": {"summary": "auto"}} if notes else {})}
    told = [started(), *happened, end(stands(happened))]
    made, response = folded(told, ALL, **fields)
    # The same events, the same stream.
    assert folded(told, ALL, **fields) == (made, response)
    for one in made:
        STREAM_EVENT.validate_python(one)
    RESPONSE.validate_python(response)
    assert [one["sequence_number"] for one in made] == list(range(len(made)))
    assert [one["type"] for one in made if one["type"] in LAST] == [made[-1]["type"]]
    assert made[-1]["response"] == response
    assert text_of(response) == stands(happened)
    items = {}
    for one in made:
        match one["type"].removeprefix("response."):
            case "output_item.added":
                assert one["output_index"] == len(items)
                items[one["item"]["id"]] = {"text": "", "done": None, "index": one["output_index"]}
            case "output_text.delta" | "reasoning_text.delta":
                items[one["item_id"]]["text"] += one["delta"]
            case "output_item.done":
                assert items[one["item"]["id"]]["done"] is None
                items[one["item"]["id"]]["done"] = one["item"]
            case _ if "item_id" in one:
                assert items[one["item_id"]]["done"] is None
    assert all(item["done"] is not None for item in items.values())
    for item in items.values():
        if item["done"]["type"] in ("message", "reasoning"):
            assert "".join(part["text"] for part in item["done"]["content"]) == item["text"]
    assert [item for item in response["output"] if items[item["id"]]["done"] != item] == []


def test_what_is_no_part_of_a_response_is_passed_over():
    failed = event(LLMFailed, **{"request": {"messages": ()}, "seconds": 0.1, "backend": "b", **FAULT})
    made, _ = folded([started(), failed, finished("Yes")])
    assert kinds(made)[:3] == ["created", "in_progress", "output_item.added"]


FAULT = {"error_type": "TimedOut", "message": "m"}
