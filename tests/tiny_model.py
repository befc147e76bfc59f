"""Causal language models small enough to be made on the spot, with tokenizers of their own: folders that `hf:` reads.

`tiny` has random weights: it says nothing sensible, and its probabilities obey every law. `echo` says what the user
said: it keeps the tokens it has seen where transformers keep keys and values, so that it goes through the same code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

CHAT = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
ROLES = ("<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>")
TEXTS = ["a" * 64, "the tower is 330 metres tall", "Hello, world.", "北京是中国的首都", '{"answer": "yes"}']


def tokenizer(*, chat: bool = True) -> Any:
    """Byte-level BPE: it cuts any text and gives it back to the byte. `<|end|>` ends an answer."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=list(ROLES), initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(TEXTS, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|end|>", pad_token="<|end|>")
    if chat:
        fast.chat_template = CHAT
    return fast


def save_tiny(folder: Path, *, chat: bool = True, seed: int = 0) -> Path:
    """A Llama of two layers with random weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    cut = tokenizer(chat=chat)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(cut),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        bos_token_id=None,
        eos_token_id=cut.eos_token_id,
        initializer_range=0.5,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    cut.save_pretrained(folder)
    return folder


def echo_model() -> Any:
    """A model of transformers whose next token is that of the last user message, and at its end the end."""
    import torch
    from transformers import LlamaConfig, PreTrainedModel
    from transformers.modeling_outputs import CausalLMOutputWithPast

    cut = tokenizer()
    start, turn, end = (cut.convert_tokens_to_ids(name) for name in ("<|user|>", "<|assistant|>", "<|end|>"))

    def following(seen: list[int]) -> int:
        if turn not in seen:
            return end
        at = len(seen) - 1 - seen[::-1].index(turn)
        said = seen[len(seen[:at]) - seen[:at][::-1].index(start) : at - 1]
        written = len(seen) - at - 1
        return said[written] if written < len(said) else end

    class Echo(PreTrainedModel):
        config_class = LlamaConfig

        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.unused = torch.nn.Parameter(torch.zeros(1))

        def forward(self, input_ids: Any, past_key_values: Any = None, **_: Any) -> Any:
            states = input_ids[:, None, :, None].float()
            seen = past_key_values.update(states, states, 0)[0][:, 0, :, 0].long().tolist()
            logits = torch.full((*input_ids.shape, len(cut)), -1e4)
            new = input_ids.shape[1]
            for row, ids in enumerate(seen):
                for place in range(new):
                    logits[row, place, following(ids[: len(ids) - new + place + 1])] = 0.0
            return CausalLMOutputWithPast(logits=logits, past_key_values=past_key_values)

    config = LlamaConfig(
        vocab_size=len(cut), num_hidden_layers=1, hidden_size=1, num_attention_heads=1, max_position_embeddings=65536,
        eos_token_id=end, bos_token_id=None,
    )  # fmt: skip
    return Echo(config), cut


def echo_backend() -> Any:
    from backends.causal.backend import Causal
    from backends.causal.hf import HfModel

    return Causal("hf:echo", lambda: HfModel(*echo_model(), "hf:echo"), json_schema=True)
