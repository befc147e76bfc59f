from pathlib import Path

import pytest

from server.cli.paths import find


@pytest.fixture
def here(tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def put(*paths):
    for path in map(Path, paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def names(found):
    return [local.name for local in found.files]


def test_folders_are_read_without_hidden_files_and_types_that_cannot_be_read(here):
    put(
        "docs/b.md",
        "docs/a/文件.TXT",
        "docs/.hidden.md",
        "docs/.git/config.txt",
        "docs/x.png",
        "docs/y.png",
        "docs/LICENSE",
    )
    found = find([Path("docs")], here)
    assert names(found) == ["docs/b.md", "docs/a/文件.TXT"]
    assert dict(found.skipped) == {"hidden": 2, ".png": 2, "no suffix": 1}


def test_a_file_that_is_named_is_never_skipped(here):
    put(".hidden.md", "x.png", "LICENSE")
    found = find([Path(".hidden.md"), Path("x.png"), Path("LICENSE")], here)
    assert names(found) == [".hidden.md", "x.png", "LICENSE"]
    assert found.skipped == ()


def test_a_name_is_the_same_however_the_file_is_reached(here):
    put("docs/a.md")
    for given in (Path("docs"), Path("docs/a.md"), Path("."), Path("docs/../docs"), here / "docs"):
        assert names(find([given], here)) == ["docs/a.md"]


def test_elsewhere_the_name_begins_with_what_was_given(here):
    put("../far/docs/sub/a.md")
    assert names(find([Path("../far/docs")], here)) == ["docs/sub/a.md"]
    assert names(find([Path("../far/docs/sub/a.md")], here)) == ["a.md"]


def test_a_file_given_twice_is_one_and_two_files_of_one_name_clash(here):
    put("a.md", "../one/b.md", "../two/b.md")
    found = find([Path("a.md"), Path("."), Path("../one/b.md"), Path("../two/b.md")], here)
    assert names(found) == ["a.md", "b.md"]
    assert [local.path for local in found.clashes] == [Path("../two/b.md")]
