"""Closed forms as numbers: float64 where its rounding is harmless, more digits where terms cancel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
import sympy as sp
from scipy import special

from varprop.model.activations.base import Activation, Array, X
from varprop.model.activations.closed import named, normal_expectation
from varprop.model.activations.formula import normal_moment, slope_of
from varprop.model.decimals import in_floats
from varprop.numerics.quadrature import EPSILON, LAST

__all__ = ["ClosedForm", "closed_form"]

MEAN, STD = sp.Symbol("mean_", real=True), sp.Symbol("std_", positive=True)
TRUSTED = 1e-12
"""A relative rounding error above this calls for more digits, or for quadrature."""
TINY = 1e-300
DIGITS = (40, 80, 160, 350)


@dataclass(frozen=True, eq=False)
class ClosedForm:
    """A sum of terms, by default in mean and standard deviation.

    Args:
        terms: the terms, as SymPy expressions.
        numeric: all of them in NumPy, as a function of arrays.
        arguments: the symbols that stand for the arrays.
    """

    terms: tuple[sp.Expr, ...]
    numeric: Callable[..., list[Any]]
    arguments: tuple[sp.Symbol, ...] = (MEAN, STD)

    def evaluate(self, *arrays: Array) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
        """Values, a bound on their rounding in the terms, and where that bound is small."""
        with np.errstate(all="ignore"):
            parts = np.array([np.broadcast_to(part, arrays[0].shape) for part in self.numeric(*arrays)])
            value = parts.sum(axis=0)
            sizes = np.abs(parts)
            exponents = np.abs(np.log(np.maximum(sizes, TINY)))  # exp(x) carries x times the rounding of x
            error = EPSILON * ((32 + 4 * exponents) * sizes).sum(axis=0)
            good = np.isfinite(error) & (error <= TRUSTED * np.abs(value))
        return value, error, good

    def precise(self, *numbers: Any) -> tuple[float, float] | None:
        """One value with enough digits, and its error; None if 350 digits do not settle it."""
        largest = max(1, *(mpmath.mag(number) for number in numbers))  # exponents lose that many bits
        for digits in DIGITS:
            with mpmath.workdps(digits + int(largest * 0.302)):
                try:
                    function = _in_mpmath(self.arguments, self.terms)
                    exact = [+mpmath.mpmathify(one) for one in numbers]  # rounded once, in all terms alike
                    parts = [mpmath.mpf(part) for part in function(*exact)]
                except (ZeroDivisionError, OverflowError, ValueError):
                    return None
                total, size = mpmath.fsum(parts), mpmath.fsum(abs(part) for part in parts)
                if size * mpmath.mpf(10) ** (8 - digits) <= LAST:  # float64 ends here
                    return float(total), LAST + 2 * EPSILON * abs(float(total))
                if size * mpmath.mpf(10) ** (8 - digits) <= abs(total) * mpmath.mpf(10) ** -17:
                    return float(total), 2 * EPSILON * abs(float(total))
        return None


@lru_cache(maxsize=256)
def _in_mpmath(arguments: tuple[sp.Symbol, ...], terms: tuple[sp.Expr, ...]) -> Callable[..., list[Any]]:
    return sp.lambdify(arguments, list(terms), "mpmath")  # type: ignore[no-any-return]


@lru_cache(maxsize=512)
def closed_form(phi: Activation, what: str, centered: bool) -> ClosedForm | None:
    """The closed form of a moment, at mean 0 if `centered`; None if none is known.

    Example:
        >>> from varprop import relu
        >>> closed_form(relu, "second moment", True).terms
        (std_**2/2,)
    """
    if phi.pieces is None or not all(part.free_symbols <= {X} for part in (*phi.pieces, *phi.kinks)):
        return None
    found = _formula(phi, what, sp.S.Zero if centered else MEAN)
    if found is None:
        return None
    constants: dict[sp.Expr, sp.Symbol] = {}
    short = named(found.replace(sp.asin, _arctangent), constants, (MEAN, STD))
    back = {name: constant for constant, name in constants.items()}
    parts = sp.Add.make_args(sp.expand(short, log=False, power_exp=False))
    terms = tuple(_gathered(part).xreplace(back) for part in parts)
    modules = [{"erfcx": special.erfcx}, "scipy", "numpy"]
    return ClosedForm(terms, sp.lambdify([MEAN, STD], [in_floats(_scaled(term)) for term in terms], modules))


ERFCX = sp.Function("erfcx")


def _gathered(formula: sp.Expr) -> sp.Expr:
    """Functions of mean - kink, whose digits count where a narrow law lies beside a kink."""
    for function in (sp.erf, sp.erfc, sp.exp):
        formula = formula.replace(function, lambda at, made=function: made(_by_powers(at)))
    return formula


def _by_powers(argument: sp.Expr) -> sp.Expr:
    return sp.collect(sp.expand(argument), STD, sp.factor)


def _scaled(term: sp.Expr) -> sp.Expr:
    """exp(a) erfc(b) as exp(a - b^2) erfcx(b): the one may overflow where the product does not."""
    exps = [factor for factor in sp.Mul.make_args(term) if isinstance(factor, sp.exp) and factor.has(STD)]
    tails = [factor for factor in sp.Mul.make_args(term) if isinstance(factor, sp.erfc) and factor.has(STD)]
    if len(exps) != 1 or len(tails) != 1:
        return term
    argument = tails[0].args[0]
    exponent = _by_powers(exps[0].args[0] - argument**2)
    return term / exps[0] / tails[0] * sp.exp(exponent) * ERFCX(argument)


def _arctangent(sine: sp.Expr) -> sp.Expr:
    """asin as atan, which keeps its digits near 1."""
    return sp.atan(sine / sp.sqrt(sp.factor(1 - sine**2)))


def _formula(phi: Activation, what: str, mean: sp.Expr) -> sp.Expr | None:
    law = (mean, STD**2)
    match what:
        case "mean":
            return normal_moment(phi, 1, 0, *law)
        case "second moment":
            return normal_moment(phi, 2, 0, *law)
        case "fourth moment":
            return normal_moment(phi, 4, 0, *law)
        case "variance":
            first, second = (normal_moment(phi, k, 0, *law) for k in (1, 2))
            return None if first is None or second is None else second - first**2
        case "slope second moment":
            slope = slope_of(phi)
            return sp.S.Zero if slope is None else normal_moment(slope, 2, 0, *law)
        case "slope mean":
            slope = slope_of(phi)
            return sp.S.Zero if slope is None else normal_moment(slope, 1, 0, *law)
    return _curvature(phi, *law)


def _curvature(phi: Activation, mean: sp.Expr, variance: sp.Expr) -> sp.Expr | None:
    """E phi phi'' with the jumps of phi' and phi: half of (phi^2)'' - phi'^2 as a distribution."""
    pieces = phi.pieces or ()
    total = normal_expectation([piece * sp.diff(piece, X, 2) for piece in pieces], phi.kinks, mean, variance)
    if total is None:
        return None
    for low, high, kink in zip(pieces[:-1], pieces[1:], phi.kinks, strict=True):
        density = sp.exp(-((kink - mean) ** 2) / (2 * variance)) / sp.sqrt(2 * sp.pi * variance)
        bend = (high * sp.diff(high, X) - low * sp.diff(low, X)).subs(X, kink)
        jump = (high**2 - low**2).subs(X, kink)
        total += density * (bend + jump * (kink - mean) / (2 * variance))
    return total
