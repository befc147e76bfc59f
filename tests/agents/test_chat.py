"""The one pipeline that grants wishes: the client's tools, a schema, log-probabilities."""

from agents import catalog
from agents.run import Deps, RunInput, Sampling
from agents.wishes import Wishes
from backends.base import Capabilities, Delta, Message, TokenLogprob, ToolCall, ToolSpec
from tests.agents.fakes import Replies, answer_tokens, run, said, warnings

ABLE = Capabilities(tools=True, json_schema=True, logprobs=True)
ADD = ToolSpec(name="add", description="Adds.", parameters={"type": "object"})
CALLS = (ToolCall(id="a", name="add", arguments='{"x": 1}'), ToolCall(id="b", name="add", arguments='{"x": 2}'))


def calling(*calls):
    return [*(Delta(tool_call=call) for call in calls), Delta(finish="tool_calls")]


async def asked(*replies, wishes=None, **named):
    backend = Replies(*replies, capabilities=ABLE)
    given = RunInput(question="1 + 2?", wishes=wishes or Wishes(), **named)
    return backend, await run(catalog.get("chat"), Deps(backend=backend), given)


async def test_the_clients_tools_reach_the_backend_and_its_calls_come_back():
    backend, told = await asked(calling(*CALLS), wishes=Wishes(tools=(ADD,), tool_choice="required"))
    (request,) = backend.requests
    assert (request.tools, request.tool_choice) == ((ADD,), "required")
    assert (told[-1].finish_reason, told[-1].tool_calls, told[-1].answer) == ("tool_calls", CALLS, "")


async def test_turns_after_the_question_stay_after_it():
    after = (
        Message(role="assistant", tool_calls=CALLS[:1]),
        Message(role="tool", content="3", tool_call_id="a"),
    )
    backend, told = await asked(said("Three."), after=after, wishes=Wishes(tools=(ADD,)))
    assert backend.requests[0].messages == (Message(role="user", content="1 + 2?"), *after)
    assert told[-1].answer == "Three."


async def test_one_call_at_a_time_if_the_client_wants_it_so():
    _, told = await asked(calling(*CALLS), wishes=Wishes(tools=(ADD,), parallel_tool_calls=False))
    assert told[-1].tool_calls == CALLS[:1]
    assert warnings(told) == ["one_tool_call"]


async def test_log_probabilities_come_with_the_pieces():
    odds = [TokenLogprob(token=token, logprob=-0.5, top=((token, -0.5),)) for token in ("Th", "ree")]
    # The second has no text of its own yet: half of a character, say.
    reply = [Delta(text="Th", logprobs=(odds[0],)), Delta(logprobs=(odds[1],)), Delta(text="ree"), Delta(finish="stop")]
    backend, told = await asked(reply, wishes=Wishes(logprobs=1))
    assert backend.requests[0].logprobs == 1
    assert [one for event in told if event.type == "token" for one in event.logprobs] == odds
    assert answer_tokens(told) == told[-1].answer == "Three"


async def test_nothing_is_asked_that_was_not_wished():
    backend, _ = await asked(said("3"))
    sampling = Sampling(reasoning_effort="low", logit_bias={"7": -100}, presence_penalty=0.5, frequency_penalty=-0.5)
    assert backend.requests[0].tools == ()
    assert backend.requests[0].logprobs is None
    other = Replies(said("3"))
    await run(catalog.get("chat"), Deps(backend=other, sampling=sampling), "1 + 2?")
    (request,) = other.requests
    assert sampling == Sampling(**{name: getattr(request, name) for name in Sampling.model_fields})
