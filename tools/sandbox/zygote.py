"""The sandbox's own process: loads the libraries once, forks a session when asked to, watches over all, buries them.

Started afresh with an environment of its own, so it never held a secret of the service; it speaks to the service over
one socket, and ends when that closes. It runs no code that a model wrote: its children do, after they shut themselves
in.  python -I -m tools.sandbox.zygote DESCRIPTOR SETTINGS
"""

from __future__ import annotations

import gc
import json
import os
import select
import socket
import sys
from dataclasses import dataclass, field
from typing import Any, NoReturn

from tools.sandbox import frames, landlock, worker
from tools.sandbox.jail import Policy, enter
from tools.sandbox.readable import readable
from tools.sandbox.usage import Usage, cpu_seconds, excess
from tools.sandbox.warm import Warm, warm_up

TICK, REST = 100, 2000
"""Milliseconds between two looks, while code runs and while none does."""
LONGEST_ORDER = 1 << 16
JAIL_FAILED = 97


@dataclass
class Child:
    number: int
    pid: int
    pidfd: int
    limits: dict[str, Any]
    work: str
    allowed: Usage | None = None
    """While code runs."""
    why: str = field(default="")
    """It was ended for it."""


class Zygote:
    def __init__(self, channel: socket.socket, places: list[str]) -> None:
        self._channel = channel
        self._places = places
        self._service = os.getppid()
        self._children: dict[int, Child] = {}
        """By descriptor."""
        self._poll = select.poll()
        self._poll.register(channel, select.POLLIN)

    def serve(self) -> None:
        """Until the service is gone."""
        while os.getppid() == self._service:
            busy = [child for child in self._children.values() if child.allowed is not None]
            for fd, _ in self._poll.poll(TICK if busy else REST):
                if fd != self._channel.fileno():
                    self._bury(self._children.pop(fd))
                elif not self._listen():
                    return
            for child in self._children.values():
                self._look_after(child)

    def _listen(self) -> bool:
        data, given, _, _ = socket.recv_fds(self._channel, LONGEST_ORDER, 2)
        if not data:
            return False
        order = json.loads(data)
        if order["do"] == "spawn":
            self._spawn(order, *given)
            return True
        for child in self._children.values():
            if child.number == order["id"]:
                self._look_after(child)  # a last time, before it rests with what it holds
                busy = order["do"] == "watch"
                child.allowed = self._allowance(child) if busy else None
        return True

    def _allowance(self, child: Child) -> Usage:
        limits = child.limits
        return Usage(
            cpu=cpu_seconds(child.pid) + limits["seconds"],
            disk=limits["disk_mb"] << 20,
            files=limits["files"],
            threads=limits["threads"],
        )

    def _look_after(self, child: Child) -> None:
        if child.allowed is not None and (why := excess(child.pid, child.work, child.allowed)):
            child.why, child.allowed = why, None
            os.kill(child.pid, 9)  # our own child, not buried yet: the number is its

    def _spawn(self, order: dict[str, Any], talk: int, output: int) -> None:
        us = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            self._say({"failed": order["id"], "why": f"no process could be made: {error.strerror}"})
        else:
            if not pid:
                self._channel.detach()
                _be_born(order, talk, output, self._places, us)
            pidfd = os.pidfd_open(pid)
            limits = order["limits"]
            child = Child(order["id"], pid, pidfd, limits, order["work"])
            child.allowed = self._allowance(child)
            self._children[pidfd] = child
            self._poll.register(pidfd, select.POLLIN)
            self._say({"spawned": order["id"]}, pidfd)
        finally:
            os.close(talk)
            os.close(output)

    def _bury(self, child: Child) -> None:
        self._poll.unregister(child.pidfd)
        _, status = os.waitpid(child.pid, 0)
        os.close(child.pidfd)
        self._say({"ended": child.number, "code": os.waitstatus_to_exitcode(status), "why": child.why})

    def _say(self, message: dict[str, Any], *fds: int) -> None:
        socket.send_fds(self._channel, [json.dumps(message).encode()], fds)


def _be_born(order: dict[str, Any], talk: int, output: int, places: list[str], parent: int) -> NoReturn:
    """In the child: keep two descriptors and nothing else, shut in, and serve."""
    try:
        os.setsid()
        for standard in (1, 2):
            os.dup2(output, standard)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        if talk != worker.TALK:
            os.dup2(talk, worker.TALK, inheritable=False)
        os.closerange(worker.TALK + 1, 1 << 16)
        os.chdir(order["work"])
        limits = order["limits"]
        try:
            enter(Policy(order["work"], places, limits["memory_mb"], limits["disk_mb"]), parent)
        except OSError as error:
            frames.write(worker.TALK, {"failed": error.strerror or str(error)})
            os._exit(JAIL_FAILED)
        frames.write(worker.TALK, {"ready": True})
        worker.serve()
    finally:
        os._exit(1)


def main() -> None:
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.set_inheritable(False)
    settings = json.loads(sys.argv[2])
    warm: Warm = warm_up(settings["load"])
    places = readable(warm.font_folder)
    gc.collect()
    gc.freeze()
    about = {"ready": True, "landlock": landlock.version(), "readable": places, **warm.as_json()}
    channel.send(json.dumps(about).encode())
    Zygote(channel, places).serve()


if __name__ == "__main__":
    main()
