"""CSV, TSV and the table that they and sheets become: what a chunk of a long one still says."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.chunking import AUTO, chunks
from retrieval.loaders.grid import Row, grid
from retrieval.loaders.load import load
from retrieval.tokens import token_spans


@pytest.fixture
def read(tmp_path):
    def read(name, data):
        (tmp_path / "x").write_bytes(data if isinstance(data, bytes) else data.encode())
        return load(tmp_path / "x", name).text

    return read


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("a.csv", 'City,Note\r\nWien,"a ""b"",\r\nc"\r\n', '| City | Note |\n| Wien | a "b", c |'),
        ("a.csv", "a;b\n1,5;2\n3,5;4\n", "| a | b |\n| 1,5 | 2 |\n| 3,5 | 4 |"),
        ("a.csv", "sep=;\na;b\nx;1,5", "| a | b |\n| x | 1,5 |"),
        ("a.tsv", "a\tb\n1,2\t3,4\n", "| a | b |\n| 1,2 | 3,4 |"),
        ("a.csv", "Report of 2022\n\na|b\n1|2\n", "Report of 2022\n\n| a | b |\n| 1 | 2 |"),
        ("a.csv", "a,b,c\n1,2\n1,2,3,4\n\n1,2,3\n", "| a | b | c |\n| 1 | 2 |\n| 1 | 2 | 3 | 4 |\n| 1 | 2 | 3 |"),
        ("a.csv", 'a,b\n1,"x\n2,y\n3,z', '| a | b |\n| 1 | "x |\n| 2 | y |\n| 3 | z |'),
        ("a.csv", "城市,人口\n鹿特丹,65万\n".encode("gb18030"), "| 城市 | 人口 |\n| 鹿特丹 | 65万 |"),
        ("a.csv", "a,b\n1,2\n".encode("utf-16"), "| a | b |\n| 1 | 2 |"),
        ("a.csv", "Prose, with a comma.\nAnother line.\n", "Prose, with a comma.\nAnother line.\n"),
        ("a.csv", "one\ntwo\n", "one\ntwo\n"),
        ("a.csv", ",,\n , ,\n,,\n", ",,\n , ,\n,,\n"),
    ],
)  # fmt: skip
def test_dialects(read, name, data, text):
    assert read(name, data) == text


def rows_of(*cells):
    return [Row(number, row) for number, row in enumerate(cells, start=1)]


def test_tables_of_a_sheet_are_told_apart_by_empty_rows():
    rows = rows_of(["a", "b"], ["x", "1"], [], ["c", "d"], ["y", "2"], [], ["z", "3"], [], ["An end note"])
    assert grid(rows, "S") == "# S\n\n| a | b |\n| x | 1 |\n\n| c | d |\n| y | 2 |\n| z | 3 |\n\nAn end note"


@pytest.mark.parametrize("first", [["1", "x"], ["2022-01-02", "x"], ["€ 5", "x"], ["x", "7.5%"]])
def test_figures_name_no_columns(first):
    assert not grid(rows_of(first, *[["x", "some words of text"]] * 60)).count("| x | 7.5% |") > 1
    assert grid(rows_of(first, *[["x", "some words of text"]] * 60)).count(f"| {' | '.join(first)} |") == 1


def test_years_do():
    assert (
        grid(rows_of(["City", "2021", "2022"], *[["Wien", "3,150", "4,200"]] * 60)).count("| City | 2021 | 2022 |") > 2
    )


LONG = {
    "english": [["City", "Posts", "Remark"], *([f"City {n}", f"{3000 + n}", "fitted by the end"] for n in range(300))],
    "chinese": [["城市", "充电桩数量", "备注"], *([f"城市{n}", f"{3000 + n}", "年底之前安装完毕"] for n in range(300))],
    "figures": [list("ABCDEFGH"), *([f"{n * 1.37:.4f}" for n in range(m, m + 8)] for m in range(300))],
    "codes": [["SKU", "UUID"], *([f"SKU-{n:08x}", f"{n:032x}"] for n in range(300))],
}  # fmt: skip


@pytest.mark.parametrize("name", LONG)
def test_every_chunk_of_a_long_table_says_what_its_columns_are(read, name):
    out = io.StringIO()
    csv.writer(out).writerows(LONG[name])
    text = read("a.csv", out.getvalue())
    header = f"| {' | '.join(LONG[name][0])} |"
    pieces = [text[chunk.start : chunk.end] for chunk in chunks(text, AUTO, token_spans)]
    assert len(pieces) > 4
    assert [piece for piece in pieces if not piece.startswith("## Rows ") or header not in piece] == []
    told = [line for line in text.split("\n") if line.startswith("| ") and line != header]
    assert told == [f"| {' | '.join(row)} |" for row in LONG[name][1:]]


def test_block_headings_count_rows_as_a_spreadsheet_does(read):
    text = read("a.csv", "k,v\n" + "".join(f"key {n},{n}\n" for n in range(2, 400)))
    for block in text.split("\n\n"):
        heading, header, *rows = block.split("\n")
        first, last = heading.removeprefix("## Rows ").split("-")
        assert header == "| k | v |"
        assert (rows[0], rows[-1]) == (f"| key {first} | {first} |", f"| key {last} | {last} |")


def test_a_row_longer_than_a_chunk_is_a_record(read):
    text = read("a.csv", f'id,text\n1,"{"A long sentence of words. " * 60}"\n2,short\n3,short\n')
    assert text.startswith("## Row 2\n- id: 1\n- text: A long sentence")
    assert text.endswith("\n\n## Rows 3-4\n| id | text |\n| 2 | short |\n| 3 | short |")


def test_a_wide_table_is_written_as_records(read):
    names = ",".join(f"a long column name {n}" for n in range(40))
    text = read("a.csv", f"{names}\n{','.join(['7'] * 39)},\n{','.join([''] * 40)},9\n")
    assert text.startswith("## Row 2\n- a long column name 0: 7\n")
    assert text.endswith("- a long column name 38: 7\n\n## Row 3\n- column 41: 9")


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters="|"), max_size=20)


@pytest.mark.slow
@given(st.lists(st.lists(CELLS, max_size=6), max_size=60), st.sampled_from(["", "S"]))
def test_no_cell_is_lost(rows, name):
    text = grid(rows_of(*rows), name)
    for row in rows:
        assert all(cell in text for cell in row)
    assert "\n\n\n" not in text
