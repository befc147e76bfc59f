"""A CrossEncoder small enough to make on the spot: random weights, a window of 32."""

from pathlib import Path

from tests.retrieval.tiny_model import VOCABULARY


def make(folder: Path, labels: int = 1) -> Path:
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(VOCABULARY), "utf-8")
    BertTokenizerFast(vocab=str(vocabulary), model_max_length=32).save_pretrained(folder)
    torch.manual_seed(0)
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = BertConfig(
        vocab_size=len(VOCABULARY), max_position_embeddings=64, initializer_range=1.0, num_labels=labels, **size
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder
