"""Moments of an activation of two correlated normal variables."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import mpmath
import numpy as np
import numpy.typing as npt
import sympy as sp

from varprop.errors import ParameterError
from varprop.model.activations.base import Activation, Array
from varprop.model.distributions.base import Precision
from varprop.model.gaussian.closed import TRUSTED, ClosedForm
from varprop.model.gaussian.increments import increment, is_near
from varprop.model.gaussian.narrow import NARROW, narrow_excess
from varprop.model.gaussian.pair_forms import C, Q, R, pair_form, slope_pair_form
from varprop.model.gaussian.spread import (
    PATIENCE,
    Found,
    GaussianValue,
    Question,
    Rows,
    Spread,
    numeric,
    pointwise,
)
from varprop.numerics.quadrature import EPSILON, LAST, Points, legendre

__all__ = ["cross_moment", "slope_cross_moment"]

M, N = sp.Symbol("m", real=True), sp.Symbol("n", real=True)
EXACT_DIGITS = 400
WEAK = 0.25
"""Up to this correlation a dozen nodes integrate over it."""
SETTLED = 1e-13
"""An error above this share of the largest value calls for quadrature."""


def cross_moment(phi: Activation | str, means: Any, covariance: Any) -> GaussianValue:
    """E phi(X) phi(Y) for a normal pair.

    Args:
        phi: an activation, or its name.
        means: an array of shape (..., 2).
        covariance: an array of shape (..., 2, 2), each matrix positive semidefinite.

    Raises:
        MomentError: phi(X) has no second moment.
        ParameterError: the shapes do not fit, or a matrix is no covariance.

    Example:
        >>> from varprop.model import gaussian
        >>> found = gaussian.cross_moment("erf", [0, 0], [[1, 0.5], [0.5, 1]])
        >>> bool(abs(found.value - 2 / np.pi * np.arcsin(1 / 3)) < 1e-12), found.precision
        (True, 'closed form')
    """
    return _pairs(numeric(phi), means, covariance, slope=False)


def slope_cross_moment(phi: Activation | str, means: Any, covariance: Any) -> GaussianValue:
    """E phi'(X) phi'(Y) for a normal pair; arguments and errors as for `cross_moment`."""
    return _pairs(numeric(phi), means, covariance, slope=True)


def _pairs(phi: Activation, means: Any, covariance: Any, slope: bool) -> GaussianValue:
    m, c = _checked_pairs(phi, means, covariance)
    shape = m.shape[:-1]
    m, c = m.reshape(-1, 2), c.reshape(-1, 2, 2)
    function, off = pointwise(phi, "slope mean" if slope else "mean")
    value, error = np.zeros(len(m)), np.zeros(len(m))
    fixed = (c[:, 0, 0] == 0) & (c[:, 1, 1] == 0)
    first, second = m[fixed, 0], m[fixed, 1]
    value[fixed] = function(first) * function(second)
    error[fixed] = EPSILON * np.abs(value[fixed])
    error[fixed] += np.abs(function(first)) * off(second) + np.abs(function(second)) * off(first)
    left = np.flatnonzero(~fixed)
    form = _compiled(phi, slope, not m.any())
    if form is not None and len(left):
        left = form.fill(m, c, left, value, error)
    left, precision = _one_fixed(phi, m, c, slope, left, value, error)
    if len(left):
        value[left], error[left] = by_quadrature(phi, m[left], c[left], slope)
        precision = "estimate"
    return GaussianValue(value.reshape(shape)[()], error.reshape(shape)[()], precision)


def _one_fixed(
    phi: Activation, m: Array, c: Array, slope: bool, rows: Rows, value: Array, error: Array
) -> tuple[Rows, Precision]:
    """Pairs of which one does not vary: its value times a mean of the other; return the rest."""
    alone = (c[rows, 0, 0] == 0) | (c[rows, 1, 1] == 0)
    part = rows[alone]
    if not len(part):
        return rows, "closed form"
    first = c[part, 0, 0] == 0
    still, moving = np.where(first, m[part, 0], m[part, 1]), np.where(first, m[part, 1], m[part, 0])
    std = np.sqrt(np.where(first, c[part, 1, 1], c[part, 0, 0]))
    question = Question(phi, moving, std)
    what = "slope mean" if slope else "mean"
    mean, doubt, precision = question.found(what, PATIENCE)
    function, off = pointwise(phi, what)
    factor = function(still)
    value[part] = factor * mean
    error[part] = np.abs(factor) * doubt + off(still) * np.abs(mean) + EPSILON * np.abs(value[part])
    return rows[~alone], precision


def by_quadrature(phi: Activation, means: Array, covariance: Array, slope: bool = False) -> Found:
    """E phi(X) phi(Y), or E phi'(X) phi'(Y), without a formula of the pair: means of shape (k, 2)."""
    m, c = means.copy(), covariance.copy()
    flipped = c[:, 0, 0] < c[:, 1, 1]  # the wider one outside
    m[flipped], c[flipped] = m[flipped][:, ::-1], c[flipped][:, ::-1, ::-1]
    wide = np.sqrt(c[:, 0, 0])
    tilt = np.divide(c[:, 0, 1], wide, out=np.zeros(len(c)), where=wide > 0)
    outer = _Outer(phi, slope, m, wide, tilt, _rest(c))
    value, error = outer.found()
    if outer.continuous and not slope:
        size = np.sqrt(c[:, 0, 0]) * np.sqrt(c[:, 1, 1])
        lost = (error > TRUSTED * np.abs(value)) & (np.abs(c[:, 0, 1]) <= WEAK * size)
        if lost.any():
            better, doubt = _from_independence(phi, m[lost], c[lost])
            taken = doubt < error[lost]
            rows = np.flatnonzero(lost)[taken]
            value[rows], error[rows] = better[taken], doubt[taken]
    return value, error


def _from_independence(phi: Activation, m: Array, c: Array) -> Found:
    """E phi(X) E phi(Y), and what a weak covariance adds: no terms of the size of phi^2 cancel.

    d E phi(X) phi(Y) / d c = E phi'(X) phi'(Y).

    Source: Price, A useful theorem for nonlinear devices having Gaussian inputs, 1958.
    """
    means, doubts = zip(*(_mean(phi, m[:, k], np.sqrt(c[:, k, k])) for k in (0, 1)), strict=True)
    nodes, weights = legendre(12)
    parts = np.repeat(c[None], len(nodes), axis=0)
    parts[:, :, [0, 1], [1, 0]] *= nodes[:, None, None]
    slopes = _pairs(phi, np.broadcast_to(m, (len(nodes), *m.shape)), parts, slope=True)
    added, off = weights @ slopes.value, weights @ slopes.error
    first, added = means[0] * means[1], c[:, 0, 1] * added
    error = np.abs(means[0]) * doubts[1] + np.abs(means[1]) * doubts[0] + np.abs(c[:, 0, 1]) * off
    return first + added, error + 4 * EPSILON * (np.abs(first) + np.abs(added))


def _mean(phi: Activation, mean: Array, std: Array) -> Found:
    """E phi(X), which is 0 by symmetry for odd phi and centered X."""
    found, doubt, _ = Question(phi, mean, std).found("mean", PATIENCE)
    odd = (mean == 0) & (phi.parity == "odd")
    return np.where(odd, 0.0, found), np.where(odd, 0.0, doubt)


def _rest(c: Array) -> Array:
    """The deviation of the second given the first: of q r - c^2 every digit counts near a line."""
    (q, up), (r, down) = (np.frexp(c[:, k, k]) for k in (0, 1))
    for mantissa, exponent in ((q, up), (r, down)):
        mantissa *= 1 + exponent % 2  # so that exponents are even
        exponent -= exponent % 2
    across = np.ldexp(c[:, 0, 1], -(up + down) // 2)
    (product, lost), (square, less) = _exact_product(q, r), _exact_product(across, across)
    determinant = np.maximum((product - square) + (lost - less), 0.0)
    part = np.sqrt(np.divide(determinant, q, out=np.zeros(len(c)), where=q > 0))
    return np.asarray(np.ldexp(part, down // 2))


def _exact_product(x: Array, y: Array) -> tuple[Array, Array]:
    """A product and its rounding error.

    Source: Dekker, A floating-point technique for extending the available precision, 1971.
    """
    product = x * y
    (x_high, x_low), (y_high, y_low) = _halves(x), _halves(y)
    return product, ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low


def _halves(x: Array) -> tuple[Array, Array]:
    high = 134217729.0 * x
    high = high - (high - x)
    return high, x - high


def _correlation(c: Array) -> tuple[Array, Array, Array]:
    """Standard deviations and correlation; exactly 1 or -1 for copies."""
    first, second, across = c[:, 0, 0], c[:, 1, 1], c[:, 0, 1]
    wide, narrow = np.sqrt(first), np.sqrt(second)
    with np.errstate(all="ignore"):
        rho = np.where(first == second, across / first, across / wide / narrow)
    return wide, narrow, np.where((wide > 0) & (narrow > 0), np.clip(rho, -1, 1), 0.0)


class _PairFormula(NamedTuple):
    """A closed form in both means, both variances and the correlation, and its slope in the correlation."""

    form: ClosedForm
    slope: Callable[..., Any]

    def fill(self, m: Array, c: Array, rows: Rows, value: Array, error: Array) -> Rows:
        """Write values and errors into `rows`; return those whose digits were not found."""
        rho = _correlation(c[rows])[2]
        first, second = c[rows, 0, 0], c[rows, 1, 1]
        arguments = (m[rows, 0], m[rows, 1], first, second, rho)
        value[rows], error[rows], _ = self.form.evaluate(*arguments)
        copies = (first == second) & (np.abs(c[rows, 0, 1]) == first)
        with np.errstate(all="ignore"):
            error[rows] += np.where(copies, 0, 4 * EPSILON * np.abs(rho * self.slope(*arguments)))
        settled = np.isfinite(error[rows]) & (error[rows] <= TRUSTED * np.abs(value[rows]))
        good = settled & (first > 0) & (second > 0)
        left = []
        for row in rows[~good]:
            found = self._with_digits(m[row], c[row])
            if found is None:
                left.append(row)
            else:
                value[row], error[row] = found
        return np.array(left, dtype=np.intp)

    def _with_digits(self, m: Array, c: Array) -> tuple[float, float] | None:
        q, r, across = (float(entry) for entry in (c[0, 0], c[1, 1], c[0, 1]))
        if q == 0 or r == 0:  # formulas of functions with jumps are those of laws with a density
            return None
        with mpmath.workdps(EXACT_DIGITS):
            rho = mpmath.mpf(across) / mpmath.sqrt(mpmath.mpf(q) * mpmath.mpf(r))
            rho = max(mpmath.mpf(-1), min(mpmath.mpf(1), rho))
        return self.form.precise(*m, q, r, rho)


@lru_cache(maxsize=256)
def _compiled(phi: Activation, slope: bool, centered: bool) -> _PairFormula | None:
    means = (sp.S.Zero, sp.S.Zero) if centered else (M, N)
    found = (slope_pair_form if slope else pair_form)(phi, *means)
    arguments = (M, N, Q, R, C)
    if found is None or not found.free_symbols <= set(arguments):
        return None
    digits = (*found.atoms(sp.exp), 1 - C, 1 + C)  # expanded, they would lose them
    kept = {part: sp.Dummy(positive=True) for part in digits}
    inside = sp.expand(found.xreplace(kept), log=False, power_exp=False, power_base=False)
    back = {name: part for part, name in kept.items()}
    terms = tuple(term.xreplace(back) for term in sp.Add.make_args(inside))
    form = ClosedForm(terms, sp.lambdify(arguments, terms, "numpy"), arguments)
    return _PairFormula(form, sp.lambdify(arguments, sp.diff(found, C), "numpy"))


def _checked_pairs(phi: Activation, means: Any, covariance: Any) -> tuple[Array, Array]:
    asked = f"cross moments of {phi}"
    try:
        m, c = np.asarray(means, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    except (TypeError, ValueError):
        raise ParameterError(asked, "means or covariance are no arrays of numbers") from None
    if m.shape[-1:] != (2,) or c.shape[-2:] != (2, 2):
        raise ParameterError(asked, f"shapes {m.shape} and {c.shape}", "Give (..., 2) and (..., 2, 2)")
    try:
        shape = np.broadcast_shapes(m.shape[:-1], c.shape[:-2])
    except ValueError:
        raise ParameterError(asked, f"shapes {m.shape} and {c.shape} do not fit together") from None
    m, c = np.broadcast_to(m, (*shape, 2)).copy(), np.broadcast_to(c, (*shape, 2, 2)).copy()
    product = np.sqrt(np.abs(c[..., 0, 0])) * np.sqrt(np.abs(c[..., 1, 1]))
    legal = (
        np.isfinite(m).all()
        and np.isfinite(c).all()
        and (c[..., 0, 0] >= 0).all()
        and (c[..., 1, 1] >= 0).all()
        and np.array_equal(c[..., 0, 1], c[..., 1, 0])
        and (np.abs(c[..., 0, 1]) <= product * (1 + 1e-12)).all()
    )
    if not legal:
        raise ParameterError(asked, "a covariance is not symmetric and positive semidefinite, or not finite")
    return m, c


class _Outer(Spread):
    """E phi(X) E[phi(Y) | X], the inner mean by the same means as any other."""

    def __init__(
        self, phi: Activation, slope: bool, means: Array, std: Array, tilt: Array, rest: Array
    ) -> None:
        super().__init__(phi, means[:, 0], std)
        self.other, self.tilt, self.rest, self.slope = means[:, 1], tilt, rest, slope
        self.has_parabolas = self.continuous and not slope and phi.pieces is not None
        self.largest, self.size, self.off = np.zeros((3, len(std)))
        second_std = np.hypot(tilt, rest)
        self.narrow_first, self.narrow_second = (
            (std < NARROW) & is_near(phi, mean, std) & self.has_parabolas
            for mean, std in ((self.mean, self.std), (self.other, second_std))
        )
        self.first = np.where(self.narrow_first, phi.value(self.mean), 0.0)
        self.second = np.where(self.narrow_second, phi.value(self.other), 0.0)

    @cached_property
    def anchors(self) -> list[Array]:
        """Where the first is 0, and where the second is 0 in the mean given the first."""
        with np.errstate(all="ignore"):
            second = -self.other / self.tilt
        return [*super().anchors, np.where(np.isfinite(second), second, np.inf)]

    def marked(self, places: list[float]) -> Array:
        z, offset = super().marked(places)
        return np.array([z, offset, z - self.anchors[1][:, None]])

    def second_marks(self) -> Array:
        """Where inner means bend."""
        widths = np.array([-16, -4, -1, 0, 1, 4, 16]) * self.rest[:, None]
        with np.errstate(all="ignore"):
            x = np.concatenate([bend + widths for bend in self.bends], axis=1)
            z, offset = (x - self.other[:, None]) / self.tilt[:, None], x / self.tilt[:, None]
            return np.where(np.isfinite(z), [z, z - self.anchors[0][:, None], offset], np.inf)

    def found(self, what: str = "") -> Found:
        """E (phi(X) - a) (phi(Y) - b) + a E phi(Y) + b E phi(X) - a b with the values of narrow laws."""

        def outer(points: Points, doubt: bool = False) -> Array:
            rows, x = points.rows, self.at(points)
            if self.slope:
                return self.phi.doubt(x, 1) if doubt else self.phi.derivative(x)
            step = self.std[rows, None] * points.z
            return _moved(self.phi, self.mean[rows], step, self.narrow_first[rows], x, doubt)

        def off(points: Points) -> Array:
            inner, doubt = self.excess(points)
            return np.abs(outer(points)) * doubt + outer(points, doubt=True) * np.abs(inner)

        marks = np.concatenate([self.marks(), self.second_marks()], axis=2)
        value, error = self.standardized(
            lambda points: outer(points) * self.excess(points)[0], off, marks, "E phi phi"
        )
        if not self.phi.doubtful:
            error = error + self.off / np.maximum(self.largest, LAST) * np.abs(value)
        laws = ((self.second, self.mean, self.std), (self.first, self.other, np.hypot(self.tilt, self.rest)))
        for factor, mean, std in laws:
            rows = np.flatnonzero(factor)
            if len(rows):
                found, doubt = _mean(self.phi, mean[rows], std[rows])
                value[rows] += factor[rows] * found
                error[rows] += np.abs(factor[rows]) * (doubt + EPSILON * np.abs(found))
        value -= self.first * self.second
        return value, error + 4 * EPSILON * np.abs(self.first * self.second)

    def excess(self, points: Points) -> Found:
        """E[phi(Y) | X] - phi(mean of Y) where Y is narrow, E[phi(Y) | X] or E[phi'(Y) | X] elsewhere."""
        rows, phi = points.rows, self.phi
        center = points.along(self.other, self.tilt, 2)
        std = np.broadcast_to(self.rest[rows, None], center.shape)
        value, error = np.zeros(center.shape), np.full(center.shape, np.inf)
        parabolas = np.flatnonzero((self.rest[rows] < NARROW) & self.has_parabolas)
        if len(parabolas):
            narrow, mean = self.narrow_second[rows[parabolas]], self.other[rows[parabolas]]
            step = np.where(
                narrow[:, None], self.tilt[rows[parabolas], None] * points.z[parabolas], center[parabolas]
            )
            start = np.where(narrow, mean, 0.0)[:, None]
            more, doubt = narrow_excess(phi, start, step, std[parabolas])
            value[parabolas] = more + _moved(phi, mean, step, narrow, center[parabolas])
            error[parabolas] = doubt + 4 * EPSILON * np.abs(value[parabolas])
        known = np.isfinite(error)
        np.maximum.at(self.largest, rows, np.abs(np.where(known, value, 0.0)).max(axis=1))
        left = ~(known & (error <= SETTLED * self.largest[rows, None]))
        if left.any():
            function = phi.derivative if self.slope else phi.value
            np.maximum.at(self.size, rows, np.abs(function(center)).max(axis=1))
            least = np.broadcast_to(EPSILON * self.size[rows, None], center.shape)[left]
            question = Question(phi, center[left], std[left])
            found, doubt, _ = question.found("slope mean" if self.slope else "mean", least=least)
            base = np.broadcast_to(self.second[rows, None], center.shape)[left]
            value[left], error[left] = found - base, doubt + EPSILON * np.abs(base)
            np.maximum.at(self.largest, rows, np.abs(value).max(axis=1))
        np.maximum.at(self.off, rows, error.max(axis=1))
        return value, error


def _moved(
    phi: Activation,
    start: Array,
    step: Array,
    narrow: npt.NDArray[np.bool_],
    center: Array,
    doubt: bool = False,
) -> Array:
    """phi(start + step) - phi(start) where the law is narrow, phi(center) elsewhere; or how far it is off."""
    value = phi.doubt(center, 0) if doubt else phi.value(center)
    if narrow.any():
        value[narrow] = increment(phi, start[narrow], step[narrow], narrow[narrow], doubt)
    return value
