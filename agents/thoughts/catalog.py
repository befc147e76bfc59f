"""The problems that a tree search knows, by name."""

from __future__ import annotations

from agents.thoughts.base import Problem
from agents.thoughts.crosswords import CrosswordThoughts
from agents.thoughts.game24 import Game24Thoughts
from agents.thoughts.text import TextThoughts

PROBLEMS: dict[str, Problem] = {"text": TextThoughts(), "game24": Game24Thoughts(), "crosswords": CrosswordThoughts()}


def problem_of(name: str) -> Problem:
    return PROBLEMS[name]
