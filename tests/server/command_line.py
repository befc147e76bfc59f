"""The `sandtable` command in this process, as a shell would run it."""

import json
from typing import NamedTuple

from server.cli.main import run


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


class CommandLine:
    def __init__(self, capsys):
        self._capsys = capsys

    def __call__(self, *arguments):
        self._capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Result(code, *self._capsys.readouterr())

    def fine(self, *arguments):
        result = self(*arguments)
        assert result.code == 0, result
        return result
