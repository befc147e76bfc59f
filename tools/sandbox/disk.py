"""What a session takes of the disk, looked at from outside while its code works on. Standard library only.

Files that have a name are found in the work folder. One whose name was removed stays on the disk as long as it is open
or mapped: it is found among the descriptors of the process and in its memory map.
"""

from __future__ import annotations

import os
import stat

from tools.sandbox.folders import open_folder

DEEPEST = 64
"""Folders in folders: each costs whoever walks them a descriptor."""
MOST_MAPS = 1 << 20
"""Bytes of the list of a process's mappings; with numpy, pandas and matplotlib it has a tenth of that."""
REMOVED = b" (deleted)"
"""What the kernel puts behind the path of a mapped file that has no name any more."""


def too_much_held(pid: int, work: str, disk: int, files: int) -> str:
    """What is more than `disk` bytes and `files` entries, in words; empty if nothing is. Raises OSError."""
    top = open_folder(work)
    if top is None:
        return ""
    tally = _Tally(disk, files)
    return tally.named(top, 0) or tally.removed(pid, f"{os.path.realpath(work)}/".encode())


class _Tally:
    """Counts until something is too much."""

    def __init__(self, disk: int, files: int) -> None:
        self._most_disk = disk
        self._most_files = files
        self._disk = 0
        self._files = 0

    def named(self, folder: int, depth: int) -> str:
        """What lies in the folder, and below it; closes it."""
        try:
            if depth > DEEPEST:
                return f"folders more than {DEEPEST} deep"
            inner = []
            with os.scandir(folder) as entries:
                for entry in entries:
                    found = _about(entry)
                    if why := self._count(found):
                        return why
                    if found is not None and stat.S_ISDIR(found.st_mode):
                        inner.append(entry.name)
            for name in inner:
                below = open_folder(name, folder)
                if below is not None and (why := self.named(below, depth + 1)):
                    return why
            return ""
        finally:
            os.close(folder)

    def removed(self, pid: int, work: bytes) -> str:
        """Files without a name that the process holds."""
        before, held = _mapped(pid, work), _open(pid)
        for found in held.values():
            if why := self._count(found):
                return why
        if before is None or ((unseen := before - held.keys()) and (after := _mapped(pid, work)) is None):
            return "more memory mappings than can be looked through"
        # How much such a file takes cannot be learned. It was mapped before and after we looked for a descriptor of it,
        # so it was not just being closed.
        return "a removed file that is still mapped and no longer open" if unseen and after and unseen & after else ""

    def _count(self, found: os.stat_result | None) -> str:
        self._files += 1
        if found is not None:
            self._disk += found.st_blocks * 512
        if self._disk > self._most_disk:
            return f"more than {self._most_disk >> 20} MiB in its work folder"
        if self._files > self._most_files:
            return f"more than {self._most_files} files in its work folder"
        return ""


def _about(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except (FileNotFoundError, PermissionError):
        return None


def _open(pid: int) -> dict[int, os.stat_result]:
    """Regular files without a name that the process has open, by inode. All its threads share one table (`seccomp`)."""
    held = {}
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            found = os.stat(f"/proc/{pid}/fd/{number}")
        except FileNotFoundError:  # closed meanwhile
            continue
        if stat.S_ISREG(found.st_mode) and found.st_nlink == 0:
            held[found.st_ino] = found
    return held


def _mapped(pid: int, work: bytes) -> set[int] | None:
    """Inodes of files of the work folder that have no name and are mapped; None: there is too much to read.

    By inode alone: on some file systems (overlayfs, btrfs) the device has another number here than in `stat`.
    """
    with open(f"/proc/{pid}/maps", "rb") as file:
        lines = file.read(MOST_MAPS + 1)
    if len(lines) > MOST_MAPS:
        return None
    if REMOVED not in lines:
        return set()
    # Addresses, rights, offset, device, inode, path.
    fields = [line.split(None, 5) for line in lines.splitlines() if line.endswith(REMOVED)]
    return {int(found[4]) for found in fields if found[5].startswith(work)}
