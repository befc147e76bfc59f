"""Beams that grow by their newest token alone find what beams find that are read anew at every step."""

import pytest

from backends.causal.beam import Search, Weighted
from backends.causal.hf import HfModel
from tests.tiny_model import tokenizer

PROMPTS = ((7, 40, 41, 42, 90, 91, 17, 200, 13, 5, 77, 31), (9, 33))


@pytest.fixture(scope="module")
def cut():
    return tokenizer()


def llama(size):
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(vocab_size=size, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2)
    )


def sliding(size):
    """Sees 6 tokens back: the prompt slides out of sight while the answer grows."""
    from transformers import MistralConfig, MistralForCausalLM

    return MistralForCausalLM(
        MistralConfig(
            vocab_size=size, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=1, head_dim=8, sliding_window=6,
        )
    )  # fmt: skip


def gpt2(size):
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(GPT2Config(vocab_size=size, n_positions=64, n_embd=16, n_layer=2, n_head=2))


class Anew:
    """The same model, whose answers are read from their beginning at each step."""

    def __init__(self, model):
        self.model, self.ends = model, model.ends

    def beams(self, prompt):
        return AnewBeams(self.model, prompt)


class AnewBeams:
    def __init__(self, model, prompt):
        self.model, self.prompt = model, prompt

    def next(self, answers):
        return self.model.next(self.prompt, answers)


def made(kind, cut, **named):
    import torch

    torch.manual_seed(3)
    model = kind(len(cut)).eval()
    with torch.no_grad():  # Sharper than at random, so that beams part and end.
        model.get_output_embeddings().weight.mul_(20)
    read = []
    model.register_forward_pre_hook(
        lambda _, given, by_name: read.append(by_name["input_ids"].numel()), with_kwargs=True
    )
    return HfModel(model, cut, "hf:x", **named), read


def found(model, prompts, beams, most=12):
    mixture = [Weighted(prompt, -0.7 * n) for n, prompt in enumerate(prompts)]
    search, result = Search(model, mixture, beams, most, lambda ids: len(ids) > 5 and ids[-1] % 3 == 0), None
    while result is None:
        result = search.step()
    return result


def same(ours, theirs):
    assert [(one.ids, one.ended) for one in ours] == [(one.ids, one.ended) for one in theirs]
    assert [one.logprob for one in ours] == pytest.approx([one.logprob for one in theirs], abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("beams", [1, 5])
@pytest.mark.parametrize("prompts", [PROMPTS[:1], PROMPTS], ids=["one", "mixture"])
@pytest.mark.parametrize("kind", [llama, sliding, gpt2])
def test_the_same_is_found_as_when_all_is_read_anew(cut, kind, prompts, beams):
    model, _ = made(kind, cut)
    same(found(model, prompts, beams), found(Anew(model), prompts, beams))


def test_of_each_answer_a_step_reads_one_token(cut):
    model, read = made(llama, cut)
    same(found(model, PROMPTS, 3, 4), found(Anew(model), PROMPTS, 3, 4))
    model, read = made(llama, cut)
    found(model, PROMPTS, 5)
    assert sorted(read[:2]) == sorted(map(len, PROMPTS))
    assert max(read[2:]) == 5


@pytest.mark.slow
@pytest.mark.parametrize("room", [0, 9, 30])
def test_without_room_the_answers_are_read_anew(cut, room):
    model, read = made(llama, cut, room=room)
    same(found(model, PROMPTS, 5), found(Anew(model), PROMPTS, 5))
    assert max(read) > 5


def test_what_was_kept_goes_with_its_search(cut):
    model, _ = made(llama, cut)
    beams = model.beams(PROMPTS[0])
    beams.next([()])
    beams.next([(1,), (2,), (3,)])
    beams.next([(2, 7), (2, 8), (1, 1)])
    assert beams.kept == 6
    assert list(model._growing) == [beams]
    del beams
    assert not model._growing
