"""An encoder small enough to train in a test: random weights, 2 layers, 32 dimensions; and questions to train it on."""

import json

WORDS = "amber birch cedar dune ember fjord grove heath island jetty knoll lagoon marsh nook oasis prairie".split()  # noqa: SIM905
ASKED = "ant bee cat doe elk fox gnu hen ibis jay kite lynx mole newt owl pika".split()  # noqa: SIM905
"""ASKED[n] in a question stands for WORDS[n] in a passage: what there is to learn, as no word is shared."""


def make(folder, normalize=True):
    """Save a model of sentence-transformers in `folder`; returns its path."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules
    from transformers import BertConfig, BertModel, BertTokenizerFast

    base = folder / "base"
    base.mkdir(parents=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *ASKED, "where", "is", "the", "seen", "note"]
    (base / "vocab.txt").write_text("\n".join([*vocabulary, *map(str, range(100)), *"?."]), "utf-8")
    BertTokenizerFast(vocab=str(base / "vocab.txt")).save_pretrained(base)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary) + 102, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=64, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    BertModel(config).save_pretrained(base)
    parts = [modules.Transformer(str(base), max_seq_length=32), modules.Pooling(32)]
    model = SentenceTransformer(modules=[*parts, *([modules.Normalize()] if normalize else [])], device="cpu")
    model.save(str(folder / "encoder"), create_model_card=False)
    return folder / "encoder"


def rows(groups=16):
    """Questions in groups; two words in each passage, the two that stand for them in its question."""
    found = []
    for group in range(groups):
        for n in range(2):
            first, second = (group * 2 + n) % 16, (group * 3 + 5 * n + 1) % 16
            found.append(
                {
                    "query": f"where is the {ASKED[first]} {ASKED[second]} ?",
                    "positive": f"note {group * 2 + n} . {WORDS[first]} {WORDS[second]} .",
                    "group": f"g{group}",
                }
            )
    return found


def lines(rows):
    return "\n".join(map(json.dumps, rows))
