"""Commands in process on a data directory, from the shell's point of view."""

import json
import re

import pytest

from server.data_lock import DataLock
from tests.server.command_line import CommandLine


@pytest.fixture
def sandtable(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANDTABLE_BACKEND", "extractive")
    monkeypatch.setenv("COLUMNS", "100")
    return CommandLine(capsys)


@pytest.fixture
def docs(tmp_path):
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    (folder / "fox.md").write_text("The red fox lives in Graz. It eats plums in autumn.\n")
    (folder / "sub" / "fox.md").write_text("蓝色的火车每天八点从成都出发。它在重庆停十分钟。\n")
    return folder


def results(document):
    return {file["name"]: file["result"] for file in document["files"]}


@pytest.mark.slow
def test_a_folder_is_kept_in_step(sandtable, docs):
    first = sandtable.fine("ingest", "docs", "-c", "notes", "-a", "year=2023", "--json").json
    assert first["collection"]["created"]
    assert results(first) == {"docs/fox.md": "added", "docs/sub/fox.md": "added"}

    (docs / "fox.md").write_text("The red fox moved to Linz.\n")
    second = sandtable.fine("ingest", "docs", "-c", "notes", "--json").json
    assert second["collection"] == {**first["collection"], "created": False}
    assert results(second) == {"docs/fox.md": "replaced", "docs/sub/fox.md": "unchanged"}
    found = sandtable.fine("search", "Where does the red fox live?", "-c", first["collection"]["id"], "--json").json
    texts = ["".join(part["text"] for part in hit["content"]) for hit in found["data"]]
    assert not any("Graz" in text for text in texts)
    linz = found["data"][next(i for i, text in enumerate(texts) if "Linz" in text)]
    assert linz["attributes"] == {"path": "docs/fox.md", "year": 2023}


@pytest.mark.slow
def test_a_file_that_fails_leaves_the_version_before_it(sandtable, docs):
    sandtable.fine("ingest", "docs", "-c", "notes")
    (docs / "fox.md").write_bytes(b"\x00\x01\x02\xff" * 50)
    result = sandtable("ingest", "docs", "-c", "notes", "--json")
    assert result.code == 1
    assert results(result.json) == {"docs/fox.md": "failed", "docs/sub/fox.md": "unchanged"}
    assert all(file["reason"] for file in result.json["files"] if file["result"] == "failed")
    (docs / "fox.md").write_text("The red fox lives in Graz. It eats plums in autumn.\n")
    # The failed version left nothing behind: what is there is the one before, byte for byte.
    assert results(sandtable.fine("ingest", "docs", "-c", "notes", "--json").json)["docs/fox.md"] == "unchanged"


def test_the_terminal_shows_a_line_for_each_file(sandtable, docs):
    (docs / "empty.txt").write_text("")
    (docs / "photo.png").write_bytes(b"x")
    result = sandtable("ingest", "docs", "-c", "notes")
    assert result.code == 1
    lines = result.out.splitlines()
    assert re.fullmatch(r"failed +docs/empty\.txt: .+", lines[0])
    assert [line.split() for line in lines[1:3]] == [["added", "docs/fox.md"], ["added", "docs/sub/fox.md"]]
    assert lines[3] == "notes (new): 2 added, 1 failed"
    assert "1 .png" in result.err


def test_nothing_to_ingest_makes_no_collection(sandtable, tmp_path):
    (tmp_path / "empty").mkdir()
    result = sandtable("ingest", "empty", "-c", "notes")
    assert result.code == 1
    assert "'empty'" in result.err
    assert not (tmp_path / ".sandtable").exists()


def test_search_shows_places_and_stages(sandtable, docs):
    sandtable.fine("ingest", "docs", "-c", "notes")
    shown = sandtable.fine("search", "火车几点出发", "-c", "notes", "--explain").out
    assert "蓝色的火车每天八点从成都出发。" in shown
    assert re.search(r"lexical \d+\.\d+ \(#1\)", shown)
    assert re.search(r"\n +0-\d+", shown)
    assert "terms" in shown


@pytest.mark.slow
def test_several_queries_and_a_reranker_say_what_they_did(sandtable, docs):
    sandtable.fine("ingest", "docs", "-c", "notes")
    found = ("search", "火车几点出发", "fox", "-c", "notes", "--rerank", "neighbours")
    shown = sandtable.fine(*found, "--explain").out
    assert re.search(r"rerank \d\.\d+ \(#1,", shown)
    assert re.search(r"before #\d\)", shown)
    assert "'fox'" in shown
    assert sandtable.fine(*found, "--json").json["search_query"] == ["火车几点出发", "fox"]
    refused = sandtable("search", "fox", "-c", "notes", "--rerank", "best")
    assert refused.code != 0
    assert "'neighbours', which needs no model" in refused.err
    wrong = sandtable("ask", "What does the fox do?", "-c", "notes", "--generation", "gen_none")
    assert wrong.code == 2
    assert "no generation 'gen_none'" in wrong.err


def test_an_answer_streams_and_names_its_sources(sandtable, docs):
    sandtable.fine("ingest", "docs", "-c", "notes")
    result = sandtable.fine("ask", "Where does the red fox live?")
    answer, _, sources = result.out.partition("\n\nSources\n")
    assert answer.startswith("The red fox lives in Graz.")
    marker = re.search(r"\[\d\]", answer)[0]
    assert sources.startswith(f"{marker} fox.md:0-")
    assert "“The red fox lives in Graz." in sources
    assert "the only one there is" in result.err
    assert re.search(r"run [0-9a-f-]{36} · extractive · \d+\.\d\d s · ", result.err)


def test_the_json_answer_is_the_whole_reply(sandtable, docs):
    sandtable.fine("ingest", "docs", "-c", "notes")
    reply = sandtable.fine("ask", "火车几点从成都出发？", "-c", "notes", "-o", "k=2", "--json").json
    message = reply["choices"][0]["message"]
    assert message["content"].startswith("蓝色的火车每天八点从成都出发。")
    (note,) = message["annotations"]
    assert note["quote"] == "蓝色的火车每天八点从成都出发。"
    assert reply["sandtable"]["run_id"]


def test_a_script_answers_with_thoughts_beside_it(sandtable, tmp_path):
    (tmp_path / "replies.json").write_text(json.dumps([{"reasoning": "Hm, [b]nine[/b].", "text": "九 \x1b[31m[x]"}]))
    result = sandtable.fine("ask", "How many?", "-p", "chat", "-b", "scripted:replies.json", "--system", "Be brief.")
    assert result.out == "九 [31m[x]\n"
    assert result.err.startswith("Hm, [b]nine[/b].\n")


@pytest.mark.slow
def test_what_a_question_lacks_is_said(sandtable, docs):
    result = sandtable("ask", "Where does the red fox live?")
    assert result.code == 1
    assert "sandtable ingest PATH -c NAME" in result.err
    sandtable.fine("ingest", "docs", "-c", "notes")
    sandtable.fine("ingest", "docs/sub", "-c", "trains")
    result = sandtable("ask", "Where does the red fox live?")
    assert result.code == 1
    assert "-c: trains, notes" in result.err
    error = sandtable("ask", "Where?", "-c", "nope", "--json").json["error"]
    assert error["code"] == "collection_not_found"
    assert "trains, notes" in error["message"]
    error = sandtable("ask", "Where?", "-c", "notes", "-o", "k=1000", "--json").json["error"]
    assert error["param"] == "sandtable.options.k"
    for wrong in (["-o", "k=1000"], ["-o", "nope=1"], ["-p", "nope"]):
        assert sandtable("ask", "Where?", "-c", "notes", *wrong).code == 2
    result = sandtable("ask", "Where?", "-p", "rag:nope")
    assert (result.code, "Traceback" in result.err) == (2, False)
    result = sandtable("ask", "Where?", "-c", "notes", "-b", "nope:model")
    assert result.code == 1
    assert "'nope'" in result.err


def test_foreseeable_problems_are_sentences(sandtable, tmp_path):
    (tmp_path / "bad.toml").write_text("colour = 'red'\n")
    (tmp_path / "worse.toml").write_text("colour = \n")
    (tmp_path / "profile.toml").write_text("[backends.mine]\nbase_url = 'ftp://x'\n")
    (tmp_path / "file").write_text("")
    for arguments, named in [
        (["--config", "bad.toml"], "colour"),
        (["--config", "worse.toml"], "not valid TOML"),
        (["--config", "missing.toml"], "'missing.toml'"),
        (["--config", "profile.toml"], "base_url"),
        (["--data-dir", "file/inside"], "'file/inside'"),
        (["--url", "http://127.0.0.1:9"], "sandtable serve"),
    ]:
        result = sandtable("search", "x", "-c", "notes", *arguments)
        assert (result.code, result.out) == (1, "")
        assert named in result.err
        assert result.err.startswith("Error: ")
        assert "Traceback" not in result.err


def test_a_data_directory_in_use_by_a_command_is_said(sandtable, tmp_path):
    lock = DataLock(tmp_path / ".sandtable")
    try:
        result = sandtable("search", "x", "-c", "notes", "--json")
    finally:
        lock.release()
    assert result.code == 1
    assert result.json["error"]["code"] == "data_directory_in_use"


def test_keys_of_the_configuration_open_the_service_in_process(sandtable, docs, tmp_path):
    (tmp_path / "sandtable.toml").write_text('[[keys]]\nkey = "secret-key"\ntenant = "ann"\n')
    sandtable.fine("ingest", "docs", "-c", "notes")
    error = sandtable("search", "fox", "-c", "notes", "--api-key", "wrong", "--json").json["error"]
    assert error["type"] == "authentication_error"
