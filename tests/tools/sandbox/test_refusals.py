"""A kernel that lacks something, for real: a filter of system calls stands in for it, put on before the service starts.

Some lack a layer and say so; some say that a layer is on, and it is not. Neither is ever trusted.
"""

import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tools.sandbox import syscalls as nr
from tools.sandbox import tiers
from tools.sandbox.base import Limits
from tools.sandbox.errors import SandboxUnavailable
from tools.sandbox.tiers import Place, choose

try:
    tiers.check_machine()
except SandboxUnavailable as error:
    pytestmark = pytest.mark.skip(reason=error.reason)

SERVICE = """
import asyncio, json, sys
from pathlib import Path
from tools.sandbox import kernel, seccomp
from tools.sandbox.base import Cell, Limits
from tools.sandbox.base import Limits
from tools.sandbox.errors import SandboxUnavailable
from tools.sandbox.tiers import Place, choose
root, always = Path(sys.argv[1]), json.loads(sys.argv[2])
kernel.prctl(38, 1)
answers = {int(number): answer for number, answer in always.items()}
seccomp.install(seccomp.program(always=answers, where={}, otherwise=seccomp.ALLOW))
tier = choose("auto", Place(directory=root / "work", cache=root / "cache", limits=Limits(), load=False))
async def main():
    try:
        if tier.sandbox is None:
            raise SandboxUnavailable(tier.reason, tier.way_out)
        try:
            print("RAN", (await tier.sandbox.run(Cell(code="1 + 1"))).value)
        finally:
            await tier.sandbox.aclose()
    except SandboxUnavailable as error:
        print(error.reason, "|", error.way_out)
asyncio.run(main())
"""
ENOSYS, EINVAL, NOTHING_DONE = 0x00050000 | 38, 0x00050000 | 22, 0x00050000


def start(tmp_path, **always) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SERVICE, str(tmp_path), json.dumps(always)],
        capture_output=True, text=True, cwd=ROOT, timeout=60, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr[-2000:]


def test_with_nothing_missing_it_runs(tmp_path):
    assert start(tmp_path) == "RAN 2\n"


@pytest.mark.parametrize(
    ("missing", "answer", "reason"),
    [
        (nr.LANDLOCK_CREATE, ENOSYS, "has no Landlock, or it is switched off"),
        (nr.LANDLOCK_RESTRICT, ENOSYS, "could not shut itself in"),
        (nr.SECCOMP, EINVAL, "could not shut itself in"),
        (126, EINVAL, "could not shut itself in"),  # capset
        (nr.LANDLOCK_RESTRICT, NOTHING_DONE, "it read a file of the service; it listed a folder of the service"),
        (nr.SECCOMP, NOTHING_DONE, "it made a socket"),
    ],
    ids=["no Landlock", "no restriction", "no filter", "no capset", "Landlock lies", "the filter lies"],
)
def test_what_is_missing_is_named_and_nothing_runs(tmp_path, missing, answer, reason):
    said = start(tmp_path, **{str(missing): answer})
    assert reason in said
    assert "RAN" not in said
    assert "sandbox = 'remote'" in said or "another tier" in said


def test_a_sandbox_elsewhere_needs_an_address(tmp_path):
    tier = choose("remote", Place(directory=tmp_path / "work", cache=tmp_path / "cache", limits=Limits()))
    assert (tier.sandbox, tier.reason) == (None, "no address is set")
    assert "sandtable sandbox" in tier.way_out


@pytest.mark.parametrize(
    ("system", "machine", "reason"),
    [
        ("darwin", "arm64", "it rests on Landlock and seccomp of Linux; this is darwin"),
        ("win32", "AMD64", "it rests on Landlock and seccomp of Linux; this is win32"),
        ("linux", "aarch64", "its filter of system calls is written for x86_64 in 64 bits; this is aarch64"),
        ("linux", "riscv64", "this is riscv64"),
    ],
)
def test_other_machines_have_none(system, machine, reason):
    with pytest.raises(SandboxUnavailable, match=reason) as caught:
        tiers.check_machine(system, machine)
    assert "sandbox = 'remote'" in caught.value.way_out
