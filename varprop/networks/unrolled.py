"""Recursions of closed forms, several layers to one call: what is left is arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import sympy as sp
from sympy.printing.pycode import PythonCodePrinter

__all__ = ["LAYERS", "Unrolled", "unrolled"]

LAYERS = 20
"""Layers of one call: calling costs about as much as two of them."""

SETTINGS = {"fully_qualified_modules": False, "inline": True, "allow_unknown_functions": True}
"""How `lambdify` has formulas written."""

Unrolled: TypeAlias = Callable[..., tuple[float, ...]]


def unrolled(
    state: Sequence[sp.Symbol],
    after: Sequence[sp.Expr],
    parameters: Sequence[sp.Symbol],
    layers: int = LAYERS,
) -> Unrolled:
    """Return the states behind the next layers, one after the other, as one function of floats.

    Args:
        state: the symbols of what moves from layer to layer, the first arguments of the function.
        after: each of them behind one layer.
        parameters: the other symbols, the last arguments; what they alone make up is computed once per call.
        layers: how many.

    Example:
        >>> x, a = sp.symbols("x a")
        >>> unrolled([x], [a * x], [a])(1.0, 0.5)[:4]
        (0.5, 0.25, 0.125, 0.0625)
    """
    once: dict[sp.Expr, sp.Symbol] = {}
    short = [_hoisted(sp.powsimp(end, combine="base"), state, once) for end in after]
    shared, ends = sp.cse(short, symbols=sp.numbered_symbols("shared"))

    def lines(_: Any) -> tuple[list[tuple[sp.Symbol, sp.Expr]], tuple[sp.Symbol, ...]]:
        made = [(symbol, part) for part, symbol in once.items()]
        now: Sequence[sp.Symbol] = state
        given: list[sp.Symbol] = []
        for layer in range(layers):
            own = {symbol: sp.Symbol(f"{symbol}_{layer}") for symbol, _ in shared}
            own.update(zip(state, now, strict=True))
            now = [sp.Symbol(f"{symbol}_{layer}") for symbol in state]
            made += [(own[symbol], part.xreplace(own)) for symbol, part in shared]
            made += [(name, end.xreplace(own)) for name, end in zip(now, ends, strict=True)]
            given += now
        return made, tuple(given)

    function: Unrolled = sp.lambdify(
        [*state, *parameters], (*after,) * layers, modules="math", printer=_Printer(SETTINGS), cse=lines
    )
    return function


class _Printer(PythonCodePrinter):
    """Writes squares as products: in floats a power takes as long as a root."""

    def _print_Pow(self, expr: sp.Pow, rational: bool = False) -> str:
        if expr.exp == 2 and expr.base.is_Symbol:
            return f"({expr.base}*{expr.base})"
        return str(super()._print_Pow(expr, rational=rational))


def _hoisted(part: sp.Expr, state: Sequence[sp.Symbol], once: dict[sp.Expr, sp.Symbol]) -> sp.Expr:
    """A formula with a name for everything in it that does not move."""
    if part.is_Atom:
        return part
    if not part.has(*state):
        return once.setdefault(part, sp.Symbol(f"once{len(once)}"))
    if not isinstance(part, (sp.Add, sp.Mul)):
        return part.func(*(_hoisted(each, state, once) for each in part.args))
    rest, moving = part.as_independent(*state, as_Add=part.is_Add)
    return part.func(*(_hoisted(each, state, once) for each in (rest, *part.func.make_args(moving))))
