"""HTML, PDF and DOCX: structure, and files made to hurt."""

import re
from itertools import pairwise

import pytest

from retrieval.errors import LoadFailed
from retrieval.loaders.load import load
from retrieval.loaders.office import LARGEST_UNPACKED
from retrieval.loaders.reflow import reflow
from tests.retrieval import made_files


@pytest.fixture
def read(tmp_path):
    def read(name, data):
        (tmp_path / "x").write_bytes(data if isinstance(data, bytes) else data.encode())
        return load(tmp_path / "x", name)

    return read


@pytest.fixture
def refused(read):
    def refused(name, data):
        with pytest.raises(LoadFailed) as caught:
            read(name, data)
        return caught.value.code, str(caught.value)

    return refused


PAGE = """<!doctype html><title>The
 title</title><style>p{}</style><nav>menu</nav>
<h1>大 标题</h1><p>First <b>bold</b>,<i>it</i> &amp; &lt;b&gt; &eacute;&#128512;
wrapped<!-- no --></p><ul><li>one<li>two <a href=x>link</a></ul><div hidden>no</div><p style="display: none">no</p>
<table><tr><th>a<th>b<tr><td>1<p>x</td><td>2</td></tr></table><pre>def f():
    return 1</pre>tail<br>line<script>no()</script>"""


def test_html_shows_what_a_reader_sees(read):
    parsed = read("a.html", PAGE)
    assert parsed.title == "The title"
    assert parsed.text == (
        "# 大 标题\n\nFirst bold,it & <b> é😀 wrapped\n\n- one\n- two link\n\n| a | b |\n| 1 x | 2 |\n\n"
        "```\ndef f():\n    return 1\n```\n\ntail\nline"
    )


def test_a_table_that_lays_out_a_page_is_read_as_blocks(read):
    page = "<table><tr><td><h1>T</h1><p>para<table><tr><td>x<td>y</table></td><td>side</td></tr></table>"
    assert read("a.html", page).text == "# T\n\npara\n\n| x | y |\n\nside"


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [("gb2312", "gb18030"), ("GBK", "gb18030"), ("big5", "big5"), ("shift_jis", "cp932"), ("iso-8859-1", "cp1252"),
     ("windows-1251", "cp1251"), ("euc-kr", "cp949")],
)  # fmt: skip
def test_html_is_read_in_the_encoding_it_declares(read, declared, encoding):
    text = {"cp1251": "Привет", "cp1252": "é", "cp949": "한국"}.get(encoding, "中文")
    page = f'<meta http-equiv=content-type content="text/html; charset={declared}"><p>{text}'
    assert read("a.html", page.encode(encoding)).text == text


@pytest.mark.parametrize("declared", ["rot13", "utf-7", "no-such-thing", "utf-16", "euc-kr"])
def test_a_wrong_declaration_is_passed_over(read, declared):
    assert read("a.html", f"<meta charset={declared}><p>é 中文").text == "é 中文"


def test_html_odds_and_ends(read):
    assert read("a.xhtml", '<?xml version="1.0" encoding="utf-8"?><html><body><p>hi</body></html>').text == "hi"
    assert read("a.html", "http://example.com").text == "http://example.com"
    assert read("a.html", "<p>a&#xD800;b&#0;c").text.encode("utf-8")


def test_html_nested_without_end(read):
    assert read("a.html", "<div><b>" * 5_000 + "deep" + "<p>tail").text.endswith("tail")


def test_a_huge_html_page(refused):
    assert refused("a.html", b"<p>" * 7_000_000)[0] == "file_too_large"


def test_pdf_joins_wrapped_lines_and_parts_pages(read):
    long = "The European market for electric vehicles grew quickly in the last decade, as buyers found. " * 3
    chinese = (
        "欧洲电动汽车市场在过去十年中增长迅速，多个国家出台了激励措施，挪威按份额领先，德国按销量领先，法国紧随其后。"
    )
    parsed = read("a.pdf", made_files.pdf(["Heading", long, chinese * 2], title="标题 T"))
    assert parsed.text == f"Heading\n{long.strip()}\n{chinese * 2}"
    assert parsed.title == "标题 T"
    assert read("a.pdf", made_files.pdf_lines(["one"], [], ["two"])).text == "one\n\ntwo"


def test_pdf_words_divided_at_a_line_end_are_whole(read):
    lines = ["The manu-", "facturer is well-", "Known for 10-", "20 cars."]
    assert read("a.pdf", made_files.pdf_lines(lines)).text.startswith("The manufacturer is well-Known")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (made_files.pdf(["secret"], password="pass"), "encrypted"),
        (made_files.pdf_lines([]), "no text layer"),
        (made_files.pdf(["x"])[:600], "damaged"),
        (b"%PDF-1.7\n" + b"garbage " * 100, "damaged"),
        (made_files.pdf(["x"]).replace(b"/Pages", b"/Pagez"), "damaged"),
    ],
)
def test_pdfs_that_cannot_be_read_say_why(refused, data, said):
    code, message = refused("a.pdf", data)
    assert code == "invalid_file"
    assert said in message


