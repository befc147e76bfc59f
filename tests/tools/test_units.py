"""Units to the digit, currencies with the day of their rate, and nothing worked out that is no unit."""

import json
import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.base import Context
from tools.errors import ToolError
from tools.perform import perform
from tools.rate_service import RateService
from tools.rates import BadRates, RateFile, read_table
from tools.unit_names import unit_of
from tools.units import units
from tools.web import Page

ECB = "Date,USD,JPY,CNY,\n2024-03-01,1.08,162,N/A,\n2024-02-29,1.0826,162.5,7.78,\n"


async def convert(amount, unit, to, context=None, **more):
    arguments = json.dumps({"amount": amount, "unit": unit, "to": to, **more}, ensure_ascii=False)
    return await perform(units, arguments, context or Context())


@pytest.fixture
def money(tmp_path):
    path = tmp_path / "ecb.csv"
    path.write_text(ECB)
    return Context(rates=RateFile(path, "EUR"))


@pytest.mark.parametrize(
    ("amount", "unit", "to", "says"),
    [
        (5, "mile", "km", "8.04672 km"), (0.1, "inch", "mm", "2.54 mm"), (100, "°F", "°C", "37.7777777778 °C"),
        (36.6, "摄氏度", "华氏度", "97.88 华氏度"), (1, "亩", "m2", "666.666666667 m2"), (3, "斤", "kg", "1.5 kg"),
        (1, "kWh", "MJ", "3.6 MJ"), (1, "kg·m/s²", "N", "1 N"), (120, "公里/小时", "m/s", "33.3333333333 m/s"),
        (1, "liter per second", "m3/h", "3.6 m3/h"), (8, "m^-2", "1/m**2", "8 1/m**2"),
        (1, "GiB", "byte", "1073741824 byte"), (1e30, "m", "km", "1e27 km"), (0, "km", "m", "0 m"),
        (-40, "degF", "degC", "-40 degC"), (30, "mpg", "km/liter", "12.7543"),
    ],
)  # fmt: skip
async def test_measures(amount, unit, to, says):
    outcome = await convert(amount, unit, to)
    assert outcome.fault is None
    assert says in outcome.text


@pytest.mark.parametrize(
    ("unit", "to", "why"),
    [
        ("m", "kg", "m cannot be converted to kg: [length] is not [mass]"),
        ("furlongz", "m", "'furlongz' is no unit that is known here"), ("m**9999", "m", "is no unit"),
        ("9**9**9", "m", "is no unit"), ("m.__class__", "m", "is no unit"), ("__import__('os')", "m", "is no unit"),
        ("((m)", "m", "a bracket that is not closed"), ("m" + "**9" * 19, "m", "is no unit"),
        ("EUR", "USD", "no exchange rates here"), ("人民币", "m", "no exchange rates here"),
    ],
)  # fmt: skip
async def test_what_is_refused(unit, to, why):
    outcome = await convert(1, unit, to)
    assert outcome.fault == "refused"
    assert why in outcome.text


@given(st.text(max_size=60))
def test_only_names_and_small_exponents_reach_pint(text):
    try:
        written = unit_of(text)
    except ToolError:
        return
    assert not re.search(r"(?<![\w°µμΩ%])\d{3}", written)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((100, "EUR", "USD"), "100 EUR = 108.00 USD, at 1 EUR = 1.08 USD of 2024-03-01 (ecb.csv)"),
        ((100, "EUR", "人民币", "2024-02-29"), "778.00 CNY, at 1 EUR = 7.78 CNY of 2024-02-29"),
        ((1, "usd", "JPY", "2025-01-01"), "150.00 JPY, at 1 USD = 150 JPY of 2024-03-01"),
        ((0.004, "JPY", "USD"), "0.0000266"),
    ],
)
async def test_money_says_of_which_day_its_rate_is(money, arguments, says):
    outcome = await convert(*arguments[:3], money, **({"date": arguments[3]} if len(arguments) > 3 else {}))
    assert outcome.fault is None
    assert says in outcome.text


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((1, "EUR", "CNY"), "there is no rate of 'CNY' on 2024-03-01; there are EUR, JPY, USD"),
        ((1, "$", "EUR"), "'$' may be one of USD, CAD, AUD, HKD: write the code"),
        ((1, "EUR", "km"), "there is no rate of 'km'"),
        ((1, "EUR", "USD", "1999-01-01"), "the first are of 2024-02-29"),
        ((1, "km", "m", "2024-02-29"), "a 'date' is for currencies"),
    ],
)
async def test_money_that_cannot_be_changed(money, arguments, why):
    outcome = await convert(*arguments[:3], money, **({"date": arguments[3]} if len(arguments) > 3 else {}))
    assert outcome.fault == "refused"
    assert why in outcome.text


