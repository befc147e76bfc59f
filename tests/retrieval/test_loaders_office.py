"""PPTX and XLSX: structure, and office files made to hurt, Word's among them where the danger is the same."""

import datetime
import re
from itertools import pairwise

import pytest

from retrieval.errors import LoadFailed
from retrieval.loaders.load import load
from retrieval.loaders.numbers import shown
from retrieval.loaders.office import LARGEST_UNPACKED
from tests.retrieval import made_files


@pytest.fixture
def read(tmp_path):
    def read(name, data):
        (tmp_path / "x").write_bytes(data)
        return load(tmp_path / "x", name)

    return read


@pytest.fixture
def refused(read):
    def refused(name, data):
        with pytest.raises(LoadFailed) as caught:
            read(name, data)
        return caught.value.code, str(caught.value)

    return refused


def test_slides_in_order_with_numbers_titles_lists_and_notes(read):
    data = made_files.pptx([("标题 One", ["first", "第二"]), ("Two", ["x"])], notes="Say hello.\nThen go.")
    assert read("a.pptx", data).text == (
        "## Slide 1: 标题 One\n\n- first\n- 第二\n\n## Slide 2: Two\n\n- x\n\nNotes:\nSay hello.\nThen go."
    )


def test_slides_tables_charts_and_groups(read, tmp_path):
    import pptx
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE

    deck = pptx.Presentation()
    deck.core_properties.title = "Deck"
    shapes = deck.slides.add_slide(deck.slide_layouts[6]).shapes
    table = shapes.add_table(2, 2, 0, 0, 1000, 1000).table
    for place, text in enumerate(["城市", "a\nb", "", "4"]):
        table.cell(*divmod(place, 2)).text = text
    shapes.add_group_shape().shapes.add_textbox(0, 0, 10, 10).text_frame.text = "in a group"
    chart = CategoryChartData()
    chart.categories = ["Q1", "Q2"]
    chart.add_series("Sales", (1.5, None))
    shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, 100, 100, chart)
    deck.save(tmp_path / "deck")
    parsed = read("a.pptx", (tmp_path / "deck").read_bytes())
    assert parsed.title == "Deck"
    assert parsed.text == (
        "## Slide 1\n\n| 城市 | a b |\n|  | 4 |\n\nin a group\n\n|  | Sales |\n| Q1 | 1.5 |\n| Q2 |  |"
    )


def test_slides_nested_groups(read, refused):
    box = "<p:sp><p:nvSpPr><p:cNvPr id='9' name=''/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/>"
    box += "<a:p><a:fld id='{0}' type='x'><a:t>field</a:t></a:fld><a:r><a:t> deep</a:t></a:r></a:p></p:txBody></p:sp>"
    group = "<p:grpSp><p:nvGrpSpPr><p:cNvPr id='2' name=''/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>"
    assert read("a.pptx", made_files.pptx_body(group * 50 + box + "</p:grpSp>" * 50)).text.endswith("field deep")
    code, message = refused("a.pptx", made_files.pptx_body(group * 5000 + "</p:grpSp>" * 5000))
    assert (code, "damaged" in message) == ("invalid_file", True)


def test_slides_without_text_are_empty(refused):
    code, message = refused("a.pptx", made_files.pptx([("", [])]))
    assert (code, "pictures" in message) == ("empty_file", True)


def test_every_sheet_with_its_name(read):
    day = datetime.datetime(2022, 3, 4)  # noqa: DTZ001
    data = made_files.xlsx(
        {"销售": [["城市", "日期", "额"], ["鹿特丹", day, 3150], [None, None, 1.1 * 3]], "空": [], "B": [["only"]]},
        title="T",
    )
    parsed = read("a.xlsx", data)
    assert parsed.title == "T"
    assert parsed.text == (
        "# 销售\n\n| 城市 | 日期 | 额 |\n| 鹿特丹 | 2022-03-04 | 3150 |\n|  |  | 3.3 |\n\n# B\n\nonly"
    )


def test_a_formula_shows_what_was_saved_with_it_or_itself(read):
    cells = (
        '<c r="A1"><v>1</v></c><c r="B1"><f>A1+1</f><v>2</v></c><c r="C1"><f>A1+2</f></c><c r="D1" t="b"><v>1</v></c>'
    )
    assert read("a.xlsx", made_files.xlsx_sheet(f'<row r="1">{cells}</row>')).text == "# S\n\n| 1 | 2 | =A1+2 | TRUE |"


def test_merged_cells_say_their_value_in_each_row(read):
    def row(number, **cells):
        made = "".join(f'<c r="{c}{number}" t="inlineStr"><is><t>{text}</t></is></c>' for c, text in cells.items())
        return f'<row r="{number}">{made}</row>'

    rows = row(1, A="Report") + row(3, A="City", B="2022") + row(4, B="Q1", C="Q2") + row(5, A="x", B="1", C="2")
    rows += row(6, B="3", C="4")
    areas = ["A1:C1", "A3:A4", "B3:C3", "A5:A6"]
    merged = "<mergeCells>" + "".join(f'<mergeCell ref="{area}"/>' for area in areas) + "</mergeCells>"
    assert read("a.xlsx", made_files.xlsx_sheet(rows, behind=merged)).text == (
        "# S\n\nReport\n\n| City | 2022 Q1 | 2022 Q2 |\n| x | 1 | 2 |\n| x | 3 | 4 |"
    )


