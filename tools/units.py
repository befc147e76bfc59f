"""Units by pint, and currencies by a dated table; a converted sum of money says of which day its rate is."""

from __future__ import annotations

from datetime import date
from decimal import Context as Digits
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from tools.base import Context, RatesOfDay, tool
from tools.currency_names import CODE, currency_of
from tools.errors import ToolError
from tools.threads import on_a_thread
from tools.unit_names import DEFINITIONS, unit_of

if TYPE_CHECKING:
    from pint import UnitRegistry

SHOWN = Digits(prec=12)
"""More digits than that are conversion, not measurement."""
CENTS = Decimal("0.01")
Name = Annotated[str, Field(min_length=1, max_length=60)]


@tool(read_only=True, seconds=20)
async def units(
    amount: Annotated[float, Field(description="How much.")],
    unit: Annotated[
        Name, Field(description="What it is in: km, lb, °F, kWh, m/s, m**2, 亩, or a currency: EUR, 人民币.")
    ],
    to: Annotated[Name, Field(description="What to convert it to, written the same way.")],
    context: Context,
    date: Annotated[
        date | None, Field(description="For currencies: the day whose rate is meant, as 2024-02-29; null: the newest.")
    ] = None,
) -> str:
    """Convert units of measurement, or currencies by exchange rates; says of which day the rates are."""
    number = Decimal(repr(amount))
    rates = await _rates(context, date, unit, to)
    if rates is not None:
        return _money(number, unit, to, rates)
    if date is not None:
        raise ToolError("a 'date' is for currencies; units of measurement do not change: leave it out")
    said: str = await on_a_thread(lambda: _measure(number, unit, to), "units")
    return said


async def _rates(context: Context, day: date | None, *names: str) -> RatesOfDay | None:
    """None: no currencies are meant."""
    by_name = [currency_of(name, frozenset()) for name in names]
    if context.rates is None:
        if any(by_name) or all(CODE.fullmatch(name) for name in names):
            raise ToolError(
                "there are no exchange rates here; whoever runs the service names some in the setting 'rates'"
            )
        return None
    if not any(by_name) and not any(CODE.fullmatch(name.strip().upper()) for name in names):
        return None
    rates = await context.rates.on(day)
    known = frozenset(rates.per_base)
    return rates if any(currency_of(name, known) is not None for name in names) else None


def _money(amount: Decimal, unit: str, to: str, rates: RatesOfDay) -> str:
    known = frozenset(rates.per_base)
    codes = [currency_of(name, known) for name in (unit, to)]
    for name, code in zip((unit, to), codes, strict=True):
        if code is None or code not in known:
            raise ToolError(
                f"there is no rate of {code or name!r} on {rates.day}; there are {', '.join(sorted(known))}"
            )
    source, target = str(codes[0]), str(codes[1])
    rate = rates.per_base[target] / rates.per_base[source]
    paid = (amount * rate).quantize(CENTS) if abs(amount * rate) >= 1 else SHOWN.plus(amount * rate)
    return (
        f"{_plain(amount)} {source} = {paid:f} {target}, at 1 {source} = {Digits(prec=6).plus(rate):f} {target} "
        f"of {rates.day} ({rates.source})"
    )


def _measure(amount: Decimal, unit: str, to: str) -> str:
    from pint.errors import DimensionalityError, PintError

    registry = _registry()
    given, wanted = _unit(registry, unit), _unit(registry, to)
    try:
        found = registry.Quantity(amount, given).to(wanted)
    except DimensionalityError as error:
        what = f"{error.dim1 or 'a pure number'} is not {error.dim2 or 'a pure number'}"
        raise ToolError(f"{unit} cannot be converted to {to}: {what}") from None
    except (PintError, ArithmeticError) as error:
        raise ToolError(f"{unit} cannot be converted to {to}: {error}") from None
    return f"{_plain(amount)} {unit.strip()} = {_plain(Decimal(found.magnitude))} {to.strip()}"


def _unit(registry: UnitRegistry[Decimal], name: str) -> Any:
    from pint.errors import PintError

    try:
        return registry.parse_units(unit_of(name))
    except (PintError, AttributeError, TypeError, ValueError, AssertionError, ArithmeticError, RecursionError):
        example = "write a name or symbol, as km, kilogram, m/s or m**2"
        raise ToolError(f"{name[:60]!r} is no unit that is known here: {example}") from None


def _plain(number: Decimal) -> str:
    rounded = SHOWN.plus(number)
    if rounded and not -7 < rounded.adjusted() < 16:
        return f"{rounded.normalize(SHOWN):E}".replace("E+", "e").replace("E", "e")
    text = f"{rounded:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@cache
def _registry() -> UnitRegistry[Decimal]:
    from pint import UnitRegistry

    registry: UnitRegistry[Decimal] = UnitRegistry(non_int_type=Decimal, cache_folder=None)
    for definition in DEFINITIONS:
        registry.define(definition)
    return registry
