"""Activations of a user: polynomials, SymPy formulas, vectorized callables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import sympy as sp

from varprop.errors import ParameterError
from varprop.model.activations.base import Activation, Array, X
from varprop.model.activations.finding import find_kinks, probe, stencil, stencil_doubt
from varprop.model.activations.formula import Formula
from varprop.model.calls import explained
from varprop.model.decimals import in_floats, short, within_floats
from varprop.model.scalars import scalar
from varprop.numerics.quadrature import EPSILON

__all__ = ["FromCallable", "FromFormula", "Polynomial", "from_callable", "from_formula", "polynomial"]

MOST_KINKS = 64


@dataclass(frozen=True)
class FromFormula(Formula):
    """An activation given by formulas in `X` between kinks.

    Args:
        text: what it is called.
        formulas: one more than there are kinks.
        at_kinks: the kinks, in ascending order.
        bound: a growth d with |phi(x)| <= C (1 + |x|^d), if one is known.
    """

    text: str
    formulas: tuple[sp.Expr, ...]
    at_kinks: tuple[sp.Expr, ...] = ()
    bound: int | None = None

    @property
    def name(self) -> str:
        return self.text

    @property
    def pieces(self) -> tuple[sp.Expr, ...]:
        return self.formulas

    @property
    def kinks(self) -> tuple[sp.Expr, ...]:
        return self.at_kinks

    @property
    def free_symbols(self) -> frozenset[sp.Symbol]:
        """Its parameters without a value; the argument is none."""
        return frozenset().union(*(part.free_symbols for part in (*self.formulas, *self.at_kinks))) - {X}

    @property
    def growth(self) -> int | None:  # type: ignore[override]
        return self.bound

    @cached_property
    def parity(self) -> str:
        if tuple(-kink for kink in reversed(self.kinks)) != self.kinks:
            return "neither"
        mirrored = [sp.expand(piece.subs(X, -X)) for piece in reversed(self.formulas)]
        for sign, answer in ((1, "even"), (-1, "odd")):
            if all(sp.expand(a - sign * b) == 0 for a, b in zip(self.formulas, mirrored, strict=True)):
                return answer
        return "neither"

    @cached_property
    def _functions(self) -> tuple[tuple[Callable[[Array], Any], ...], ...]:
        return tuple(
            tuple(
                sp.lambdify(X, in_floats(sp.diff(piece, X, order)), ["scipy", "numpy"])
                for piece in self.formulas
            )
            for order in range(3)
        )

    def _pieced(self, x: Array, order: int) -> Array:
        place = np.searchsorted(self.breaks, x, side="right")
        found = np.where(np.isnan(x), np.nan, 0.0)
        for number, function in enumerate(self._functions[order]):
            inside = place == number
            if inside.any():
                found[inside] = np.broadcast_to(function(x[inside]), (int(inside.sum()),))
        return found

    def _value(self, x: Array) -> Any:
        return self._pieced(x, 0)

    def _first(self, x: Array) -> Any:
        return self._pieced(x, 1)

    def _second(self, x: Array) -> Any:
        return self._pieced(x, 2)


@dataclass(frozen=True)
class Polynomial(FromFormula):
    """A polynomial; its moments are closed forms under every distribution that has them."""


@explained
def polynomial(*coefficients: Any) -> Polynomial:
    """Return c_0 + c_1 x + c_2 x^2 + ... as an activation.

    Args:
        coefficients: c_0, c_1, ...; numbers, or text such as "1/3".

    Raises:
        ParameterError: there are none, or one is no number that a float can hold.

    Example:
        >>> print(polynomial(0, 1, "1/3"), polynomial(0, 1, "1/3")(3.0))
        polynomial(0, 1, 1/3) 6.0
    """
    numbers = [scalar(value, "coefficient") for value in coefficients]
    if not numbers or not all(number.is_number for number in numbers):
        asked = f"polynomial{coefficients!r:.60}"
        raise ParameterError(asked, "a coefficient is no number, or there are none")
    numbers = [within_floats(number, f"polynomial: c_{k}") for k, number in enumerate(numbers)]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    formula = sp.Add(*(number * X**k for k, number in enumerate(numbers)))
    text = f"polynomial({', '.join(map(short, numbers))})"
    return Polynomial(text, (formula,), (), len(numbers) - 1)


def from_formula(formula: sp.Expr, growth: int | None = None, name: str = "") -> FromFormula:
    """Return a SymPy expression in one symbol as an activation, split where it is only piecewise analytic.

    Raises:
        ParameterError: there is more than one symbol, or it cannot be split.

    Example:
        >>> t = sp.Symbol("t", real=True)
        >>> phi = from_formula(sp.Max(t, t / 10))
        >>> print(phi.kinks, phi.pieces)
        (0,) (x/10, x)
    """
    asked = f"activation {formula}"[:100]
    symbols = formula.free_symbols
    if len(symbols) != 1:
        raise ParameterError(asked, f"it has {len(symbols)} symbols", "Give an expression in one symbol")
    [given] = symbols
    inside = formula.xreplace({given: X})
    folded = sp.piecewise_fold(inside.replace(sp.sign, _sign).rewrite(sp.Piecewise))
    if folded.has(sp.Heaviside):
        folded = sp.piecewise_fold(folded.rewrite(sp.Piecewise))
    kinks = _boundaries(folded, asked)
    pieces = tuple(_piece_at(folded, point) for point in _between(kinks))
    if any(piece.has(sp.Piecewise, sp.Abs, sp.Max, sp.Min, sp.nan, sp.zoo) for piece in pieces):
        raise ParameterError(asked, "it cannot be split into analytic pieces", "Give a callable with kinks=")
    for slope in (sp.diff(piece, X) for piece in pieces):
        if slope.has(sp.Derivative, sp.Subs):
            remedy = "Give it as a vectorized function: vp.activation(function, kinks=[...])"
            raise ParameterError(asked, f"its derivative {slope} has no formula", remedy)
    joined = [pieces[0]]
    kept = []
    for kink, piece in zip(kinks, pieces[1:], strict=True):
        if piece != joined[-1]:
            joined.append(piece)
            kept.append(kink)
    if growth is None and all(piece.is_polynomial(X) for piece in joined):
        growth = max(int(max(sp.degree(piece, X), 0)) for piece in joined)
    made = FromFormula(name or str(formula), tuple(joined), tuple(kept), growth)
    probe(made.value, asked)
    made.sides(1)
    return made


def _sign(at: sp.Expr) -> sp.Expr:
    return sp.Piecewise((-1, at < 0), (1, True))


def _boundaries(folded: sp.Expr, asked: str) -> tuple[sp.Expr, ...]:
    points: set[sp.Expr] = set()
    for part in folded.atoms(sp.Piecewise):
        for _, condition in part.args:
            if condition is sp.true:
                continue
            try:
                ends = condition.as_set().boundary
            except (NotImplementedError, AttributeError, TypeError) as error:
                raise ParameterError(asked, "its kinks are not found", "Give a callable.") from error
            if not isinstance(ends, (sp.FiniteSet, sp.sets.sets.EmptySet)) or len(ends) > MOST_KINKS:
                raise ParameterError(asked, "its kinks are not finitely many", "Give a callable with kinks=")
            points.update(end for end in ends if end.is_finite)
    return tuple(sorted(points, key=float))


def _between(kinks: tuple[sp.Expr, ...]) -> list[sp.Expr]:
    """A point in each interval."""
    if not kinks:
        return [sp.S.Zero]
    middles = [(low + high) / 2 for low, high in pairwise(kinks)]
    return [kinks[0] - 1, *middles, kinks[-1] + 1]


def _piece_at(folded: sp.Expr, point: sp.Expr) -> sp.Expr:
    """The formula that holds around a point."""

    def chosen(part: sp.Piecewise) -> sp.Expr:
        for formula, condition in part.args:
            if condition is sp.true or condition.subs(X, point) == sp.true:
                return formula
        return sp.nan

    return folded.replace(lambda e: isinstance(e, sp.Piecewise), chosen)


@dataclass(frozen=True)
class FromCallable(Activation):
    """A vectorized callable as an activation; its derivatives are differences, its numbers estimates.

    Args:
        function: maps an array to an array of the same shape.
        label: what it is called.
        at_kinks: where it or its derivative jumps.
        bound: a growth d with |phi(x)| <= C (1 + |x|^d), if one is known.
    """

    function: Callable[[Array], Any]
    label: str
    at_kinks: tuple[float, ...] = ()
    bound: int | None = None

    @property
    def name(self) -> str:
        return self.label

    @property
    def growth(self) -> int | None:
        return self.bound

    @property
    def kinks(self) -> tuple[sp.Expr, ...]:
        return tuple(sp.Float(kink) if kink != int(kink) else sp.Integer(int(kink)) for kink in self.at_kinks)

    @property
    def doubtful(self) -> bool:
        return True

    def doubt(self, x: Array, order: int) -> Array:
        x = np.asarray(x, dtype=np.float64)
        if order:
            return stencil_doubt(self.value, x, self.breaks, order)
        return np.asarray(EPSILON * (np.abs(self.value(x)) + np.abs(x * self.derivative(x))))

    def value(self, x: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(self.function(np.asarray(x, dtype=np.float64)), dtype=np.float64)

    def derivative(self, x: Array) -> Array:
        return stencil(self.value, np.asarray(x, dtype=np.float64), self.breaks, order=1)

    def second_derivative(self, x: Array) -> Array:
        return stencil(self.value, np.asarray(x, dtype=np.float64), self.breaks, order=2)


def from_callable(
    function: Callable[[Array], Any],
    kinks: Iterable[float] | None = None,
    growth: int | None = None,
    name: str = "",
) -> FromCallable:
    """Return a vectorized callable as an activation.

    Args:
        function: maps an array to an array of the same shape.
        kinks: where it or its derivative jumps; found between -10 and 10 if not given.
        growth: a whole number d with |phi(x)| <= C (1 + |x|^d), which derivations need.
        name: what it is called; the name of the function if not given.

    Raises:
        ParameterError: it fails on arrays, or returns another shape, or what is no finite real number; or
            kinks are no finite numbers.

    Example:
        >>> phi = from_callable(lambda x: np.maximum(x, 0.5), name="floor")
        >>> phi.at_kinks, float(phi.derivative(np.array(0.75)).round(9))
        ((0.5,), 1.0)
    """
    label = name or getattr(function, "__name__", type(function).__name__).strip("<>")
    asked = f"activation {label}"
    probe(function, asked)
    points = find_kinks(function) if kinks is None else _numbers(kinks, asked)
    return FromCallable(function, label, points, growth)


def _numbers(kinks: Any, asked: str) -> tuple[float, ...]:
    """The kinks as floats, each once and in ascending order."""
    remedy = "Write kinks=[0, 1.5]"
    if isinstance(kinks, str) or not isinstance(kinks, Iterable):
        raise ParameterError(f"{asked}: kinks={kinks!r:.40}", "they are no list of numbers", remedy)
    found = [scalar(kink, "kink") for kink in kinks]
    for kink in found:
        if not kink.is_number or not np.isfinite(complex(kink)) or complex(kink).imag != 0:
            raise ParameterError(f"{asked}: kink {kink}", "it is no finite real number", remedy)
    return tuple(sorted({float(kink) for kink in found}))
