"""A foreseeable problem: told in one sentence with a way out, never as a traceback."""

from __future__ import annotations

from typing import Any


class CommandFailed(Exception):
    """Ends a command with exit code 1, or 2 for wrong use. `status`: of the HTTP answer that said so, if one did."""

    def __init__(
        self,
        message: str,
        *,
        type: str = "command_failed",
        param: str | None = None,
        code: str | None = None,
        status: int | None = None,
        wrong_use: bool = False,
        about: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.type = type
        self.param = param
        self.code = code
        self.status = status
        self.wrong_use = wrong_use
        self.about = about

    def body(self) -> dict[str, Any]:
        told = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return {"error": told if self.about is None else {**told, "sandtable": self.about}}

    def text(self) -> str:
        named = self.param is None or self.param in self.message
        return self.message if named else f"{self.message} (parameter {self.param!r})"