@pytest.mark.slow
def test_a_sheet_that_states_a_wrong_size_is_read_all_the_same(read):
    data = made_files.xlsx_sheet('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')
    assert re.fullmatch(r"# S\n\n1", read("a.xlsx", data).text)


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (3, "0.00", "3.00"), (-1234.567, "#,##0.0;(#,##0.0)", "-1,234.6"), (0.256, "0.0%", "25.6%"),
        (12, "000", "012"), (1e6, '#,##0,"k"', "1,000k"), (1.1 * 3, "General", "3.3"),
        (1 / 3, "# ?/?", "0.333333333333333"),
        (5, "[$€-407] #,##0.00", "€ 5.00"), (5, r'_-* #,##0.00\ "元"_-', "5.00 元"), (-0.001, "0.0", "0.0"),
        (10**20, "0", str(10**20)), (float("nan"), "0", "nan"), ("text", "0", "text"), (True, "0", "TRUE"),
        (datetime.timedelta(hours=30, minutes=5), "[h]:mm", "30:05:00"), (datetime.time(4, 5), "h:mm", "04:05:00"),
        (datetime.datetime(2022, 3, 4, 5, 6), "m/d/yy h:mm", "2022-03-04 05:06"),  # noqa: DTZ001
    ],
)  # fmt: skip
def test_numbers_as_they_are_shown(value, number_format, text):
    assert shown(value, number_format) == text


GOOD = {
    "a.docx": (made_files.docx(["x"]), "word/document.xml"),
    "a.pptx": (made_files.pptx([("T", ["x"])]), "ppt/slides/slide1.xml"),
    "a.xlsx": (made_files.xlsx({"S": [["x"]]}), "xl/worksheets/sheet1.xml"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", GOOD)
def test_bombs_are_refused_before_unpacking(refused, name):
    good, part = GOOD[name]
    assert refused(name, made_files.repacked(good, {"media/a.bin": bytes(LARGEST_UNPACKED + 1)}))[0] == "file_too_large"
    code, message = refused(name, made_files.repacked(good, {part: bytes(20_000_000)}))
    assert (code, "zip bomb" in message) == ("invalid_file", True)
    many = made_files.repacked(good, {f"x/{n}": b"" for n in range(6000)})
    assert refused(name, many)[0] == "invalid_file"


@pytest.mark.parametrize("name", GOOD)
def test_encrypted_and_broken_packages(refused, name):
    good, _ = GOOD[name]
    code, message = refused(name, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    assert (code, "encrypted" in message) == ("invalid_file", True)
    code, message = refused(name, good[:-200])
    assert (code, "damaged" in message) == ("invalid_file", True)


def laughing(make):
    names = "abcdefghij"
    nested = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise(names))
    return make("&j;", f'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">{nested}]>')


def cell(text, prolog):
    return made_files.xlsx_sheet(f'<row r="1"><c r="A1" t="inlineStr"><is><t>{text}x</t></is></c></row>', prolog)


def box(text, prolog):
    shape = "<p:sp><p:nvSpPr><p:cNvPr id='9' name=''/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/>"
    return made_files.pptx_body(f"{shape}<a:p><a:r><a:t>{text}x</a:t></a:r></a:p></p:txBody></p:sp>", prolog)


@pytest.mark.parametrize(("name", "make"), [("a.xlsx", cell), ("a.pptx", box)])
def test_entities_neither_explode_nor_read_files(read, tmp_path, name, make):
    secret = tmp_path / "secret"
    secret.write_text("SECRET")
    outside = make("&a;", f'<!DOCTYPE x [<!ENTITY a SYSTEM "{secret.as_uri()}">]>')
    for data in (laughing(make), outside):
        try:
            text = read(name, data).text
        except LoadFailed:
            continue
        assert "SECRET" not in text
        assert len(text) < 1000


PARTS = {
    "a.pptx": ["ppt/presentation.xml", "ppt/slides/slide1.xml", "[Content_Types].xml", "_rels/.rels",
               "ppt/_rels/presentation.xml.rels", "ppt/slides/_rels/slide1.xml.rels"],
    "a.xlsx": ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml", "xl/sharedStrings.xml", "_rels/.rels",
               "[Content_Types].xml", "xl/_rels/workbook.xml.rels", "docProps/core.xml"],
}  # fmt: skip
DAMAGE = {"other XML": b'<?xml version="1.0"?><x/>', "empty": b"", "no XML": b"\xff\xfe<", "cut": b"<x>"}


@pytest.mark.parametrize(("name", "part"), [(name, part) for name, parts in PARTS.items() for part in parts])
@pytest.mark.parametrize("data", DAMAGE.values(), ids=DAMAGE)
def test_damaged_parts_are_told_in_plain_words(read, name, part, data):
    try:
        said = read(name, made_files.repacked(GOOD[name][0], {part: data})).text
    except LoadFailed as failure:
        said = str(failure)
        assert re.match(r"'a\.\w+' is (a damaged (PowerPoint presentation|Excel workbook): |empty: )", said), said
    assert re.search(r"object|attribute|NoneType|etree|Exception|Error|/x'", said) is None, said
