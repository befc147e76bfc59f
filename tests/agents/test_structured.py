"""Answers as checked JSON: how they are asked for, read, and mended once."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.graph import StateGraph
from langgraph.runtime import Runtime
from pydantic import BaseModel, ConfigDict, Field

from agents.pipeline import Options, Pipeline, State
from agents.run import Deps, Run
from agents.structured import ask_json
from backends.base import Capabilities, Delta, Message
from backends.errors import CapabilityMissing
from backends.json_text import NotJSON, json_in
from tests.agents.fakes import Replies, run, said


class Verdict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    score: int = Field(ge=0, le=10)
    reason: str = ""


SCHEMA = {"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]}
GOOD = '{"score": 7, "reason": "因为"}'
ABLE = Capabilities(json_schema=True)


def judging(fits, **fixed):
    """A pipeline of one node that asks for a verdict and says it."""

    async def judge(state: State, runtime: Runtime[Run]) -> State:
        value = await ask_json(runtime.context, Message(role="user", content=state["question"]), fits=fits, **fixed)
        told = value.model_dump_json() if isinstance(value, BaseModel) else json.dumps(value, ensure_ascii=False)
        return {"answer": told}

    graph = StateGraph(State, context_schema=Run)
    graph.add_node("judge", judge)
    graph.add_edge("__start__", "judge")
    return Pipeline(name="judge", summary="", source="-", options=Options, graph=graph)


async def judged(*replies, fits=Verdict, capabilities=ABLE, **fixed):
    """The last event, the backend, and the warnings."""
    backend = Replies(
        *(said(reply) if isinstance(reply, str) else reply for reply in replies), capabilities=capabilities
    )
    told = await run(judging(fits, **fixed), Deps(backend=backend))
    return told[-1], backend, [event.message for event in told if event.type == "warning"]


@pytest.mark.parametrize("fits", [Verdict, SCHEMA])
async def test_a_good_answer_is_asked_for_once(fits):
    end, backend, warnings = await judged(GOOD, fits=fits, temperature=0.0)
    assert json.loads(end.answer) == {"score": 7, "reason": "因为"}
    assert warnings == []
    [request] = backend.requests
    assert request.json_schema == (SCHEMA if fits is SCHEMA else Verdict.model_json_schema())
    assert (request.temperature, len(request.messages)) == (0.0, 1)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("Seven.", "no JSON"),
        ("", "empty"),
        ('{"score": 7', "line 1, column"),
        ('{"score": 99}', "score: Input should be less than or equal to 10"),
        ('{"score": 7, "colour": 1}', "colour: Extra"),
        ('{"score": NaN}', "NaN is not JSON"),
        ("[]", "the value: Input should be an object"),
    ],
)
async def test_a_bad_answer_is_asked_for_once_more_with_what_is_wrong(bad, words):
    end, backend, warnings = await judged(bad, GOOD)
    assert (end.type, json.loads(end.answer)["score"]) == ("run_finished", 7)
    first, second = backend.requests
    assert second.messages[: len(first.messages)] == first.messages
    assert second.messages[-2] == Message(role="assistant", content=bad)
    assert words in second.messages[-1].content
    assert words in warnings[0]


async def test_a_schema_is_checked_too():
    end, backend, _ = await judged('{"score": "x"}', '{"score": 1}', fits=SCHEMA)
    assert end.answer == '{"score": 1}'
    assert "score: 'x' is not of type 'integer'" in backend.requests[1].messages[-1].content


async def test_twice_bad_is_an_error_by_name():
    end, backend, _ = await judged("no", "still no")
    assert (end.type, end.error_type) == ("run_failed", "BadStructuredOutput")
    assert "fake:replies" in end.message
    assert "asked twice" in end.message
    assert len(backend.requests) == 2


async def test_an_answer_cut_off_says_so():
    cut = [Delta(text='{"score": '), Delta(finish="length")]
    end, *_ = await judged(cut)
    assert "cut off at the limit of its length" in end.message


@pytest.mark.parametrize(
    "reply", [f"```json\n{GOOD}\n```", f"Here it is:\n```\n{GOOD}\n```\nAnything else?", f"Sure! {GOOD} Fine?", GOOD]
)
async def test_a_backend_without_schemas_is_told_in_words(reply):
    end, backend, warnings = await judged(reply, capabilities=Capabilities())
    assert json.loads(end.answer)["score"] == 7
    assert warnings == []
    [request] = backend.requests
    assert request.json_schema is None
    assert request.messages[0].role == "system"
    assert '"maximum": 10' in request.messages[0].content


async def test_the_words_stay_when_it_is_asked_again():
    _, backend, _ = await judged("no", GOOD, capabilities=Capabilities())
    first, second = backend.requests
    assert second.messages[0] == first.messages[0]
    assert [message.role for message in second.messages] == ["system", "user", "assistant", "user"]


async def test_a_capability_that_turns_out_missing_is_done_without():
    missing = [CapabilityMissing("no schemas here", code="json_schema")]
    end, backend, _ = await judged(missing, GOOD)
    assert json.loads(end.answer)["score"] == 7
    assert [request.json_schema is None for request in backend.requests] == [False, True]


async def test_another_capability_that_is_missing_is_an_error():
    end, *_ = await judged([CapabilityMissing("no logprobs", code="logprobs")])
    assert end.error_type == "CapabilityMissing"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.slow
@given(
    VALUES.filter(lambda value: isinstance(value, dict | list)), st.sampled_from(["{}", "Yes: {}.", "```json\n{}\n```"])
)
def test_any_value_is_found_again(value, around):
    assert json_in(around.replace("{}", json.dumps(value, ensure_ascii=False))) == value


@pytest.mark.parametrize("text", ["", "no", "{", "```json\n{\n```", "[" * 100_000, '{"a": Infinity}'])
def test_what_is_no_json(text):
    with pytest.raises(NotJSON):
        json_in(text)
