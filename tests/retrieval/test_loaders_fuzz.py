"""Damage of every kind, through the worker process: always text or a typed reason, and the next file is read."""

import io
import random
import zipfile

import pytest

from retrieval.errors import LoadFailed
from retrieval.loaders.isolated import IsolatedLoader
from tests.retrieval import made_files

ROWS = [["City", "Posts", "Day"], *([f"City {n}", n * 1.5, "2022-03-04"] for n in range(40))]
CSV = "\n".join(",".join(map(str, row)) for row in ROWS)
GOOD = {
    "a.docx": made_files.docx(["# T", "text", "- item"], table=[["a", "b"]]),
    "a.pptx": made_files.pptx([("T", ["one", "two"]), ("U", ["three"])], notes="notes"),
    "a.xlsx": made_files.xlsx({"S": ROWS, "空": [["x"]]}),
    "a.pdf": made_files.pdf(["A paragraph of text."]),
    "a.html": b"<h1>T</h1><table><tr><td>a<td>b</table><p>text",
    "a.csv": CSV.encode(),
    "a.tsv": CSV.replace(",", "\t").encode("utf-16"),
    "a.json": b'{"a": [{"b": 1.5, "c": ["x", null, true]}, {"b": "\\u4e2d"}], "d": "text"}',
    "a.jsonl": b'{"a": 1}\n{"a": {"b": [1, 2]}}\n' * 20,
}


def bytes_changed(data, chance):
    made = bytearray(data)
    for _ in range(chance.randrange(1, 6)):
        place = chance.randrange(len(made))
        end = min(len(made), place + chance.randrange(1, 40))
        made[place:end] = chance.choice([b"", chance.randbytes(end - place), bytes(end - place), made[place:end] * 50])
        if not made:
            return b"x"
    return bytes(made)


def part_changed(package, chance):
    """One part of a zip archive changed inside: the archive is sound, and the XML is not, or says other things."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        name = chance.choice([entry.filename for entry in archive.infolist() if entry.file_size])
        part = archive.read(name)
    if chance.random() < 0.5:
        # Numbers, names and places that do not fit each other break readers more often than XML that is cut off.
        old = chance.choice([b"0", b"1", b'r="', b"<a:", b"<v>", b"s=", b"rId1", b"type", b'"'])
        new = chance.choice([b"", b"-1", b"999999999999", b"x", b"&amp;", b"NaN", b"1e999", "中".encode()])
        return made_files.repacked(package, {name: part.replace(old, new, chance.randrange(1, 4))})
    return made_files.repacked(package, {name: bytes_changed(part, chance)})


ENDED = "the process reading it ended"
"""What is said when a reader met an error that its loader does not foresee."""


async def outcome_of(loader, path, name):
    """`text`, or the reason why there is none."""
    try:
        text = (await loader.load(path, name)).text
    except LoadFailed as error:
        return str(error)
    assert text.strip()
    assert text.encode("utf-8")
    return "text"


@pytest.mark.slow
@pytest.mark.parametrize("name", GOOD)
async def test_damaged_files_cost_only_themselves(tmp_path, name):
    chance = random.Random(name)
    loader = IsolatedLoader(timeout_s=30)
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(GOOD[name])
    text = (await loader.load(good, name)).text
    outcomes: dict[str, int] = {}
    for _ in range(250):
        packed = GOOD[name].startswith(b"PK") and chance.random() < 0.8
        bad.write_bytes(part_changed(GOOD[name], chance) if packed else bytes_changed(GOOD[name], chance))
        outcome = await outcome_of(loader, bad, name)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert outcomes.pop("text") > 0
    assert all(name in outcome for outcome in outcomes)
    assert [outcome for outcome in outcomes if ENDED in outcome] == []
    assert (await loader.load(good, name)).text == text
    await loader.aclose()


@pytest.mark.slow
async def test_random_bytes_under_every_name(tmp_path):
    chance = random.Random(11)
    loader = IsolatedLoader(timeout_s=30)
    for _ in range(40):
        for name in GOOD:
            head = chance.choice([b"", b"PK\x03\x04", b"%PDF-1.7\n", b"{", b"[", b"a,b\n", b"<html>"])
            (tmp_path / "x").write_bytes(head + chance.randbytes(chance.randrange(1, 3000)))
            outcome = await outcome_of(loader, tmp_path / "x", name)
            assert ENDED not in outcome
            assert "was not read within" not in outcome
    await loader.aclose()
