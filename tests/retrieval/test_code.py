"""Source code: kept as it stands, cut where its authors divide it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.chunking import AUTO, Chunking, chunks
from retrieval.code import is_code
from retrieval.loaders.formats import FORMATS
from retrieval.loaders.load import load
from retrieval.tokens import token_spans

BODY = "    total = 0\n    for item in items:\n        total = total + item.price * item.amount\n    return total\n"
PYTHON = "import os\n\n\n" + "".join(
    f"@cached\ndef price_of_order_{n}(items):\n    # 价格 # of an order\n{BODY}\n\n" for n in range(30)
)
CLASS = "class Orders:\n" + "".join(
    f"    def price_{n}(self, items):\n" + "\n".join("    " + line for line in BODY.splitlines()) + "\n\n"
    for n in range(60)
)
JAVASCRIPT = "// Orders.\n\n" + "".join(
    f"/** The price. */\nexport async function price{n}(items) {{\n  let total = 0;\n  for (const item of items) {{\n"
    f"    total += item.price;\n  }}\n  return total;\n}}\n" for n in range(30)
)  # fmt: skip
GO = "package orders\n" + "".join(
    f"\nfunc Price{n}(items []Item) int {{\n\ttotal := 0\n\tfor _, item := range items {{\n\t\ttotal += item.Price\n"
    "\t}\n\n\treturn total\n}\n" for n in range(30)
)  # fmt: skip
SQL = "".join(f"-- Orders of {n}\nCREATE TABLE orders_{n} (\n  id INT,\n  price INT\n);\n" for n in range(60))


@pytest.mark.parametrize(
    ("text", "media_type", "starts"),
    [
        (PYTHON, "text/x-python", ("import os", "@cached")),
        (CLASS, "text/x-python", ("class Orders", "    def price")),
        (JAVASCRIPT, "text/javascript", ("// Orders", "/** The price", "export async")),
        (GO, "text/x-golang", ("package", "func Price")),
        (SQL, "application/sql", ("-- Orders", "CREATE")),
    ],
)
def test_chunks_begin_at_definitions(text, media_type, starts):
    pieces = [text[chunk.start : chunk.end] for chunk in chunks(text, AUTO, token_spans, media_type)]
    assert len(pieces) > 4
    assert [piece[:30] for piece in pieces if not piece.startswith(starts)] == []


LINES = st.sampled_from(
    [
        "def f(x):\n", "    return x\n", "\n", "  \n", "}\n", "\tif (a) {\n", "# 注释\n", "x" * 300 + "\n",
        "'''\n", "word " * 90, "| a |\n",
    ]
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(LINES, max_size=80).map("".join), st.integers(100, 300))
def test_laws(text, size):
    found = chunks(text, Chunking(max_tokens=size, overlap_tokens=size // 8), token_spans, "text/x-python")
    covered = 0
    for chunk in found:
        piece = text[chunk.start : chunk.end]
        assert piece.strip()
        assert piece == piece.rstrip()
        assert len(token_spans(piece)) <= size
        assert text[covered : chunk.start].strip() == ""
        covered = chunk.end
    assert text[covered:].strip() == ""


@pytest.mark.parametrize("suffix", sorted(suffix for suffix, form in FORMATS.items() if is_code(form.media_type)))
def test_code_is_kept_as_it_stands(tmp_path, suffix):
    text = "# not a heading\n\tindented\n\n- not an item | x |\n  ‘引号’\n"
    (tmp_path / "x").write_text(text, encoding="utf-8")
    parsed = load(tmp_path / "x", "a" + suffix)
    assert (parsed.text, is_code(parsed.media_type)) == (text, True)


def test_what_is_code():
    kinds = {suffix for suffix, form in FORMATS.items() if is_code(form.media_type)}
    assert kinds >= {
        ".py",
        ".js",
        ".ts",
        ".tsx",
        ".java",
        ".c",
        ".cpp",
        ".go",
        ".rs",
        ".sh",
        ".sql",
        ".yaml",
        ".toml",
        ".ini",
    }
    assert kinds.isdisjoint({".txt", ".md", ".tex", ".rst", ".log", ".csv", ".json", ".html", ".pdf"})
