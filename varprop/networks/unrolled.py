"""Recursions of closed forms, several layers to one call: what is left is arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import sympy as sp

__all__ = ["LAYERS", "Unrolled", "unrolled"]

LAYERS = 10
"""Layers of one call: calling costs about as much as one of them."""

Unrolled: TypeAlias = Callable[..., list[float]]


def unrolled(
    state: Sequence[sp.Symbol], after: Sequence[sp.Expr], parameters: Sequence[sp.Symbol]
) -> Unrolled:
    """Return the states behind the next `LAYERS` layers, one after the other, as one function of floats.

    Args:
        state: the symbols of what moves from layer to layer, the first arguments of the function.
        after: each of them behind one layer.
        parameters: the other symbols, the last arguments; what they alone make up is computed once per call.

    Example:
        >>> x, a = sp.symbols("x a")
        >>> unrolled([x], [a * x], [a])(1.0, 0.5)[:4]
        [0.5, 0.25, 0.125, 0.0625]
    """
    once: dict[sp.Expr, sp.Symbol] = {}
    short = [_grouped(sp.powsimp(end, combine="base"), state, once) for end in after]
    parts, ends = sp.cse(short, symbols=sp.numbered_symbols("shared"))
    head, shared, moving = [(symbol, part) for part, symbol in once.items()], [], set(state)
    for symbol, part in parts:
        if part.free_symbols & moving:
            moving.add(symbol)
            shared.append((symbol, part))
        else:
            head.append((symbol, part))

    def lines(_: Any) -> tuple[list[tuple[sp.Symbol, sp.Expr]], list[sp.Symbol]]:
        made = list(head)
        now: Sequence[sp.Symbol] = state
        given: list[sp.Symbol] = []
        for layer in range(LAYERS):
            own = {symbol: sp.Symbol(f"{symbol}_{layer}") for symbol, _ in shared}
            own.update(zip(state, now, strict=True))
            now = [sp.Symbol(f"{symbol}_{layer}") for symbol in state]
            made += [(own[symbol], part.xreplace(own)) for symbol, part in shared]
            made += [(name, end.xreplace(own)) for name, end in zip(now, ends, strict=True)]
            given += now
        return made, given

    function: Unrolled = sp.lambdify([*state, *parameters], [*after] * LAYERS, modules="math", cse=lines)
    return function


def _grouped(end: sp.Expr, state: Sequence[sp.Symbol], once: dict[sp.Expr, sp.Symbol]) -> sp.Expr:
    """A sum of coefficients without the state, each under one name, times what moves."""
    sums: dict[sp.Expr, sp.Expr] = {}
    for term in sp.Add.make_args(sp.expand(end, deep=False)):
        rest, moving = term.as_independent(*state, as_Add=False)
        sums[moving] = sums.get(moving, sp.S.Zero) + rest
    return sp.Add(
        *(
            moving if rest == 1 else once.setdefault(rest, sp.Symbol(f"once{len(once)}")) * moving
            for moving, rest in sums.items()
        )
    )
