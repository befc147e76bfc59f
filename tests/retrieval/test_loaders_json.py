"""JSON and JSON lines: records by their paths, and what becomes of a line that is broken."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.errors import LoadFailed
from retrieval.loaders.load import load


@pytest.fixture
def read(tmp_path):
    def read(name, data):
        (tmp_path / "x").write_text(data, encoding="utf-8")
        return load(tmp_path / "x", name).text

    return read


LONG = "A long sentence of words. " * 20


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ('[{"城市": "鹿特丹", "n": 3150}, {"城市": "维也纳", "tags": ["a", "b"], "no": null, "yes": true}]',
         "## Record 1\n城市: 鹿特丹; n: 3150\n\n## Record 2\n城市: 维也纳; tags: a, b; yes: true"),
        ('{"b": 1.10, "a": {"x.y": 1e400, "z": 12345678901234567890}}',
         '- b: 1.10\n- a."x.y": 1e400\n- a.z: 12345678901234567890'),
        ('{"t": "T", "rows": [{"k": 1}, {"k": [[2, 3], {"q": 4}]}]}',
         "- t: T\n\n## rows 1\nk: 1\n\n## rows 2\nk[1]: 2, 3; k[2].q: 4"),
        ('{"a": 1, "a": 2}', "- a: 1\n- a: 2"),
        ("[1, 2]", "- 1, 2"), ('"text"', "text"), ("7", "7"),
        ('{"a": "x\\ud800y\\u0000z\\r\\nw"}', "- a: x\ufffdy z\nw"),
        (json.dumps([{"id": 1, "text": LONG}]), f"## Record 1\n- id: 1\n- text: {LONG.strip()}"),
    ],
)  # fmt: skip
def test_json(read, data, text):
    assert read("a.json", data) == text


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.json"])
def test_json_lines(read, name):
    assert read(name, '{"a": 1}\n\n{"a": 2}\n') == "## Line 1\na: 1\n\n## Line 3\na: 2"


def test_a_broken_line_keeps_its_place_and_costs_nothing_else(read):
    lines = ['{"a": 1}', '{"a": tru', '{"a": 3}', "[" * 10_000, '{"a": 5}', '{"a": "cut']
    text = read("a.jsonl", "\n".join([*lines, '{"a": 7}']))
    assert '## Line 2, not valid JSON (Expecting value, column 7)\n{"a": tru\n\n## Line 3\na: 3' in text
    assert "## Line 4, not valid JSON (nested too deeply)" in text
    assert text.endswith("## Line 7\na: 7")


@pytest.mark.parametrize(
    ("name", "data", "code", "said"),
    [
        ("a.json", '{"a": 1,\n "b": }', "invalid_file", "line 2, column 7"),
        ("a.json", "prose", "invalid_file", "not valid JSON"),
        ("a.json", "[" * 200_000, "invalid_file", "nested too deeply"),
        ("a.json", '{"a": null, "b": [], "c": {}}', "empty_file", "no values"),
        ("a.jsonl", "{}\nprose\nmore prose\n", "invalid_file", "2 of its 3 lines are not valid JSON (line 2: Exp"),
    ],
)  # fmt: skip
def test_what_is_not_json_says_where(read, name, data, code, said):
    with pytest.raises(LoadFailed) as caught:
        read(name, data)
    assert caught.value.code == code
    assert said in str(caught.value)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(VALUES, st.sampled_from(["a.json", "a.jsonl"]))
def test_any_value_is_text_or_empty(tmp_path_factory, value, name):
    path = tmp_path_factory.getbasetemp() / "any value"
    path.write_text(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode(), encoding="utf-8")
    try:
        text = load(path, name).text
    except LoadFailed:
        return
    assert text.strip()
    assert text.encode("utf-8")
