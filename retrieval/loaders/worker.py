"""The process that reads risky files, one at a time: `python -m retrieval.loaders.worker MEGABYTES`.

A request is a line of JSON on stdin; a reply is eight bytes of length (big-endian) and so much JSON on stdout. The end
of stdin ends the process, whatever it is doing: a server that is killed leaves no worker behind.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import BinaryIO, Final

from retrieval.errors import LoadFailed
from retrieval.loaders.load import load
from retrieval.parent import die_with_parent

# Seconds of processor time beyond the caller's time-out, after which the kernel ends a worker that nobody stopped.
_GRACE: Final = 10


def main() -> None:
    die_with_parent()
    _limit_memory(int(sys.argv[1]))
    # Libraries may print: replies keep the real stdout for themselves.
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_read, args=(sys.stdin.buffer, requests), daemon=True).start()
    while True:
        request = json.loads(requests.get())
        _limit_time(request["seconds"])
        reply = _answer(Path(request["path"]), request["filename"])
        replies.write(len(reply).to_bytes(8, "big") + reply)
        replies.flush()


def _read(stdin: BinaryIO, requests: SimpleQueue[bytes]) -> None:
    for line in stdin:
        requests.put(line)
    os._exit(0)


def _answer(path: Path, filename: str) -> bytes:
    try:
        return load(path, filename).model_dump_json().encode("utf-8")
    except MemoryError:
        # What is left of the heap is not to be trusted; the server reads the end of this process as the reason.
        os._exit(1)
    except LoadFailed as error:
        return json.dumps({"error": str(error), "code": error.code}).encode("utf-8")
    except OSError as error:
        return json.dumps({"error": f"{filename!r} cannot be read: {error.strerror}", "code": "invalid_file"}).encode()


def _limit_memory(megabytes: int) -> None:
    if sys.platform != "linux":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_time(seconds: float) -> None:
    if sys.platform != "linux":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    wanted = int(used.ru_utime + used.ru_stime + seconds) + _GRACE
    resource.setrlimit(resource.RLIMIT_CPU, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


if __name__ == "__main__":
    main()
