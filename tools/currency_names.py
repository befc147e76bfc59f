"""Names of currencies as people write them, as codes of ISO 4217."""

from __future__ import annotations

import re

from tools.errors import ToolError

CURRENCIES = {
    "€": "EUR", "euro": "EUR", "euros": "EUR", "欧元": "EUR", "£": "GBP", "pound sterling": "GBP", "英镑": "GBP",
    "us$": "USD", "us dollar": "USD", "us dollars": "USD", "美元": "USD", "美金": "USD", "人民币": "CNY",
    "rmb": "CNY", "yuan": "CNY", "renminbi": "CNY", "元": "CNY", "日元": "JPY", "日圆": "JPY", "yen": "JPY",
    "円": "JPY", "₩": "KRW", "won": "KRW", "韩元": "KRW", "₹": "INR", "rupee": "INR", "rupees": "INR", "卢比": "INR",
    "港元": "HKD", "港币": "HKD", "hk$": "HKD", "新台币": "TWD", "台币": "TWD", "nt$": "TWD", "swiss franc": "CHF",
    "swiss francs": "CHF", "瑞士法郎": "CHF", "₽": "RUB", "卢布": "RUB", "加元": "CAD", "c$": "CAD", "澳元": "AUD",
    "a$": "AUD", "新加坡元": "SGD", "s$": "SGD", "r$": "BRL",
}  # fmt: skip
AMBIGUOUS = {
    "$": "USD, CAD, AUD, HKD", "dollar": "USD, CAD, AUD, HKD", "dollars": "USD, CAD, AUD, HKD", "¥": "CNY, JPY",
    "￥": "CNY, JPY", "krone": "DKK, NOK", "kr": "DKK, NOK, SEK", "peso": "MXN, ARS, CLP", "franc": "CHF, XOF",
}  # fmt: skip
CODE = re.compile(r"[A-Z]{3}")


def currency_of(name: str, known: frozenset[str]) -> str | None:
    """The code of a currency; None for what is none. A code of three capitals counts if `known` has it: others are
    units too. Raises ToolError for a name that several have."""
    name = " ".join(name.split())
    if name in known:
        return name
    low = name.casefold()
    if low in AMBIGUOUS:
        raise ToolError(f"{name!r} may be one of {AMBIGUOUS[low]}: write the code")
    return CURRENCIES.get(low) or (name.upper() if name.upper() in known else None)
