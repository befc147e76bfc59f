"""What may stand as the value of an attribute: a name, a place, a number, a day. For the rules that work without a
model, which are to know it surely or not at all."""

from __future__ import annotations

import re


def listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_LINKS = listed(
    "of de la del della di da do du des van von der den zu upon on am al el le les y san st the dr mr mrs ms prof"
)
_PLAIN = listed(
    "a an the my our your his her its their this that these those and or but not no always away up in on out off"
    " back for to upon over at by with from as is are was were be been after late later early today tomorrow soon"
    " fear peace hope pain debt poverty luxury harmony exile hell sin comfort shame sorrow all each here there"
    " fun fine ill well sick dead alive happy sad good bad old young new big small nothing something nobody"
)
_PEOPLES = re.compile(
    r"(?:\w+(?:ish|ese|ian|can|ean|ic|ch|ss|nese|ani|qi|stani)|german|roman|greek|dane|pole|swede|finn|scot|thai|czech"
    r"|turk|serb|croat|slovak|filipino|norwegian|muslim|hindu|sikh|jew|buddhist|protestant|baptist|virgo|leo|aries"
    r"|taurus|gemini|libra|scorpio|pisces|american|mexican|african|asian|european|korean|russian)",
    re.IGNORECASE,
)
_DAY = (
    r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|mon|tue|wed|thu|fri|sat|sun|(?:jan|febr)uary|march|april|may|june"
    r"|july|august|(?:sept|nov|dec)ember|october|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)"
)
_DAYS = re.compile(rf"{_DAY}\.?", re.IGNORECASE)
_HOLIDAYS = re.compile(r"(?:christmas|easter|ramadan|new year.*|weekends?|nights?|sundays?)", re.IGNORECASE)
_DATE = re.compile(
    rf"(?:(?:the|of|{_DAY}|\d{{1,2}}(?:st|nd|rd|th)?|(?:19|20)\d\d|\d{{4}}-\d\d-\d\d|\d{{1,2}}[./]\d{{1,2}}(?:[./]\d+)?)"
    r"[.,]?\s*)+",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"(?:\d{1,2}(?:[:.]\d\d)?\s*(?:[ap]\.?m\.?|o'?clock)?|noon|midnight|(?:half|quarter)\s+(?:past|to)\s+\w+)",
    re.IGNORECASE,
)
_UNITS = listed("cm m km kg g lb lbs pounds feet ft inches euros euro dollars pounds yen years")


def is_name(value: str, said: str) -> bool:
    """Of a person, a place, a firm: capitals or figures throughout, small words of names between them aside. Where all
    of `said`, the statement, is in small letters, one to three words that are no common ones."""
    words = value.replace(",", " ").split()
    if not 0 < len(words) <= 6:
        return False
    if all(_opens(word) or word in _LINKS for word in words) and _opens(words[-1]):
        return not (_DAYS.fullmatch(words[0]) or _HOLIDAYS.fullmatch(words[0]))
    casual = said.isascii() and said.replace("I", "i") == said.lower()
    return casual and len(words) <= 3 and not any(word in _PLAIN or word.endswith("ing") for word in words)


def is_who(value: str, said: str) -> bool:
    """A name, and no people or creed: `My boss is Irish`."""
    words = value.split()
    return is_name(value, said) and not (len(words) == 1 and (_PEOPLES.fullmatch(words[0]) or value == value.lower()))


def is_figure(value: str) -> bool:
    """A number, a code, an address: something with a figure or an @, and no words but names and units."""
    words = value.replace(",", " ").split()
    if not 0 < len(words) <= 7 or not any(char.isdigit() or char == "@" for char in value):
        return False
    return all(_opens(w) or w in _LINKS or w in _UNITS or any(c.isdigit() or c == "@" for c in w) for w in words)


def when(value: str) -> str:
    """`day`, `time`, or empty: neither, or both."""
    if _TIME.fullmatch(value):
        return "time"
    return "day" if _DATE.fullmatch(value) and not value.isdigit() else ""


def is_short(value: str) -> bool:
    """One or two words, none of them a common one: `green tea`."""
    words = value.casefold().split()
    return 0 < len(words) <= 2 and not any(word in _PLAIN or word in _STATES for word in words)


_STATES = listed(
    "gone lost broken spicy sweet sour cold hot warm expensive cheap ready empty full free healthy unhealthy hard"
    " easy still also really very quite too so much more less closed open sold nice great best better rare common"
    " fading boring missing changing important similar different both same"
)


def _opens(word: str) -> bool:
    """Begins as a name does: with a capital, a figure, or a letter of a script that has no capitals."""
    first = word.lstrip("\"'(“‘")[:1]
    return first.isdigit() or first.isupper() or (first.isalpha() and first.lower() == first.upper())
