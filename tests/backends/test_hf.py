"""A model of transformers in this process, held to what transformers itself computes."""

import asyncio
import json
import math
import shutil
from pathlib import Path

import pytest

from backends.base import Context, Message, Request, complete
from backends.causal.backend import Causal
from backends.causal.hf import HfModel
from backends.causal.hf_load import check_memory, device_of, free_bytes
from backends.errors import BadSpec, ContextLengthExceeded, RequestRefused
from backends.load import load
from backends.profiles import Profile
from backends.scoring import Scored, total
from tests.tiny_model import save_tiny, tokenizer

PROMPT = "The tower is 330 metres"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def backend(folder):
    return load(f"hf:{folder}", {})


@pytest.fixture(scope="module")
def reference(folder):
    """log p(token | ids before it) for each of `ids` after the prompt's, by one plain forward pass."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder)

    def scores(prompt, ids):
        with torch.no_grad():
            logits = model(torch.tensor([[*prompt, *ids]])).logits[0].double().log_softmax(-1)
        return [float(logits[len(prompt) + place - 1, token]) for place, token in enumerate(ids)]

    return scores


def asked(text=PROMPT, **fields):
    return Request(messages=(Message(role="user", content=text),), **fields)


async def said(backend, *args, **fields):
    return await complete(backend.stream(asked(*args, **fields)))


def _cut_short(folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])


def _reconfigured(**fields):
    def change(folder):
        config = folder / "config.json"
        config.write_text(json.dumps({**json.loads(config.read_text()), **fields}))

    return change


def _without_tokenizer(folder):
    for file in folder.glob("tokenizer*"):
        file.unlink()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_cut_short, r"is damaged: '.*model\.safetensors' cannot be read"),
        (_reconfigured(intermediate_size=96), r"'.*config\.json' asks for model.* of \(32, 96\), and the weights have"),
        (_reconfigured(num_hidden_layers=3), r"'.*config\.json' asks for model\.layers\.2.*, which the weights lack"),
        (_without_tokenizer, "its tokenizer is damaged, or its files are missing"),
    ],
)
async def test_a_damaged_folder_is_refused_by_what_is_wrong_with_it(folder, tmp_path, damage, said):
    broken = Path(shutil.copytree(folder, tmp_path / "broken"))
    damage(broken)
    with pytest.raises(BadSpec, match=said):
        await complete(load(f"hf:{broken}", {}).stream(Request(messages=(Message(role="user", content="x"),))))


async def test_scores_are_those_of_one_forward_pass(backend, reference):
    cut = tokenizer()
    for text in (" tall", "巴黎是法国的首都。", " and so on, and so on"):
        scores = await Scored(backend).score(PROMPT, text)
        assert "".join(token.token for token in scores) == text
        expected = reference(cut.encode(PROMPT), cut.encode(text))
        assert [token.logprob for token in scores] == pytest.approx(expected, rel=1e-5, abs=1e-5)


async def test_a_batch_scores_as_each_alone(backend):
    texts = ["x", " tall", "", "北京是中国的首都", "a" * 200] * 15  # more than one batch
    together = await Scored(backend).score_all(PROMPT, texts)
    alone = {text: await Scored(backend).score(PROMPT, text) for text in set(texts)}
    assert list(map(total, together)) == pytest.approx([total(alone[text]) for text in texts], rel=1e-5, abs=1e-5)


async def test_what_it_writes_has_the_probability_that_it_is_scored_with(backend, reference):
    reply = await said(backend, plain=True, seed=3, max_tokens=20, logprobs=3)
    assert "".join(token.token for token in reply.logprobs) == reply.message.content
    assert all(len(token.top) == 3 for token in reply.logprobs)
    found = await said(backend, plain=True, beams=4, max_tokens=6)
    assert len(found.hypotheses) == 4
    assert found.message.content == found.hypotheses[0].text
    rescored = await said(backend, plain=True, continuations=tuple(h.ids for h in found.hypotheses))
    assert [h.logprob for h in found.hypotheses] == pytest.approx(
        [total(s) for s in rescored.scores], rel=1e-5, abs=1e-5
    )
    for hypothesis in found.hypotheses:
        expected = reference(tokenizer().encode(PROMPT), hypothesis.ids)
        assert hypothesis.logprob == pytest.approx(sum(expected), rel=1e-5, abs=1e-5)


async def test_one_beam_is_the_greedy_answer(backend):
    greedy = await said(backend, temperature=0, max_tokens=12)
    assert (await said(backend, beams=1, max_tokens=12)).message.content == greedy.message.content
    assert (await said(backend, temperature=1.5, top_p=1e-9, max_tokens=12)).message == greedy.message


async def test_a_mixture_of_one_prompt_is_that_prompt(backend):
    messages = asked().messages
    alone = await said(backend, beams=3, max_tokens=5)
    twice = (Context(messages=messages, logweight=math.log(0.3)), Context(messages=messages, logweight=math.log(0.7)))
    mixed = await complete(backend.stream(Request(messages=messages, contexts=twice, beams=3, max_tokens=5)))
    assert [h.ids for h in mixed.hypotheses] == [h.ids for h in alone.hypotheses]
    assert [h.logprob for h in mixed.hypotheses] == pytest.approx(
        [h.logprob for h in alone.hypotheses], rel=1e-5, abs=1e-5
    )


async def test_a_seed_repeats_the_answer(backend):
    replies = [await said(backend, seed=seed, max_tokens=24) for seed in (1, 1, 2, 3)]
    assert replies[0] == replies[1]
    assert len({reply.message.content for reply in replies}) == 3


async def test_a_stop_sequence_cuts_before_itself(backend):
    whole = (await said(backend, seed=1, max_tokens=40)).message.content
    word = whole[10:13]
    cut = await said(backend, seed=1, max_tokens=40, stop=("never there", word), logprobs=0)
    assert cut.message.content == whole[: whole.index(word)]
    assert cut.finish == "stop"
    assert cut.message.content.startswith("".join(token.token for token in cut.logprobs))


async def test_json_keeps_to_its_schema_against_the_model(backend):
    schema = {
        "type": "object",
        "properties": {"city": {"enum": ["北京", "Paris"]}, "sure": {"type": "boolean"}},
        "required": ["city", "sure"],
        "additionalProperties": False,
    }
    import json

    for seed in range(3):
        reply = await said(backend, json_schema=schema, seed=seed)
        found = json.loads(reply.message.content)
        assert found["city"] in ("北京", "Paris")
        assert isinstance(found["sure"], bool)
        assert reply.finish == "stop"
    with pytest.raises(RequestRefused, match="JSON schema"):
        await said(backend, json_schema={"type": "nonsense"})


async def test_bias_and_penalties_move_the_choice(backend):
    first, second = (await said(backend, beams=2, max_tokens=1)).hypotheses
    banned = {str(first.ids[0]): -100.0}
    assert (await said(backend, temperature=0, max_tokens=1)).message.content == first.text
    assert (await said(backend, temperature=0, max_tokens=1, logit_bias=banned)).message.content == second.text
    dull = await said(backend, temperature=0, max_tokens=30)
    assert (await said(backend, temperature=0, max_tokens=30, frequency_penalty=2.0)).message != dull.message


async def test_without_a_chat_template_a_chat_is_plain_text(tmp_path, reference):
    bare = load(f"hf:{save_tiny(tmp_path, chat=False)}", {})
    alone = await said(bare, temperature=0, max_tokens=8)
    assert alone.message == (await said(bare, plain=True, temperature=0, max_tokens=8)).message
    turns = (Message(role="system", content="Be kind."), Message(role="user", content="Hi"))
    spoken = await complete(bare.stream(Request(messages=turns, temperature=0, max_tokens=8)))
    text = "Be kind.\n\nUser: Hi\n\nAssistant:"
    assert spoken.message == (await said(bare, text, plain=True, temperature=0, max_tokens=8)).message


async def test_too_long_a_request_says_how_long_it_is(backend):
    with pytest.raises(ContextLengthExceeded, match=r"takes 2048"):
        await said(backend, "b" * 3000)
    with pytest.raises(ContextLengthExceeded, match=r"takes 2048"):
        await Scored(backend).score("x", "b" * 3000)


async def test_beams_take_no_sampling(backend):
    for field in ({"temperature": 0.7}, {"top_p": 0.5}, {"presence_penalty": 1.0}, {"logprobs": 0}):
        with pytest.raises(RequestRefused, match=f"beams.*{next(iter(field))}"):
            await said(backend, beams=2, **field)


async def test_what_it_does_not_know_it_says(backend):
    first = await anext(backend.stream(asked(reasoning_effort="low", max_tokens=1)))
    assert "reasoning_effort" in first.warning


@pytest.mark.slow
async def test_the_loop_is_free_while_the_model_computes(backend):
    task = asyncio.ensure_future(said(backend, temperature=0, max_tokens=60))
    ticks = 0
    while not task.done():
        ticks += 1
        await asyncio.sleep(0)
    assert ticks > 60


async def test_closed_and_asked_again_it_loads_anew(folder):
    backend = load(f"hf:{folder}", {})
    before = await said(backend, temperature=0, max_tokens=4)
    await backend.aclose()
    assert await said(backend, temperature=0, max_tokens=4) == before
    await backend.aclose()


def test_a_model_that_is_not_here_is_named_with_the_way_to_it(tmp_path):
    with pytest.raises(BadSpec, match=r"nobody/nothing.*hf download nobody/nothing"):
        load("hf:nobody/nothing", {})
    with pytest.raises(BadSpec, match=r"\.safetensors"):
        load(f"hf:{tmp_path}", {})
    with pytest.raises(BadSpec, match="needs a model"):
        load("hf", {})


async def test_a_device_that_is_not_here_is_refused(folder):
    for device, message in (("cuda:7", "no such device"), ("tpu", "must be 'auto'")):
        profile = Profile(name="own", kind="hf", model=str(folder), device=device)
        with pytest.raises(BadSpec, match=message):
            await said(load("own", {"own": profile}))
    assert device_of("cpu") == "cpu"


def test_a_model_that_does_not_fit_is_refused_before_it_is_loaded():
    with pytest.raises(BadSpec, match=r"needs about 16\.8 GiB.*14\.0 GiB of weights.*8\.0 GiB free.*vllm:MODEL"):
        check_memory("m", 14 << 30, 8 << 30, "cpu")
    check_memory("m", 6 << 30, 8 << 30, "cpu")
    check_memory("m", 14 << 30, None, "cpu")
    assert free_bytes("cpu") is None or free_bytes("cpu") > 0


def test_an_answer_begins_somewhere():
    class Nowhere:
        config = generation_config = None

    cut = tokenizer()
    cut.eos_token = cut.bos_token = None
    with pytest.raises(RequestRefused, match="prompt is empty"):
        HfModel(Nowhere(), cut, "hf:x").prompt((Message(role="user", content=""),), plain=True)
    assert Causal("x", lambda: None).capabilities.json_schema is False
