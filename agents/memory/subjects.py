"""What a statement about the user gives a value to, by patterns: all that tells without a model that one fact replaces
another. `My dog is called Rex` and `My dog is ill` are about one dog, and both hold.

So only an attribute that has one value at a time is a subject, and only where the statement gives that value and says
nothing else: a name, an age, a home, an employer, a number, a date, what one likes best. In doubt it is none.
"""

from __future__ import annotations

import re

from agents.memory import values
from agents.memory.subjects_zh import subject_of as subject_of_chinese
from agents.memory.values import listed

_FIRST = r"(?:(?:and|but|so|now|well|oh|no|yes|actually|currently|sorry|hi|hello|hey|by the way)\b[,!]?\s+)*"
_NOW = r"(?:,?\s+(?:now|nowadays|these days|at the moment|currently|at present|again|instead))?"
_THING = r"(?P<of>(?:my|our)(?:\s+[\w'-]+){1,4}?)"
_IS = r"(?:'s|\s+is)(?:\s+now)?"
_I = r"i(?:\s+(?:now|currently|just|recently))?"
_I_AM = r"i(?:'m|\s+am)(?:\s+(?:now|currently))?"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(rf"{_FIRST}{text}{_NOW}", re.IGNORECASE)


_MY_NAME = _pattern(rf"(?:my\s+name{_IS}|{_I_AM}\s+called)\s+(?P<value>.+?)")
_NAME = _pattern(rf"{_THING}(?:{_IS}|\s+was\s+renamed)\s+(?:called|named)\s+(?P<value>.+?)")
_NAME_IS = _pattern(rf"(?:{_THING}'s\s+name|the\s+name\s+of\s+(?P<too>my(?:\s+[\w'-]+){{1,4}}?)){_IS}\s+(?P<value>.+?)")
_HOME = _pattern(
    rf"(?:{_I}\s+live\s+in|{_I_AM}\s+living\s+in|i(?:'ve|\s+have)?(?:\s+(?:now|just|recently))?\s+moved\s+to)"
    r"\s+(?P<value>.+?)"
)
_ADDRESS = _pattern(rf"{_I}\s+live\s+at\s+(?P<value>.+?)")
_WORK = _pattern(rf"(?:{_I}\s+work|{_I_AM}\s+working)\s+(?:at|for)\s+(?P<value>.+?)")
_STUDY = _pattern(rf"(?:{_I}\s+study|{_I_AM}\s+studying)\s+at\s+(?P<value>.+?)")
_SPOUSE = _pattern(rf"{_I_AM}\s+married\s+to\s+(?P<value>.+?)")
_AGE = _pattern(rf"(?:{_I_AM}|my\s+age{_IS})\s+\d{{1,3}}(?:\s+years?\s+old)?")
_PREFER = _pattern(rf"{_I}\s+prefer\s+(?P<one>[\w'-]+(?:\s+[\w'-]+)?)\s+(?:to|over)\s+(?P<two>[\w'-]+(?:\s+[\w'-]+)?)")
_FAVOURITE = _pattern(
    rf"my\s+favou?rite\s+(?P<of>[\w'-]+(?:\s+[\w'-]+){{0,2}}?)(?:{_IS}|\s+are(?:\s+now)?)\s+(?P<value>.+?)"
)
_VALUE = _pattern(
    rf"{_THING}(?:{_IS}|\s+(?:(?:has|have|is|was|has\s+been)\s+)?(?:changed|moved|postponed|rescheduled|shifted)\s+to)"
    r"\s+(?:(?P<at>on|at)\s+)?(?P<value>.+?)"
)  # fmt: skip

_MANY = listed(
    "friend friends colleague coworker neighbour neighbor cousin classmate student client customer teammate uncle aunt"
    " child kid book song project"
)
"""Of whom there are several with names of their own: `My friend is called Tom`."""
_JOINING = re.compile(r"\b(?:and|or|who|that|which|in|of|from|with|at|for|about|other|second|another|old|former|ex)\b")
_NUMBERED = listed(
    "code pin passcode number email e-mail address birthday birthdate age size height weight salary income rent budget"
    " postcode zip iban plate gate seat password passphrase username login"
)
_NAMED = listed(
    "birthday birthdate address size seat gate password passphrase username login nickname nationality hometown"
    " employer school university surname"
)
_HOLDER = listed(
    "dentist doctor gp physician vet boss manager supervisor teacher tutor coach mentor landlord landlady lawyer"
    " accountant therapist hairdresser barber plumber husband wife spouse partner fiance fiancee girlfriend boyfriend"
    " roommate flatmate housemate"
)
_TASTES = listed(
    "colour color food drink fruit vegetable season sport animal subject dish dessert flavour flavor meal snack tea"
    " coffee beer wine cheese flower number month day genre hobby game music instrument weather bird"
)


def subject_of(statement: str) -> str:
    """The attribute of which a statement gives the value: `my dog's name`, `where I live`; else empty."""
    said = " ".join(statement.replace("’", "'").split()).strip(" .!…")
    return _of_user(said) or _of_thing(said) or subject_of_chinese(said)


def _of_user(said: str) -> str:
    for pattern, subject in (
        (_MY_NAME, "my name"),
        (_HOME, "where I live"),
        (_ADDRESS, "my address"),
        (_WORK, "where I work"),
        (_STUDY, "where I study"),
        (_SPOUSE, "my spouse's name"),
    ):
        if (found := pattern.fullmatch(said)) is not None and values.is_name(found["value"], said):
            return subject
    if _AGE.fullmatch(said):
        return "my age"
    if (found := _PREFER.fullmatch(said)) is not None and "to" not in (found["one"], found["two"]):
        return "my choice: {}, {}".format(*sorted((found["one"].casefold(), found["two"].casefold())))
    if (found := _FAVOURITE.fullmatch(said)) is not None:
        of, value = found["of"].casefold(), found["value"]
        if values.is_who(value, said) or (of.split()[-1] in _TASTES and values.is_short(value)):
            return f"my favourite {of.replace('color', 'colour')}"
    return ""


def _of_thing(said: str) -> str:
    for pattern in (_NAME_IS, _NAME):
        if (found := pattern.fullmatch(said)) is not None:
            of = (found["of"] or found.groupdict().get("too") or "").casefold()
            named = values.is_name(found["value"], said) and _single(of) and of.split()[-1] not in _MANY
            return f"{of}'s name" if named else ""
    if (found := _VALUE.fullmatch(said)) is None or not _single(of := found["of"].casefold()):
        return ""
    value, last = found["value"], re.sub("'s$", "", of.split()[-1])
    if (found["at"] or not value.isdigit()) and (kind := values.when(value)) and last not in _NUMBERED:
        return f"{of}'s {kind}"
    if (last in _NUMBERED and values.is_figure(value)) or (last in _NAMED and values.is_name(value, said)):
        return of
    return f"{of}'s name" if last in _HOLDER and found["at"] is None and values.is_who(value, said) else ""


def _single(of: str) -> bool:
    return not _JOINING.search(of) and not of.endswith(("'s", "'"))
