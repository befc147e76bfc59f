"""One contract over all loaders, and what each refuses."""

import io
import json
import random
import zipfile
from html import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.errors import LoadFailed
from retrieval.loaders.load import LARGEST_TEXT, load
from tests.retrieval import made_files

ENGLISH = "Norway leads by share & Germany by volume; <b> is text."
CHINESE = "欧洲电动汽车市场在过去十年中增长迅速，挪威按份额领先，德国按销量领先。"


def html(paragraphs, encoding="utf-8"):
    body = "".join(f"<p>{escape(p)}</p>\r\n" for p in paragraphs)
    return f"<html><head><meta charset={encoding}><title>T</title></head><body>{body}</body></html>".encode(encoding)


MAKERS = {
    "a.txt": lambda ps: "\r\n\r\n".join(ps).encode(),
    "b.log": lambda ps: "\r".join(ps).encode("utf-16"),
    "c.csv": lambda ps: "\n".join(ps).encode("gb18030"),
    "README": lambda ps: "\n".join(ps).encode("utf-8-sig"),
    "a.md": lambda ps: ("---\nkey: value\n---\n" + "\r\n\r\n".join(ps)).encode(),
    "a.html": html,
    "b.HTM": lambda ps: html(ps, "gb2312"),
    "a.pdf": made_files.pdf,
    "unknown.extension": made_files.pdf,
    "a.docx": made_files.docx,
    "no extension": made_files.docx,
    "a.py": lambda ps: "\n".join(ps).encode(),
    "a.toml": lambda ps: "\n".join(ps).encode(),
    "b.csv": lambda ps: "\r\n".join(ps).encode(),
    "a.json": lambda ps: json.dumps("\n".join(ps)).encode(),
    "a.xlsx": lambda ps: made_files.xlsx({"S": [[p] for p in ps]}),
    "a.pptx": lambda ps: made_files.pptx([(ps[0], ps[1:])]),
    "unnamed": lambda ps: made_files.xlsx({"S": [[p] for p in ps]}),
}
ADDED = ("# S", "## Slide 1: ", "- ")
"""What sheets and slides put before what is on them."""


@pytest.fixture
def read(tmp_path):
    def read(name, data):
        path = tmp_path / "stored under another name"
        path.write_bytes(data)
        return load(path, name)

    return read


@pytest.fixture
def refused(read):
    def refused(name, data):
        with pytest.raises(LoadFailed) as caught:
            read(name, data)
        assert name in str(caught.value)
        return caught.value.code, str(caught.value)

    return refused


@pytest.mark.parametrize("name", MAKERS)
def test_every_loader_gives_the_text(read, name):
    parsed = read(name, MAKERS[name]([ENGLISH, CHINESE]))
    lines = [line for line in parsed.text.split("\n") if line]
    for added in ADDED:
        lines = [line.removeprefix(added) for line in lines]
    assert [line for line in lines if line] == [ENGLISH, CHINESE]
    assert "/" in parsed.media_type


@pytest.mark.parametrize("name", MAKERS)
def test_every_loader_refuses_an_empty_file(refused, name):
    assert refused(name, b"")[0] == "empty_file"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.txt", b" \r\n\t"),
        ("a.txt", b"\xef\xbb\xbf"),
        ("a.md", b"---\ntitle: x\n---\n"),
        ("a.html", b"<html><script>let x = 1</script><nav>menu</nav></html>"),
        ("a.docx", made_files.docx([" "])),
    ],
)
def test_nothing_to_read_is_empty(refused, name, data):
    assert refused(name, data)[0] == "empty_file"


PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
LIES = [
    ("a.pdf", PNG, "unsupported_file", "PNG"),
    ("a.docx", PNG, "invalid_file", "PNG"),
    ("a.md", b"MZ\x90\0" + b"\0" * 200, "unsupported_file", "Windows program"),
    ("a.txt", b"\x7fELF\x02\x01", "unsupported_file", "program"),
    ("a.txt", made_files.pdf(["x"]), "invalid_file", "a PDF"),
    ("a.md", made_files.docx(["x"]), "invalid_file", "a Word document"),
    ("a.pdf", made_files.docx(["x"]), "invalid_file", "a Word document"),
    ("a.pdf", b"<html>", "invalid_file", "claims to be a PDF"),
    ("a.docx", b"plain text", "invalid_file", "claims to be a Word document"),
    ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "invalid_file", "encrypted"),
    ("a.png", b"text", "unsupported_file", ".png"),
    ("a.xls", b"PK\x03\x04", "unsupported_file", ".xls"),
    ("a.xlsx", b"PK\x03\x04", "invalid_file", "damaged zip"),
    ("a.xlsx", made_files.pptx([("x", [])]), "invalid_file", "a PowerPoint presentation"),
    ("a.pptx", made_files.docx(["x"]), "invalid_file", "a Word document"),
    ("a.pptx", b"plain text", "invalid_file", "claims to be a PowerPoint presentation"),
    ("a.csv", made_files.xlsx({"S": [["x"]]}), "invalid_file", "an Excel workbook"),
    ("a.json", PNG, "unsupported_file", "PNG"),
    ("data", PNG, "unsupported_file", "PNG"),
    ("data", b"a\0b", "invalid_file", "NUL"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "code", "said"), LIES)
def test_a_file_that_lies_about_its_type_is_named(refused, name, data, code, said):
    found, message = refused(name, data)
    assert found == code
    assert said in message


def test_a_zip_named_docx(refused):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "x")
    code, message = refused("a.docx", out.getvalue())
    assert code == "invalid_file"
    assert "word/document.xml" in message


def test_too_much_text(refused):
    assert refused("a.txt", b"word " * (LARGEST_TEXT // 5 + 1))[0] == "file_too_large"


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(
        [
            f"a{s}"
            for s in (
                ".txt",
                ".md",
                ".html",
                ".docx",
                ".pptx",
                ".xlsx",
                ".pdf",
                ".csv",
                ".tsv",
                ".json",
                ".jsonl",
                ".py",
                "",
            )
        ]
    ),
    st.one_of(
        st.binary(max_size=300),
        st.binary(max_size=200).map(lambda tail: b"%PDF-1.7\n" + tail),
        st.binary(max_size=200).map(lambda tail: b"PK\x03\x04" + tail),
        st.text(st.characters(exclude_categories=[]), max_size=100).map(lambda t: t.encode("utf-8", "surrogatepass")),
    ),
)
def test_any_bytes_give_clean_text_or_a_typed_error(tmp_path_factory, name, data):
    path = tmp_path_factory.getbasetemp() / "any bytes"
    path.write_bytes(data)
    try:
        text = load(path, name).text
    except LoadFailed:
        return
    assert text.strip()
    assert "\r" not in text
    assert "\0" not in text
    assert text.encode("utf-8")


def test_damaged_documents_are_typed_errors(read):
    """Truncated anywhere, or with a byte flipped anywhere, a document loads or fails as LoadFailed."""
    chance = random.Random(7)
    for name, good in (
        ("a.pdf", made_files.pdf([ENGLISH])),
        ("a.docx", made_files.docx([ENGLISH])),
        ("a.pptx", made_files.pptx([("T", [ENGLISH])])),
        ("a.xlsx", made_files.xlsx({"S": [[ENGLISH, 1.5], ["x", 2]]})),
    ):
        outcomes = set()
        for _ in range(40):
            place = chance.randrange(20, len(good))
            for bad in (good[:place], good[:place] + bytes([good[place] ^ 0xFF]) + good[place + 1 :]):
                try:
                    outcomes.add(bool(read(name, bad).text))
                except LoadFailed as error:
                    outcomes.add(error.code)
        assert "invalid_file" in outcomes
        assert outcomes <= {True, "invalid_file", "empty_file"}