async def test_a_table_that_changes_is_read_again(money, tmp_path):
    path = tmp_path / "ecb.csv"
    path.write_text("date,currency,rate\n2024-03-04,USD,2\n2024-03-04,CHF,1\n")
    assert "200.00 USD" in (await convert(100, "EUR", "USD", money)).text
    path.write_text("nonsense")
    outcome = await convert(100, "EUR", "USD", money)
    assert outcome.fault == "refused"
    assert "the table of exchange rates cannot be read: line 1" in outcome.text
    path.unlink()
    assert "there is no file" in (await convert(100, "EUR", "USD", money)).text


async def test_with_rates_measures_are_still_measures(money):
    assert "1000 m" in (await convert(1, "km", "m", money)).text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "line 1"), ("Date,USD\n", "no lines"), ("Date,USD\n2024-02-29,-1\n", "line 2: '-1' is no rate"),
        ("Date,USD\n29.2.2024,1\n", "line 2"), ("Date,usd\n2024-02-29,1\n", "line 2: 'usd' is no code"),
        ("date,currency,rate\n2024-02-29,USD\n", "line 2"),
        ("Date,USD\n2024-02-29,NaN\n", "line 2: 'NaN' is no rate"), ("Date,USD\n2024-02-29,x\n", "line 2"),
    ],
)  # fmt: skip
def test_a_table_that_is_none_is_named_by_its_line(text, why):
    with pytest.raises(BadRates, match=why):
        read_table(text, "EUR")


def test_days_come_in_order():
    assert list(read_table(ECB, "EUR")) == [date(2024, 2, 29), date(2024, 3, 1)]


class Site:
    def __init__(self, *bodies, status=200):
        self.bodies, self.status, self.asked = list(bodies), status, []

    async def send(self, method, url, headers=None, body=b""):
        self.asked.append(url)
        return Page(url, self.status, {}, self.bodies.pop(0).encode())


ANSWER = '{"amount": 1.0, "base": "EUR", "date": "2024-02-29", "rates": {"USD": 1.0826, "JPY": 162}}'


async def test_rates_of_a_configured_service():
    site = Site(ANSWER, ECB)
    context = Context(rates=RateService(site, "https://rates.test/v1/{date}?base=EUR", "EUR"))
    for _ in range(2):
        outcome = await convert(100, "EUR", "USD", context)
        assert outcome.text == "100 EUR = 108.26 USD, at 1 EUR = 1.0826 USD of 2024-02-29 (rates.test)"
    assert "of 2024-03-01" in (await convert(100, "EUR", "USD", context, date="2024-03-02")).text
    assert site.asked == ["https://rates.test/v1/latest?base=EUR", "https://rates.test/v1/2024-03-02?base=EUR"]


@pytest.mark.parametrize("body", ["", "<html>", "{}", '{"base": "EUR", "date": "x", "rates": {}}', "{", '{"base": 1}'])
async def test_a_service_that_answers_nonsense(body):
    outcome = await convert(1, "EUR", "USD", Context(rates=RateService(Site(body), "https://rates.test", "EUR")))
    assert outcome.fault == "refused"
    assert "answered what is none" in outcome.text


async def test_a_service_that_is_not_well():
    service = RateService(Site("", status=503), "https://rates.test", "EUR")
    assert "answered 503" in (await convert(1, "EUR", "USD", Context(rates=service))).text