def test_pdf_with_a_garbage_cross_reference_table_is_repaired(read):
    assert read("a.pdf", made_files.pdf(["still here"]).replace(b"0000000", b"9999999")).text == "still here"


def test_reflow_keeps_what_was_meant():
    assert reflow(
        "Short title\nA line that is as wide as the page is, more or less\nand goes on.\n\n- item\n- item"
    ) == ("Short title\nA line that is as wide as the page is, more or less and goes on.\n\n- item\n- item")


def test_docx_in_document_order(read):
    data = made_files.docx(["# 标题", "第一段 text", "- item", "- two"], table=[["甲", "b\nc"], ["", "2"]], title="T")
    parsed = read("a.docx", data)
    assert parsed.title == "T"
    assert parsed.text == "# 标题\n\n第一段 text\n- item\n- two\n\n| 甲 | b c |\n|  | 2 |"


def test_docx_reads_what_word_shows(read):
    body = (
        "<w:sdt><w:sdtContent><w:p><w:r><w:t>control</w:t></w:r></w:p></w:sdtContent></w:sdt>"
        "<w:p><w:ins><w:r><w:t>new</w:t></w:r></w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del>"
        "<w:r><w:tab/><w:t>tab</w:t><w:br/><w:t>line</w:t></w:r></w:p>"
    )
    assert read("a.docx", made_files.docx_body(body)).text == "control\n\nnew tab\nline"


@pytest.mark.slow
def test_docx_bombs_are_refused_before_unpacking(refused):
    good = made_files.docx(["x"])
    for part, size in (("word/document.xml", 60_000_000), ("word/media/a.bin", LARGEST_UNPACKED + 1)):
        assert refused("a.docx", made_files.repacked(good, {part: bytes(size)}))[0] == "file_too_large"
    code, message = refused("a.docx", made_files.repacked(good, {"word/media/a.bin": bytes(20_000_000)}))
    assert (code, "zip bomb" in message) == ("invalid_file", True)
    many = made_files.repacked(good, {f"word/{n}": b"" for n in range(6000)})
    assert refused("a.docx", many)[0] == "invalid_file"


def test_docx_entities_neither_explode_nor_read_files(read, refused, tmp_path):
    names = "abcdefghij"
    nested = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise(names))
    laughs = f'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">{nested}]>'
    assert refused("a.docx", made_files.docx_body("<w:p><w:r><w:t>&j;</w:t></w:r></w:p>", laughs))[0] == "invalid_file"
    secret = tmp_path / "secret"
    secret.write_text("SECRET")
    outside = f'<!DOCTYPE x [<!ENTITY a SYSTEM "{secret.as_uri()}">]>'
    assert "SECRET" not in read("a.docx", made_files.docx_body("<w:p><w:r><w:t>x&a;</w:t></w:r></w:p>", outside)).text


def test_docx_nested_too_deep(refused):
    code, message = refused("a.docx", made_files.docx_body("<w:sdt>" * 5000 + "</w:sdt>" * 5000))
    assert (code, "damaged" in message) == ("invalid_file", True)


OTHER_XML = b'<?xml version="1.0"?><x/>'
NO_RELATIONS = b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"/>'
PARTS = ["word/document.xml", "word/styles.xml", "[Content_Types].xml", "_rels/.rels", "docProps/core.xml"]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("data", [OTHER_XML, b"", b"\xff\xfe<"], ids=["other XML", "empty", "no XML"])
def test_docx_parts_that_are_not_words_are_told_in_plain_words(read, part, data):
    try:
        said = read("a.docx", made_files.repacked(made_files.docx(["x"]), {part: data})).text
    except LoadFailed as failure:
        said = str(failure)
    assert said == "x" or re.match(r"'a\.docx' is (a damaged Word document: |empty: )", said), said
    assert re.search(r"object|attribute|NoneType|etree|Exception|Error|/x'", said) is None, said


@pytest.mark.parametrize(
    ("part", "data", "says"),
    [
        ("[Content_Types].xml", OTHER_XML, "not a valid DOCX"),
        ("word/document.xml", b"<x>", "XML parts is malformed"),
        ("_rels/.rels", NO_RELATIONS, "missing"),
    ],
)
def test_docx_says_what_is_damaged(refused, part, data, says):
    code, message = refused("a.docx", made_files.repacked(made_files.docx(["x"]), {part: data}))
    assert (code, says in message) == ("invalid_file", True), message
