"""Servers of OpenAI's form that score given texts: tried out, and believed only if they agree with themselves."""

from functools import partial
from itertools import pairwise

import pytest

from backends.base import Message, Request, complete
from backends.errors import BadReply, CapabilityMissing, RequestRefused
from backends.lifetime import close
from backends.load import found, load
from backends.presets import known_profiles
from backends.profiles import Profile
from backends.scoring import Scored, total
from tests.fake_scoring import chat_text, odds, scores
from tests.fake_upstream import Canned, stream_of

TURNS = (Message(role="system", content="Be brief."), Message(role="user", content="多高？"))


@pytest.fixture
async def connect(upstream):
    made = []

    def make(answer, **flags):
        upstream.answers["m"] = answer
        profile = {"name": "fake", "base_url": upstream.url, "retries": 0, "flags": flags}
        made.append(load("fake:m", {"fake": Profile.model_validate(profile)}))
        return made[-1]

    yield make
    for backend in made:
        await close(backend)


def expected(text, continuation):
    return [odds(a, b) for a, b in pairwise(text[-1] + continuation)]


ANSWERS = ("330 米", "没有", "")


@pytest.mark.parametrize("form", ["prompt_logprobs", "echo"])
async def test_a_plain_text_is_scored_by_what_follows_the_prompt(connect, form):
    backend = connect(partial(scores, forms=(form,)))
    found = await Scored(backend).score_all("The tower is", ANSWERS)
    assert backend.capabilities.scoring
    for continuation, tokens in zip(ANSWERS, found, strict=True):
        assert "".join(token.token for token in tokens) == continuation
        assert [t.logprob for t in tokens] == pytest.approx(expected("The tower is", continuation))


async def test_a_chat_is_scored_with_the_servers_own_template(connect):
    reply = await complete(connect(scores).stream(Request(messages=TURNS, continuations=ANSWERS)))
    prompt = chat_text({"messages": [{"role": m.role, "content": m.content} for m in TURNS]})
    assert [total(tokens) for tokens in reply.scores] == pytest.approx([sum(expected(prompt, a)) for a in ANSWERS])
    assert reply.usage.prompt_tokens > 0


async def test_with_echo_a_chat_is_scored_as_text_and_it_says_so(connect):
    backend = connect(partial(scores, forms=("echo",)))
    deltas = [delta async for delta in backend.stream(Request(messages=TURNS, continuations=("x",)))]
    assert any("without its chat template" in delta.warning for delta in deltas)
    prompt = "Be brief.\n\nUser: 多高？\n\nAssistant:"
    assert total(deltas[-1].scores[0]) == pytest.approx(odds(prompt[-1], "x"))


async def test_a_server_whose_echo_is_off_by_one_is_found_out(connect, upstream):
    backend = connect(partial(scores, forms=("echo",), shift=1))
    with pytest.raises(CapabilityMissing, match=r"echo: it gives 'abcd' the log-probabilities .* other tokens.*\(3\)"):
        await Scored(backend).score("The tower is", " tall")
    assert not backend.capabilities.scoring
    asked = len(upstream.requests)
    with pytest.raises(CapabilityMissing):
        await Scored(backend).score("The tower is", " tall")
    assert len(upstream.requests) == asked <= 4


@pytest.mark.parametrize(
    "answer",
    [
        partial(scores, forms=()),
        lambda body: Canned(stream_of("Hello.")),
        lambda body: Canned((b'{"error": {"message": "unknown field echo"}}',), 400),
        lambda body: Canned((b'{"choices": []}',), headers={"content-type": "application/json"}),
        lambda body: Canned((b'{"error": {"message": "broken"}}',), 500),
    ],
    ids=["passed over", "chat only", "refused", "empty", "breaks"],
)
async def test_a_server_that_scores_nothing_is_found_out(connect, answer):
    with pytest.raises(CapabilityMissing, match=r"'scoring'.*a trial showed: prompt_logprobs: .*, and echo: .*\(1\)"):
        await Scored(connect(answer)).score("The tower is", " tall")


async def test_what_the_flags_say_is_not_tried(connect, upstream):
    await Scored(connect(scores, scoring="echo")).score("The tower is", " tall")
    assert [request.path for request in upstream.requests] == ["/v1/completions"] * 2
    with pytest.raises(CapabilityMissing):
        await Scored(connect(scores, scoring="none")).score("The tower is", " tall")
    assert len(upstream.requests) == 2


async def test_token_ids_and_a_seam_inside_a_token_are_refused(connect):
    backend = connect(scores, scoring="echo")
    with pytest.raises(RequestRefused, match="token ids"):
        await complete(backend.stream(Request(messages=TURNS, continuations=((1, 2),))))

    def merging(body):
        whole = {**body, "prompt": body["prompt"].replace("is ta", "is…")}
        return scores(whole)

    with pytest.raises(BadReply, match="over the end of the prompt"):
        await Scored(connect(merging, scoring="echo")).score("The tower is", " tall")


async def test_the_trial_is_told_for_doctor(upstream):
    upstream.answers["m"] = scores
    finding = await found("scoring", Profile(name="fake", base_url=upstream.url), "m")
    assert (finding.works, finding.scoring_form) == (True, "prompt_logprobs")
    assert not known_profiles({"OPENAI_API_KEY": "sk-x"})["openai"].capabilities().scoring
