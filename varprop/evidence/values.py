"""Numbers for symbols: given ones, and defaults for the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice, permutations
from typing import Any

import sympy as sp

from varprop.derivation.quantities import Equal, nouns
from varprop.errors import CheckError, ParameterError, brief
from varprop.model.axes import Axis
from varprop.model.expressions import Expression
from varprop.model.scalars import scalar
from varprop.model.variables import RandomVariable
from varprop.model.walks import specialize, symbols_of, walk

__all__ = ["axes_of", "completed"]

SIZES = (8, 6, 10, 7, 9, 5, 11, 12)
GENERIC = tuple(sp.Rational(k, 10) for k in (7, 13, 9, 17, 6, 11, 19, 8, 12, 14))
ATTEMPTS = 24


def axes_of(*expressions: Expression) -> frozenset[Axis]:
    """The axes that expressions have, free and summed over."""
    axes: set[Axis] = set()
    for node in walk(*expressions):
        if isinstance(node, RandomVariable):
            axes.update(node.variable.axes)
        axes.update(index.axis for index in node.indices)
    return frozenset(axes)


def completed(
    claims: Iterable[Equal], at: Mapping[Any, Any] | None, *, spare: bool = False
) -> tuple[dict[sp.Symbol, sp.Expr], frozenset[sp.Symbol]]:
    """A number for every symbol: the given ones, around 8 for sizes, distinct generic values for the rest.

    Args:
        claims: the equations.
        at: symbol or its name -> number.
        spare: whether values of symbols that no claim contains are left aside.

    Returns:
        The values, and the symbols that sizes are made of.

    Raises:
        CheckError: a value is no number, a name is not in the claims, or no default fits.
    """
    claims = tuple(claims)
    expressions = tuple(
        dict.fromkeys(
            e
            for claim in claims
            for side in (claim.left, claim.right)
            for noun in nouns(side)
            for e in noun.expressions
        )
    )
    axes = axes_of(*expressions)
    sides = [side for claim in claims for side in (claim.left, claim.right)]
    inside = symbols_of(*expressions)
    symbols = inside.union(*(side.free_symbols for side in sides))
    values = _given({} if at is None else at, symbols, spare)
    unknown = sorted(map(str, symbols - inside - values.keys()))
    if unknown:
        raise CheckError(
            f"values for {', '.join(unknown)}",
            "no variable depends on it, so any default would be a claim of its own",
            f"Give them: at={{{', '.join(f'{name!r}: ...' for name in unknown)}}}.",
        )
    growing: frozenset[sp.Symbol] = frozenset().union(*(axis.size.free_symbols for axis in axes))
    sizes = sorted(growing - values.keys(), key=str)
    least = max(map(_places, expressions), default=1)
    values |= {size: sp.Integer(max(SIZES[k % len(SIZES)], least)) for k, size in enumerate(sizes)}
    others = sorted(symbols - values.keys(), key=str)
    if not others:
        return _ordered(values), growing
    typical = _typical(expressions)
    for attempt in islice(permutations(range(max(len(others), 4))), ATTEMPTS):
        tried = {name: _generic(attempt[place], name, typical.get(name)) for place, name in enumerate(others)}
        try:
            for expression in expressions:
                specialize(expression, values | tried)
        except ParameterError:
            continue
        return _ordered(values | tried), growing
    names = ", ".join(map(str, others))
    raise CheckError(
        f"values for {names}", "no default fits all distributions at once", f"Give them: at={{{names}: ...}}."
    )


def _given(at: Mapping[Any, Any], symbols: frozenset[sp.Symbol], spare: bool) -> dict[sp.Symbol, sp.Expr]:
    if not isinstance(at, Mapping):
        raise CheckError(f"at={brief(at, 60)}", "it is no mapping", "Write at={'n': 256}.")
    named = {str(symbol): symbol for symbol in symbols}
    values = {}
    for key, value in at.items():
        number = scalar(value, f"the value of {key}")
        if not number.is_number:
            raise CheckError(
                f"at {brief(str(key), 60)} = {brief(str(number), 60)}", "it is no number", "Give a number."
            )
        if str(key) in named:
            values[named[str(key)]] = number
        elif not isinstance(key, (str, sp.Symbol)):
            raise CheckError(f"at {brief(key, 60)}", "it is no symbol and no name", "Write at={'n': 256}.")
        elif not spare:
            raise CheckError(
                f"at {brief(str(key), 60)}",
                "no claim contains it",
                f"There are: {', '.join(sorted(named)) or 'no symbols'}.",
            )
    return values


def _places(expression: Expression) -> int:
    """How many places of one axis an expression names, at most."""
    named = {
        slot
        for node in walk(expression)
        if isinstance(node, RandomVariable)
        for slot in node.slots
        if not slot.is_bound
    }
    return max(Counter(slot.axis for slot in named).values(), default=1)


def _typical(expressions: tuple[Expression, ...]) -> dict[sp.Symbol, tuple[float, float]]:
    """The usual range of a symbol that is itself a parameter of a distribution."""
    ranges: dict[sp.Symbol, tuple[float, float]] = {}
    for node in walk(*expressions):
        if isinstance(node, RandomVariable):
            law = node.variable.distribution
            for parameter in getattr(law, "parameters", ()):
                value = getattr(law, parameter.name, None)
                if isinstance(value, sp.Symbol) and parameter.typical is not None:
                    ranges.setdefault(value, parameter.typical)
    return ranges


def _generic(place: int, symbol: sp.Symbol, typical: tuple[float, float] | None) -> sp.Expr:
    value = GENERIC[place] if place < len(GENERIC) else sp.Rational(place + 3, 5)
    if typical is None or typical[0] < value < typical[1]:
        return value
    low, high = (sp.Rational(str(bound)) for bound in typical)
    if symbol.is_positive and low < 0:
        return value
    return low + (high - low) * value / 4 if value < 4 else (low + high) / 2


def _ordered(values: Mapping[sp.Symbol, sp.Expr]) -> dict[sp.Symbol, sp.Expr]:
    return dict(sorted(values.items(), key=lambda item: str(item[0])))
