"""Names of units as people write them, in the form that pint reads."""

from __future__ import annotations

import re

from tools.errors import ToolError

CHINESE = {
    "毫米": "mm", "厘米": "cm", "公分": "cm", "分米": "dm", "米": "m", "公里": "km", "千米": "km", "里": "chinese_li",
    "英里": "mile", "英寸": "inch", "英尺": "foot", "码": "yard", "海里": "nautical_mile", "光年": "light_year",
    "尺": "chinese_chi", "寸": "chinese_cun", "丈": "chinese_zhang", "毫克": "mg", "克": "g", "千克": "kg",
    "公斤": "kg", "斤": "chinese_jin", "市斤": "chinese_jin", "两": "chinese_liang", "钱": "chinese_qian",
    "吨": "metric_ton", "磅": "pound", "盎司": "ounce", "毫升": "ml", "升": "liter", "加仑": "gallon",
    "立方米": "m**3", "立方厘米": "cm**3", "平方米": "m**2", "平方公里": "km**2", "平方千米": "km**2",
    "平方厘米": "cm**2", "公顷": "hectare", "亩": "chinese_mu", "英亩": "acre", "秒": "second", "分钟": "minute",
    "小时": "hour", "天": "day", "周": "week", "年": "year", "摄氏度": "degC", "华氏度": "degF", "开尔文": "kelvin",
    "度": "degree", "弧度": "radian", "瓦": "watt", "千瓦": "kW", "千瓦时": "kWh", "度电": "kWh",
    "马力": "horsepower", "焦耳": "joule", "千焦": "kJ", "卡": "cal", "千卡": "kcal", "大卡": "kcal", "帕": "pascal",
    "千帕": "kPa", "大气压": "atm", "牛": "newton", "伏": "volt", "安": "ampere", "欧姆": "ohm", "赫兹": "hertz",
    "比特": "bit", "字节": "byte", "公里/小时": "km/hour", "公里每小时": "km/hour", "米/秒": "m/s", "米每秒": "m/s",
    "英里每小时": "mile/hour",
}  # fmt: skip
DEFINITIONS = (
    "chinese_li = 500 meter", "chinese_zhang = 10 / 3 * meter", "chinese_chi = 1 / 3 * meter",
    "chinese_cun = 1 / 30 * meter", "chinese_jin = 500 gram", "chinese_liang = 50 gram", "chinese_qian = 5 gram",
    "chinese_mu = 10000 / 15 * meter ** 2",
)  # fmt: skip
"""What pint does not know: the market units of the mainland."""
OTHER = {
    "celsius": "degC", "c": "degC", "fahrenheit": "degF", "f": "degF", "kelvin": "kelvin", "k": "kelvin",
    "°c": "degC", "°f": "degF", "℃": "degC", "℉": "degF", "°": "degree", "mpg": "mile/gallon", "kmh": "km/hour",
    "kph": "km/hour", "sqm": "m**2", "sq m": "m**2", "sqft": "foot**2", "sq ft": "foot**2", "sq mi": "mile**2",
    "cubic meter": "m**3", "cubic metre": "m**3", "square meter": "m**2", "square metre": "m**2",
    "square kilometer": "km**2", "square kilometre": "km**2", "square mile": "mile**2", "square foot": "foot**2",
    "square feet": "foot**2", "cc": "cm**3", "lbs": "pound", "tonne": "metric_ton", "tonnes": "metric_ton",
    "\"": "inch", "″": "inch", "'": "foot", "′": "foot", "nm": "nanometer", "kcal": "kilocalorie", "gal": "gallon",
    "hp": "horsepower",
}  # fmt: skip
PLAIN = re.compile(r"[^\W\d][\w°]*")
TERM = re.compile(r"\s*(?:(\*\*|\^)\s*(-?\d{1,2})(?!\d)|([*/·⋅×])|([()])|([^\W\d]\w*|[°µμΩ%][^\W\d]*)|(1(?=\s*/)))")
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


def unit_of(name: str) -> str:
    """As pint reads it. Nothing gets through but names, `*`, `/`, brackets and exponents of two digits: pint would
    work out any arithmetic that stands in a unit. Raises ToolError."""
    name = " ".join(name.split())
    known = CHINESE.get(name) or OTHER.get(name.casefold())
    if known is not None:
        return known
    text = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", lambda found: f"**{found[0].translate(SUPERSCRIPTS)}", name)
    text = re.sub(r"\s+per\s+", "/", text, flags=re.I)
    text = re.sub(r"(?<=[^\W\d_])(\d)\b", r"**\1", text)  # m2, s2
    made: list[str] = []
    at = 0
    while at < len(text):
        found = TERM.match(text, at)
        if found is None or found.end() == at:
            raise ToolError(f"{name!r} is no unit: write a name or symbol, as km, kilogram, m/s or m**2")
        power, exponent, sign, bracket, word, one = found.groups()
        if word and made and (made[-1] == ")" or PLAIN.fullmatch(made[-1])):
            made.append("*")
        made.append(
            f"**({exponent})" if power else "*" if sign and sign != "/" else sign or bracket or one or _word(word)
        )
        at = found.end()
    if made.count("(") != made.count(")"):
        raise ToolError(f"{name!r} has a bracket that is not closed, or not opened")
    return "".join(made)


def _word(word: str) -> str:
    return CHINESE.get(word, word)
