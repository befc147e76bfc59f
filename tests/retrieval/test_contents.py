import sys
import threading

from hypothesis import given
from hypothesis import strategies as st

from retrieval.contents import Content, Contents, FileEntry


def entry(file_id, **attributes):
    return FileEntry(file_id, f"{file_id}.md", attributes)


def in_english(attributes):
    return attributes.get("lang") == "en"


def test_a_chunk_belongs_to_the_first_file_that_passes():
    contents = Contents()
    contents.add_content(Content(1, first=10, count=3))
    contents.add_content(Content(2, first=13, count=1))
    contents.put_file(1, entry("a", lang="zh"))
    contents.put_file(1, entry("b", lang="en"))
    contents.put_file(2, entry("c", lang="zh"))
    assert [contents.file_of(chunk, None).file_id for chunk in (10, 12, 13)] == ["a", "a", "c"]
    assert contents.file_of(12, in_english).file_id == "b"
    assert contents.file_of(13, in_english) is None
    assert contents.file_of(9, None) is None
    assert contents.file_of(14, None) is None
    assert contents.allowed(in_english).tolist() == [10, 11, 12]


def test_content_goes_with_its_last_file():
    contents = Contents()
    contents.add_content(Content(1, first=1, count=2))
    contents.put_file(1, entry("a"))
    contents.put_file(1, entry("b"))
    assert contents.drop_file("a") is None
    assert contents.file_of(1, None).file_id == "b"
    assert contents.drop_file("b") == Content(1, 1, 2)
    assert contents.file_of(1, None) is None
    assert contents.drop_file("b") is None
    assert len(contents) == 0


@given(st.lists(st.tuples(st.integers(1, 8), st.booleans()), max_size=40))
def test_every_chunk_has_its_own_file_whatever_comes_and_goes(steps):
    contents, alive = Contents(), {}
    for id, add in steps:
        if add:
            contents.add_content(Content(id, first=id * 100, count=id))
            contents.put_file(id, entry(f"f{id}"))
            alive[id] = True
        else:
            contents.drop_file(f"f{id}")
            alive.pop(id, None)
    expected = [id * 100 + n for id in sorted(alive) for n in range(id)]
    assert contents.allowed(lambda _: True).tolist() == expected
    assert [contents.file_of(c, None).file_id for c in expected] == [f"f{c // 100}" for c in expected]


def test_a_chunk_keeps_its_file_while_others_come_and_go_on_another_thread():
    contents, ended = Contents(), threading.Event()
    for id in range(1, 200):
        contents.add_content(Content(id, first=id * 10, count=10))
        contents.put_file(id, entry(f"f{id}"))

    def change():
        while not ended.is_set():
            for id in range(1, 100):
                contents.drop_file(f"f{id}")
                contents.add_content(Content(id, first=id * 10, count=10))
                contents.put_file(id, entry(f"f{id}"))

    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    changing = threading.Thread(target=change)
    changing.start()
    try:
        found = [(chunk, contents.file_of(chunk, None)) for _ in range(20) for chunk in range(1000, 2000, 3)]
    finally:
        ended.set()
        changing.join()
        sys.setswitchinterval(usual)
    assert [(chunk, file and file.file_id) for chunk, file in found] == [(c, f"f{c // 10}") for c, _ in found]
