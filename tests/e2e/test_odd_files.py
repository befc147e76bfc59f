"""Files that are broken, hostile or not what they say: each fails alone, with its reason, and all else stands."""

import io
import zipfile

import httpx
import pytest

from tests.e2e.documents import docx, pdf
from tests.e2e.live import server
from tests.retrieval.made_files import pptx, xlsx

GOOD = "The lighthouse at Cape Varn was lit in 1884."


def bomb(part: str = "word/document.xml") -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(part, b"<w>" + b"A" * 300_000_000)
    return target.getvalue()


ODD = {
    "broken.pdf": pdf(GOOD)[:300],
    "garbage.pdf": b"%PDF-1.7\n" + bytes(range(256)) * 40,
    "empty.txt": b"",
    "blank.md": b" \n\t\n ",
    "bomb.docx": bomb(),
    "zip.docx": docx(GOOD)[:-200],
    "picture.pdf": b"\x89PNG\r\n\x1a\n" + b"\0" * 400,
    "program.txt": b"\x7fELF" + bytes(range(256)) * 8,
    "letter.txt": pdf(GOOD),
    "bomb.xlsx": bomb("xl/workbook.xml"),
    "zip.xlsx": xlsx({"S": [["x", 1]]})[:-200],
    "locked.xlsx": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
    "deck.xlsx": pptx([("T", ["x"])]),
    "zip.pptx": pptx([("T", ["x"])])[:-200],
    "bare.pptx": pptx([("", [])]),
    "cut.json": b'[{"a": 1}, {"a": ',
    "prose.jsonl": b"no JSON\nat all\n",
    "deep.json": b"[" * 1_000_000,
    "picture.csv": b"\x89PNG\r\n\x1a\n" + b"\0" * 400,
    "program.py": b"\x7fELF" + bytes(range(256)) * 8,
    "latin.txt": b"caf\xe9 \xff\xfe\x80\x81 \xc3\x28 broken",
}


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    with (
        server(tmp_path_factory.mktemp("odd") / "data") as running,
        httpx.Client(base_url=running.url, timeout=60) as c,
    ):
        c.store = c.post("/v1/vector_stores", json={"name": "odd"}).json()["id"]
        c.good = add(c, "good.txt", GOOD.encode())["id"]
        yield c


def add(client, name, data, store=None):
    store = store or client.store
    reply = client.post("/v1/files", files={"file": (name, data)}, data={"purpose": "assistants"})
    assert reply.status_code == 200, reply.text
    file_id = reply.json()["id"]
    client.post(f"/v1/vector_stores/{store}/files", json={"file_id": file_id}).raise_for_status()
    while True:
        file = client.get(f"/v1/vector_stores/{store}/files/{file_id}").json()
        if file["status"] != "in_progress":
            return file


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD)
def test_an_odd_file_fails_with_its_reason(live, name):
    file = add(live, name, ODD[name])
    assert file["status"] == "failed"
    assert file["last_error"]["code"] in ("invalid_file", "unsupported_file")
    assert len(file["last_error"]["message"]) > 10
    assert "Traceback" not in file["last_error"]["message"]
    hits = live.post(f"/v1/vector_stores/{live.store}/search", json={"query": "lighthouse Cape Varn"}).json()["data"]
    assert [hit["file_id"] for hit in hits] == [live.good]
    assert live.get("/healthz").status_code == 200


@pytest.fixture(scope="module")
def tables(live):
    live.tables = live.post("/v1/vector_stores", json={"name": "tables"}).json()["id"]
    return live


SHIPS = xlsx({"船只": [["名称", "吨位"], ["海燕号", 4217], ["北风号", 388]]})
TONNES = "name;tonnes\nPetrel;4217\nBoreas;388\n".encode("utf-16")
CREWS = b'{"name": "Albatross", "crew": 31}\n{broken\n{"name": "Fulmar", "crew": 12}\n'
HARBOURS = pptx([("Harbours", ["Cape Varn is deep", "Skua Bay is not"])], notes="Ask about ice")
TIDES = b"import math\n\n\ndef tide(hour):\n    return math.sin(hour / 12.42)\n"
SHOWN = {
    "船.xlsx": (SHIPS, "海燕号的吨位", "| 海燕号 | 4217 |"),
    "ships.csv": (TONNES, "tonnes of the Petrel", "| Petrel | 4217 |"),
    "ships.jsonl": (CREWS, "crew of the Fulmar", "name: Fulmar; crew: 12"),
    "harbours.pptx": (HARBOURS, "deep harbours", "- Cape Varn is deep"),
    "tides.py": (TIDES, "tide at an hour", "def tide(hour):"),
}


@pytest.mark.parametrize("name", SHOWN)
def test_each_kind_of_file_is_found_and_cited_where_it_stands(tables, name):
    data, query, line = SHOWN[name]
    file = add(tables, name, data, tables.tables)
    assert (file["status"], file["last_error"]) == ("completed", None)
    (part,) = tables.get(f"/v1/vector_stores/{tables.tables}/files/{file['id']}/content").json()["data"]
    found = tables.post(f"/v1/vector_stores/{tables.tables}/search", json={"query": query}).json()["data"]
    (hit,) = [hit for hit in found if hit["filename"] == name]
    assert line in hit["content"][0]["text"]
    assert part["text"][hit["start"] : hit["end"]] == hit["content"][0]["text"]


def test_sixty_megabytes_are_refused_by_name(live):
    reply = live.post("/v1/files", files={"file": ("big.txt", b"word " * 12_000_000)}, data={"purpose": "assistants"})
    error = reply.json()["error"]
    assert (reply.status_code, error["param"], error["code"]) == (413, "file", "too_large")
    assert "max_upload_bytes" in error["message"]
