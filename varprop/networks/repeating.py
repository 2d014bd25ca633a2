"""Symbolic numbers of repetitions: the map of one block is found once and iterated in closed form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import sympy as sp

from varprop.errors import DerivationError
from varprop.model.scalars import symbol
from varprop.networks.branches import Repeat
from varprop.networks.layers import Layer
from varprop.networks.states import State, Trace
from varprop.networks.unit_laws import NormalUnit

__all__ = ["GENERIC_GRADIENT", "affine", "geometric", "repeated"]

MEAN, SECOND, GENERIC_GRADIENT = map(symbol, "m_block q_block g_block".split())

Steps: TypeAlias = Callable[[Sequence[Layer], State], tuple[tuple[Trace, ...], State]]

MOST_ROUNDS = 4


def geometric(factor: sp.Expr, shift: sp.Expr, start: sp.Expr, times: sp.Expr) -> sp.Expr:
    """What q -> factor q + shift makes of a start, so many times over.

    Example:
        >>> L = symbol("L")
        >>> geometric(sp.Integer(2), sp.S.Zero, sp.Integer(3), L)
        3*2**L
        >>> geometric(sp.S.One, sp.Integer(5), sp.S.One, L)
        5*L + 1
    """
    if factor == 1:
        return start + times * shift
    power = factor**times
    return power * start if shift == 0 else power * start + shift * (power - 1) / (factor - 1)


def affine(formula: sp.Expr, unknown: sp.Symbol, what: str) -> tuple[sp.Expr, sp.Expr]:
    """Slope and shift of a map.

    Raises:
        DerivationError: it is no straight line, so that its iterates have no closed form.
    """
    line = sp.expand(formula)
    slope = sp.simplify(line.coeff(unknown, 1))
    shift = sp.simplify(line.coeff(unknown, 0))
    rest = sp.simplify(formula - slope * unknown - shift)
    if rest != 0 or {SECOND, MEAN, GENERIC_GRADIENT} & (slope.free_symbols | shift.free_symbols):
        raise DerivationError(
            f"{what} after a symbolic number of blocks",
            f"one block makes {formula} of {unknown}, which has no closed form when iterated",
            "Give the number of repetitions as a number.",
        )
    return slope, shift


def _generic(s: State) -> State:
    """A state of the same kind whose moments are symbols."""
    law: Any = NormalUnit(s.mean if s.mean == 0 else MEAN, SECOND) if isinstance(s.law, NormalUnit) else None
    return replace(
        s,
        mean=s.mean if s.mean.is_number else MEAN,
        second=SECOND,
        fourth=None,
        coincident=None,
        pair=None,
        pair_mean=None,
        pair_second=None,
        cross=None,
        law=law,
        independent=False,
    )


def _kind(s: State) -> tuple[Any, ...]:
    return s.shape, s.symmetric, s.rows_flip, type(s.law), s.limits & {"mean", "second"}


def repeated(layer: Repeat, s: State, steps: Steps) -> Trace:
    """A block a symbolic number of times over.

    Returns:
        A trace whose branches are the first block, the last block, and a block in symbols.

    Raises:
        DerivationError: the map of a block has no closed form when iterated.
    """
    first, after_first = steps(layer.layers, s)
    known = after_first
    for _ in range(MOST_ROUNDS):
        start = _generic(known)
        generic, found = steps(layer.layers, start)
        if _kind(found) == _kind(known):
            break
        known = found
    factor, shift = affine(found.second, SECOND, "the second moment")
    begins = s.shape == after_first.shape and sp.simplify(factor * s.second + shift - after_first.second) == 0
    base, times = (s.second, layer.count - 1) if begins else (after_first.second, layer.count - 2)
    second = geometric(factor, shift, base, times)
    mean = start.mean
    if mean == MEAN:
        slope, drift = affine(found.mean.xreplace({SECOND: sp.S.Zero}), MEAN, "the mean")
        through_second = sp.simplify(found.mean - slope * MEAN - drift) != 0
        if slope != 0 and through_second:
            affine(found.mean, MEAN, "the mean")
        before = geometric(factor, shift, base, times - 1)
        mean = (
            found.mean.xreplace({SECOND: before})
            if slope == 0
            else geometric(slope, drift, after_first.mean, layer.count - 2)
        )
    law = NormalUnit(mean, second) if isinstance(start.law, NormalUnit) else None
    last, after = steps(layer.layers, replace(start, mean=mean, second=second, law=law))
    return Trace(layer, s, after, (first, last, generic))
