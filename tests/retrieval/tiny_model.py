"""A sentence-transformers model small enough to make on the spot: random weights, 16 dimensions, a window of 32."""

from pathlib import Path

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
COMMON = ["the", "a", "cat", "dog", "house", "river", "runs", "old", "new", "is", ".", ",", "query", "passage", ":"]
LETTERS = [mark + letter for letter in "abcdefghijklmnopqrstuvwxyz中文" for mark in ("", "##")]
VOCABULARY = SPECIAL + COMMON + LETTERS


def make(folder: Path) -> Path:
    """Save the model in `folder`, with prompts for queries and documents."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules
    from transformers import BertConfig, BertModel, BertTokenizerFast

    base = folder / "base"
    base.mkdir(parents=True)
    vocabulary = base / "vocab.txt"
    vocabulary.write_text("\n".join(VOCABULARY), "utf-8")
    tokenizer = BertTokenizerFast(vocab=str(vocabulary))
    tokenizer.save_pretrained(base)
    torch.manual_seed(0)
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = BertConfig(vocab_size=len(VOCABULARY), max_position_embeddings=64, initializer_range=1.0, **size)
    BertModel(config).save_pretrained(base)
    encoder = modules.Transformer(str(base), max_seq_length=32)
    pooling = modules.Pooling(size["hidden_size"])
    model = SentenceTransformer(
        modules=[encoder, pooling], device="cpu", prompts={"query": "query: ", "document": "passage: "}
    )
    model.save(str(folder / "model"))
    return folder / "model"
