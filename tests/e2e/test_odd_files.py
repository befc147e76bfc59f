"""Files that are broken, hostile or not what they say: each fails alone, with its reason, and all else stands."""

import io
import zipfile

import httpx
import pytest

from tests.e2e.documents import docx, pdf
from tests.e2e.live import server

GOOD = "The lighthouse at Cape Varn was lit in 1884."


def bomb() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", b"<w>" + b"A" * 300_000_000)
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


def add(client, name, data):
    reply = client.post("/v1/files", files={"file": (name, data)}, data={"purpose": "assistants"})
    assert reply.status_code == 200, reply.text
    file_id = reply.json()["id"]
    client.post(f"/v1/vector_stores/{client.store}/files", json={"file_id": file_id}).raise_for_status()
    while True:
        file = client.get(f"/v1/vector_stores/{client.store}/files/{file_id}").json()
        if file["status"] != "in_progress":
            return file


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


def test_sixty_megabytes_are_refused_by_name(live):
    reply = live.post("/v1/files", files={"file": ("big.txt", b"word " * 12_000_000)}, data={"purpose": "assistants"})
    error = reply.json()["error"]
    assert (reply.status_code, error["param"], error["code"]) == (413, "file", "too_large")
    assert "max_upload_bytes" in error["message"]
