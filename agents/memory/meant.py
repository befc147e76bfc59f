"""What a request to forget means, and nothing else: what is erased does not come back.

A record is meant if it holds every word of the request but those that say whose it is, and tells it of the user where
the request says `my` or `I`. Meaning alone erases nothing: `I live in Rome` has a cosine of .85 with `I work in Rome`.
Of a statement (two words or more are left) only the nearest
records are meant, not all that hold its words too: `My sister lives in Rome`. Of a topic (`my dog`) all are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from agents.memory.record import Record
from agents.memory.whose import users_own
from retrieval.analysis import terms

NEAREST = 0.1
"""How much less than the best cosine the nearest have. `I live in Rome`: .98 with itself, .81 with the sister's."""
WHOSE = frozenset(
    ("i", "me", "my", "mine", "myself", "am", "we", "our", "us", "user", "you", "your", "have", "has", "had", "about")
)
WHOSE_ZH = frozenset("我你的是")


_ABOUT = re.compile(r"(?:(?:that|about)\s+|关于|關於)+", re.IGNORECASE)


def meant(what: str, found: Sequence[tuple[float, Record]], names: Collection[str] = ()) -> list[Record]:
    """Of the records, each with its cosine to the request (0: nobody has measured it), those that are meant. `names`:
    of the user, in small letters."""
    what = _ABOUT.sub("", what, count=1) if _ABOUT.match(what) else what
    asked = telling(what)
    held = [(near, record) for near, record in found if asked <= set(terms(f"{record.text} {record.subject}"))]
    held = [(near, record) for near, record in held if users_own(what, record, names)]
    if not asked or not held:
        return []
    bar = max(near for near, _ in held) - NEAREST if len(asked) > 1 else -1.0
    return [record for near, record in held if near >= bar]


def telling(what: str) -> set[str]:
    """The terms of a request but for those that say whose it is; all, if there are no others."""
    asked = set(terms(what))
    return {term for term in asked if term not in WHOSE and not WHOSE_ZH & set(term)} or asked
