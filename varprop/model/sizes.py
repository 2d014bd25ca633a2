"""How large an expression is, or would become: work on numbers and symbols is bounded."""

from __future__ import annotations

from collections.abc import Mapping
from math import comb
from typing import Any

import sympy as sp

from varprop.errors import WorkLimitError

__all__ = ["MOST_DIGITS", "digits", "expanded", "length", "substitute", "terms_expanded", "too_large"]

MOST_DIGITS = 4000
"""A number of more digits than this is refused; Python prints none of more than 4300."""

LARGEST_EXPONENT = 10**6
"""A number is not taken to a power above this, and e to none."""

MOST_TERMS = 1000
"""A product that spreads into more terms than this is not expanded."""

CEILING = 10**12
DIGITS_PER_BIT = 0.30103


def digits(number: sp.Rational) -> int:
    """Return the digits of a fraction, of its longer part."""
    return int(max(abs(number.p).bit_length(), number.q.bit_length()) * DIGITS_PER_BIT) + 1


def too_large(e: sp.Basic) -> str:
    """Return what is too large about an expression as a sentence, empty if nothing is.

    Examples:
        >>> too_large(sp.Integer(10) ** 5000)
        'it has more than 4000 digits'
        >>> too_large(sp.Symbol("n") ** 3)
        ''
    """
    stack, seen = [e], set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node, sp.Rational):
            if digits(node) > MOST_DIGITS:
                return f"it has more than {MOST_DIGITS} digits"
        elif isinstance(node, (sp.Pow, sp.exp)):
            for number in node.exp.atoms(sp.Rational):
                if abs(number) > LARGEST_EXPONENT:
                    return f"an exponent is above {LARGEST_EXPONENT}"
        stack.extend(node.args)
    return ""


def terms_expanded(e: sp.Basic) -> int:
    """Return a bound on the number of terms that expanding an expression makes anywhere in it.

    Examples:
        >>> x, y = sp.symbols("x y")
        >>> terms_expanded((x + y) ** 3 + 1), terms_expanded((x + y + 1) ** 500)
        (5, 125751)
    """
    terms: dict[sp.Basic, int] = {}
    worst = 1
    for node in _bottom_up(e):
        inner = [terms[arg] for arg in node.args]
        if isinstance(node, sp.Add):
            count = sum(inner)
        elif isinstance(node, sp.Mul):
            count = 1
            for factor in inner:
                count = min(count * factor, CEILING)
        elif isinstance(node, sp.Pow) and isinstance(node.exp, sp.Integer) and inner[0] > 1:
            power = min(abs(int(node.exp)), CEILING)
            count = comb(min(inner[0] + power - 1, 10**4), min(power, inner[0] - 1, 40))
            worst = max(worst, min(count, CEILING))
            count = count if node.exp > 0 else 1
        else:
            count = 1
        terms[node] = count = min(count, CEILING)
        worst = max(worst, count)
    return worst


def expanded(e: sp.Expr, **hints: bool) -> sp.Expr:
    """Return an expression expanded, or as it is if it would spread into more than 1000 terms."""
    return e.expand(**hints) if terms_expanded(e) <= MOST_TERMS else e


def length(e: sp.Basic) -> int:
    """Return the number of symbols, numbers and signs of an expression as it is written out."""
    lengths: dict[sp.Basic, int] = {}
    for node in _bottom_up(e):
        lengths[node] = 1 + sum(lengths[arg] for arg in node.args)
    return lengths[e]


def _bottom_up(e: sp.Basic) -> Any:
    """Yield every part of an expression once, parts before wholes."""
    seen: set[sp.Basic] = set()
    stack = [(e, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((arg, False) for arg in node.args)


def substitute(e: sp.Expr, values: Mapping[Any, Any]) -> sp.Expr:
    """Replace parts of a plain SymPy expression, all at once.

    Raises:
        WorkLimitError: a power of a number, or a number, becomes too large.

    Example:
        >>> n = sp.Symbol("n", positive=True)
        >>> substitute(2 / n, {n: sp.Integer(8)})
        1/4
    """
    if not values or not e.args:
        return e.xreplace(dict(values))
    table = dict(values)
    for power in e.atoms(sp.Pow, sp.exp):
        if not power.exp.is_Rational:
            exponent = power.exp.xreplace(table)
            if exponent.is_number and abs(exponent.n(5)) > LARGEST_EXPONENT:
                raise _beyond(e, f"the exponent {exponent.n(5)} is above {LARGEST_EXPONENT}")
        elif power.exp.is_Integer:
            base = power.base.xreplace(table)
            if isinstance(base, sp.Rational) and digits(base) * abs(int(power.exp)) > 2 * MOST_DIGITS:
                raise _beyond(e, f"it has more than {MOST_DIGITS} digits")
    result = e.xreplace(table)
    problem = too_large(result)
    if problem:
        raise _beyond(e, problem)
    return result


def _beyond(e: sp.Expr, problem: str) -> WorkLimitError:
    return WorkLimitError(f"values for the symbols of {str(e)[:200]}", problem, "Choose smaller values")
