"""What `generative` asks of its model, and the form that the answers must have."""

from __future__ import annotations

from itertools import pairwise

from pydantic import Field, field_validator, model_validator

from agents.memory.prompts import DATA, Reply, Text

_CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"


class Stroke(Reply):
    start: str = Field(pattern=_CLOCK, description="HH:MM")
    what: Text

    @property
    def minute(self) -> int:
        hours, minutes = self.start.split(":")
        return int(hours) * 60 + int(minutes)


class Day(Reply):
    steps: list[Stroke] = Field(min_length=1, max_length=12)

    @field_validator("steps")
    @classmethod
    def _in_order(cls, steps: list[Stroke]) -> list[Stroke]:
        for before, after in pairwise(steps):
            if after.minute <= before.minute:
                raise ValueError(f"{after.start} does not come after {before.start}")
        return steps


class Hours(Day):
    steps: list[Stroke] = Field(min_length=1, max_length=24)

    @model_validator(mode="after")
    def _on_the_hour(self) -> Hours:
        off = [step.start for step in self.steps if step.minute % 60]
        if off:
            raise ValueError(f"{off[0]} is not on the hour")
        return self


class Block(Stroke):
    minutes: int = Field(ge=5, le=15)


class Blocks(Reply):
    blocks: list[Block] = Field(min_length=4, max_length=12)

    @model_validator(mode="after")
    def _fills_the_hour(self) -> Blocks:
        """Whichever hour it is: from its first minute to its last."""
        begins = self.blocks[0].minute // 60 * 60
        at = begins
        for block in self.blocks:
            if block.minute != at:
                raise ValueError(f"a block begins at {block.start}, not at {clock(at)}, where the one before ends")
            at += block.minutes
        if at != begins + 60:
            raise ValueError(f"the blocks end at {clock(at)}, not at {clock(begins + 60)}")
        return self


def clock(minute: int) -> str:
    return f"{minute // 60 % 24:02}:{minute % 60:02}"


DAY = (
    "It is {date}, and {name} plans the day. What {name} remembers that bears on it. "
    + DATA
    + "\n\n{memories}\n\nGive "
    "the day in 5 to 8 broad strokes, each with the time at which it begins, in the language of the memories."
)
HOUR_BY_HOUR = (
    "The day that {name} has planned for {date}:\n{day}\n\nSay what {name} does in each hour of it, from the first "
    "stroke to the last: one step an hour, each beginning on the hour."
)
MINUTES = (
    "What {name} has planned for {date}, hour by hour:\n{hours}\n\nDivide the hour from {hour} into blocks of 5 to 15 "
    "minutes that follow each other without a gap and fill it."
)
ANSWER = (
    "It is {time}. What {name} remembers that bears on the message, most relevant first. " + DATA + "\n\n{memories}\n"
    "{plan}\n{speaker} The message is in the user's words below. Answer as {name} would, in the language of the "
    "message, and from what {name} remembers: what {name} cannot know is not known."
)
PLANNED = "\nWhat {name} is doing now by the plan of the day: {what}\n"
SPEAKER = "{speaker} speaks to {name}."
NOTHING = "(nothing yet)"
SAID = '{speaker} said to {name}: "{question}" {name} answered: "{answer}"'
SAID_ZH = "{speaker}对{name}说：“{question}”{name}回答：“{answer}”"
