"""What is on the disk is counted, and removed, however deep it lies and whether or not it has a name."""

import ctypes
import os
import sys

import pytest

from tools.sandbox.place import remove

if sys.platform != "linux":
    pytest.skip("it looks into /proc", allow_module_level=True)

from tools.sandbox.disk import too_much_held

LONG = "深" * 85
"""As long as a name can be, in UTF-8."""


@pytest.fixture
def work(tmp_path):
    made = tmp_path / "work"
    made.mkdir()
    yield made
    remove(made)
    assert not made.exists()


def held(work, disk=1 << 20, files=100):
    return too_much_held(os.getpid(), str(work), disk, files)


def nest(work, depth, name=LONG):
    """Folders in folders, and a file of 100 kB at the bottom."""
    here = os.open(work, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    with os.fdopen(os.open(b"\xff", os.O_WRONLY | os.O_CREAT, dir_fd=here), "wb") as file:
        file.write(bytes(100_000))
    os.close(here)


def test_long_paths_are_counted_to_their_end(work):
    nest(work, 60)
    assert held(work) == ""
    assert held(work, files=60) == "more than 60 files in its work folder"
    assert "MiB in its work folder" in held(work, disk=90_000)


@pytest.mark.parametrize("depth", [70, pytest.param(1500, marks=pytest.mark.slow)])
def test_folders_that_are_too_deep_are_told_and_removed(work, depth):
    nest(work, depth)
    assert held(work, disk=1 << 30, files=10_000) == "folders more than 64 deep"


def test_what_cannot_be_read_is_read_and_removed(work):
    (work / "closed").mkdir()
    (work / "closed" / "x").write_bytes(bytes(100_000))
    (work / "closed").chmod(0o300)
    (work / "shut").mkdir(0)
    assert "MiB in its work folder" in held(work, disk=90_000)


def test_a_file_without_a_name_counts_while_it_is_open(work):
    with open(work / "m", "wb") as file:
        os.unlink(work / "m")
        file.write(bytes(100_000))
        file.flush()
        assert "MiB in its work folder" in held(work, disk=90_000)
        assert held(work) == ""
    assert held(work, disk=90_000) == ""


def test_a_file_without_a_name_cannot_hide_in_memory(work):
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    with open(work / "m", "w+b") as file:
        os.unlink(work / "m")
        file.write(bytes(4096))
        file.flush()
        at = libc.mmap(None, ctypes.c_size_t(4096), 1, 2, file.fileno(), ctypes.c_long(0))
        assert held(work) == ""
    assert held(work) == "a removed file that is still mapped and no longer open"
    libc.munmap(ctypes.c_void_p(at), ctypes.c_size_t(4096))
    assert held(work) == ""


def test_a_folder_that_is_gone_has_nothing(tmp_path):
    assert held(tmp_path / "none") == ""
    remove(tmp_path / "none")
    (tmp_path / "file").touch()
    remove(tmp_path / "file")
    assert (tmp_path / "file").exists()
