"""Names of encodings as pages and servers give them, and how they are read."""

from __future__ import annotations

import re
from typing import Final

# What browsers read these names as (WHATWG Encoding Standard, section 4.2).
_READ_AS: Final = {
    "gb2312": "gb18030", "gbk": "gb18030", "gb_2312-80": "gb18030", "x-gbk": "gb18030", "gb18030": "gb18030",
    "big5": "big5hkscs", "big5-hkscs": "big5hkscs", "x-x-big5": "big5hkscs",
    "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932",
    "euc-jp": "euc_jp", "iso-2022-jp": "iso2022_jp",
    "euc-kr": "cp949", "ks_c_5601-1987": "cp949",
    "iso-8859-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252", "windows-1252": "cp1252",
}  # fmt: skip
_SAME_NAME: Final = re.compile(r"windows-125\d|iso-8859-(?:[2-8]|1[03-6])|koi8-[ru]|macintosh")


def codec_of(name: str) -> str | None:
    """Python's name for an older encoding; None for UTF-8, and for one that nobody should use."""
    name = name.strip().lower()
    return _READ_AS.get(name) or (name if _SAME_NAME.fullmatch(name) else None)
