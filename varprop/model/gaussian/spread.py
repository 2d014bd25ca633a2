"""Expectations of functions with the kinks of one activation, under many normal laws at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from varprop.errors import MomentError, ParameterError
from varprop.model.activations.base import Activation, Array
from varprop.model.activations.registry import activation
from varprop.model.distributions.base import Precision
from varprop.model.gaussian.closed import TRUSTED, ClosedForm, closed_form
from varprop.model.gaussian.increments import (
    even_increment,
    increment,
    is_near,
    lost_share,
    narrow_curvature,
)
from varprop.model.scalars import symbols_in
from varprop.numerics.quadrature import EPSILON, FAR, Integrand, NotIntegrable, Points, expectation

__all__ = [
    "PATIENCE",
    "Found",
    "GaussianValue",
    "Question",
    "Rows",
    "Spread",
    "numeric",
    "pointwise",
    "powers",
]

WIDEST_SMOOTH = 8.0
TAIL = 9.0
BESIDE = (0.25, 1.0, 4.0, 16.0)
NARROWEST = 0.25
"""A law below this share of the distance between two bends sees both in its tails."""

Rows: TypeAlias = npt.NDArray[np.intp]
Found: TypeAlias = tuple[Array, Array]
NAMES = {
    "second moment": "E phi^2",
    "fourth moment": "E phi^4",
    "slope mean": "E phi'",
    "slope second moment": "E phi'^2",
}
PATIENCE = 64
"""So many values of a closed form whose terms cancel are computed with more digits; more, by quadrature."""


@dataclass(frozen=True, eq=False)
class GaussianValue:
    """Numbers with what is known of their errors.

    Attributes:
        value: the numbers.
        error: how far each may be off; a bound if `precision` is "enclosure", an estimate otherwise.
        precision: "closed form", "enclosure" or "estimate".
    """

    value: Any
    error: Any
    precision: Precision

    def __float__(self) -> float:
        return float(self.value)


def numeric(phi: Activation | str) -> Activation:
    """An activation, or the one of a name.

    Raises:
        ParameterError: a parameter of it is a symbol.
    """
    found = activation(phi)
    symbols = symbols_in(found)
    if symbols:
        some = min(map(str, symbols))
        raise ParameterError(
            f"moments of {found}",
            f"{some} has no value",
            f"Give it one: phi.at({{vp.symbol({some!r}): 0.1}})",
        )
    return found


class Question:
    """One activation and flat arrays of means and standard deviations."""

    def __init__(self, phi: Activation | str, mean: Any, std: Any) -> None:
        self.phi = numeric(phi)
        try:
            m, s = np.asarray(mean, dtype=np.float64), np.asarray(std, dtype=np.float64)
            m, s = np.broadcast_arrays(m, s)
        except (TypeError, ValueError) as error:
            raise ParameterError(
                f"moments of {self.phi}",
                f"mean and std do not fit together ({error})",
                "Give numbers or arrays",
            ) from None
        if not (np.isfinite(m).all() and np.isfinite(s).all() and (s >= 0).all()):
            raise ParameterError(
                f"moments of {self.phi}",
                "a mean or std is not finite, or a std is negative",
                "Choose std >= 0",
            )
        self.shape = m.shape
        self.mean, self.std = m.ravel(), s.ravel()

    def answer(self, what: str) -> GaussianValue:
        value, error, precision = self.found(what, patience=PATIENCE)
        return GaussianValue(value.reshape(self.shape)[()], error.reshape(self.shape)[()], precision)

    def found(self, what: str, patience: int = 0, least: Any = 0.0) -> tuple[Array, Array, Precision]:
        """Values, errors and their kind.

        Up to `patience` values may be computed with many digits; quadrature may leave errors of `least`.
        """
        value, error = np.zeros(len(self.mean)), np.zeros(len(self.mean))
        fixed = self.std == 0
        if fixed.any():
            function, doubt = pointwise(self.phi, what)
            value[fixed] = function(self.mean[fixed])
            error[fixed] = EPSILON * np.abs(value[fixed]) + doubt(self.mean[fixed])
        moving = np.flatnonzero(~fixed)
        left = moving
        if len(moving):
            mean, std = self.mean[moving], self.std[moving]
            form = closed_form(self.phi, what, not mean.any())
            if form is not None:
                value[moving], error[moving], good = form.evaluate(mean, std)
                left = moving[~good]
                if 0 < len(left) <= patience:
                    left = self.with_digits(form, left, value, error)
        if len(left):
            value[left], error[left] = Spread(
                self.phi, self.mean[left], self.std[left], np.broadcast_to(least, len(value))[left]
            ).found(what)
        return value, error, "estimate" if len(left) else "closed form"

    def with_digits(self, form: ClosedForm, rows: Rows, value: Array, error: Array) -> Rows:
        """Compute rows of a closed form with many digits; return those where that did not help."""
        failed = []
        for row in rows:
            found = form.precise(float(self.mean[row]), float(self.std[row]))
            if found is None:
                failed.append(row)
            else:
                value[row], error[row] = found
        return np.array(failed, dtype=np.intp)


Pointwise: TypeAlias = Callable[[Array], Array]


def pointwise(phi: Activation, what: str) -> tuple[Pointwise, Pointwise]:
    """What is averaged at x for this moment, and how far it may be off there."""
    value, slope, bend = phi.value, phi.derivative, phi.second_derivative
    off, slope_off, bend_off = (partial(phi.doubt, order=k) for k in range(3))
    match what:
        case "mean":
            return value, off
        case "second moment":
            return powers(phi, 2)
        case "fourth moment":
            return powers(phi, 4)
        case "slope mean":
            return slope, slope_off
        case "slope second moment":
            return lambda x: slope(x) ** 2, lambda x: (2 * np.abs(slope(x)) + slope_off(x)) * slope_off(x)
        case "curvature":
            return (
                lambda x: value(x) * bend(x),
                lambda x: np.abs(value(x)) * bend_off(x) + np.abs(bend(x)) * off(x),
            )
    return np.zeros_like, np.zeros_like


def powers(phi: Activation, k: int, times: int = 0) -> tuple[Pointwise, Pointwise]:
    """phi(x)^k x^times, and how far it may be off."""

    def doubt(x: Array) -> Array:
        return np.asarray(k * np.abs(phi.value(x)) ** (k - 1) * np.abs(x) ** times * phi.doubt(x, 0))

    return lambda x: np.asarray(phi.value(x) ** k * x**times), doubt


class Spread:
    """Expectations of functions of N(mean, std^2) that have the kinks of one activation."""

    def __init__(self, phi: Activation, mean: Array, std: Array, least: Any = 0.0) -> None:
        self.phi, self.mean, self.std = phi, mean, std
        self.least = np.broadcast_to(least, len(mean))
        self.kinks = phi.breaks
        (low, high), doubts = phi.sides(0), phi.side_doubts(0)
        self.continuous = bool((np.abs(high - low) <= doubts[0] + doubts[1]).all())

    def found(self, what: str) -> Found:
        phi = self.phi
        if what == "mean":
            return self.mean_of()
        if what == "variance":
            return self.variance_of()
        if what == "curvature":
            return self.curvature_of()
        return self.integral(*pointwise(phi, what), NAMES[what])

    def integral(self, g: Pointwise, doubt: Pointwise, what: str) -> Found:
        """E g(X) for g with the kinks of phi, off by `doubt`."""
        return self.standardized(
            lambda points: g(self.at(points)), lambda points: doubt(self.at(points)), self.marks(), what
        )

    def at(self, points: Points) -> Array:
        """The places of points."""
        return points.along(self.mean, self.std, 1)

    @cached_property
    def anchors(self) -> list[Array]:
        """Where x is 0, as standardized points."""
        with np.errstate(all="ignore"):
            return [-self.mean / self.std]

    def standardized(self, f: Integrand, doubt: Integrand, marks: Array, what: str) -> Found:
        # An equidistant rule steps over a bend that is narrow against the law, and does not notice.
        smooth = self.phi.analytic & (self.std <= WIDEST_SMOOTH)
        try:
            return expectation(
                f,
                len(self.mean),
                marks,
                self.anchors,
                self.looks(),
                smooth,
                least=self.least,
                doubt=doubt if self.phi.doubtful else None,
            )
        except NotIntegrable as failure:
            m, s = self.mean[failure.row], self.std[failure.row]
            raise MomentError(
                f"{what.replace('phi', str(self.phi))} under N({m:.6g}, {s:.6g}^2)",
                f"it is not found: {failure.why}",
                "The function must be finite and grow slower than exp(x^2 / (4 std^2))",
            ) from None

    def marked(self, places: list[float]) -> Array:
        """Places as standardized points, and as their offsets from the anchors, along a new last axis."""
        x = np.array(places, dtype=np.float64)
        with np.errstate(all="ignore"):
            return np.array([(x - self.mean[:, None]) / self.std[:, None], x / self.std[:, None]])

    def looks(self) -> Array | None:
        """Points beside bends that lie in the tails, if these are narrow against the law."""
        bends = self.bends
        narrow = self.std > NARROWEST * min([1.0, *np.diff(bends)])
        found = []
        for bend in bends:
            hidden = narrow & (np.abs(bend - self.mean) > TAIL * self.std)
            if hidden.any():
                places = [bend + sign * distance for distance in BESIDE for sign in (-1, 1)]
                found.append(np.where(hidden[:, None], self.marked(places), np.inf))
        return np.concatenate(found, axis=2) if found else None

    @cached_property
    def bends(self) -> list[float]:
        """Kinks, and 0."""
        return sorted({*map(float, self.kinks), 0.0})

    def marks(self) -> Array:
        """Where panels begin: at kinks, and at every distance from the bends of a wide law."""
        places, widest, bends = list(self.kinks), float(self.std.max()), self.bends
        if widest > 0.5:
            places.append(0.0)
            reach = FAR * widest + float(np.abs(self.mean).max()) + max(map(abs, bends))
            distances = [2.0**power for power in range(max(1, int(np.ceil(np.log2(reach)))))]
            places += [bend + sign * far for far in distances for bend in bends for sign in (-1, 1)]
        return self.marked(places)

    def mean_of(self) -> Found:
        phi = self.phi
        near = is_near(phi, self.mean, self.std, 2) & self.continuous
        if not near.any():
            return self.wide_mean()
        value, error = np.zeros(len(near)), np.zeros(len(near))
        part = Spread(phi, self.mean[near], self.std[near], self.least[near])
        base = phi.value(part.mean)
        value[near], error[near] = part.even_part()
        value[near] += base
        error[near] += EPSILON * np.abs(base)
        if not near.all():
            rest = Spread(phi, self.mean[~near], self.std[~near], self.least[~near])
            value[~near], error[~near] = rest.wide_mean()
        return value, error

    def wide_mean(self) -> Found:
        """E phi(X); for odd phi from x and -x at once: their densities differ by exp(-2 mean x / std^2)."""
        phi, ratio = self.phi, self.mean / self.std
        paired = (np.abs(ratio) <= 1) & (phi.parity == "odd")

        def share(points: Points) -> Array:
            rows, x = points.rows, self.at(points)
            both = -np.expm1(-2 * ratio[rows, None] * (x / self.std[rows, None])) / 2
            return np.where(paired[rows, None], both, 1.0)

        return self.standardized(
            lambda points: phi.value(self.at(points)) * share(points),
            lambda points: phi.doubt(self.at(points), 0) * np.abs(share(points)),
            self.marks(),
            "E phi",
        )

    def even_part(self) -> Found:
        """E phi(X) - phi(mean), from second differences: what is odd about the mean cancels exactly."""
        place = self.anchors[0]
        with np.errstate(all="ignore"):
            marks = self.marks()
            mirrored = np.array([-marks[0], -marks[0] - place[:, None]])

        def half(points: Points, doubt: bool) -> Array:
            step = self.std[points.rows, None] * points.z
            return even_increment(self.phi, self.mean[points.rows], step, doubt) / 2

        return self.standardized(
            partial(half, doubt=False),
            partial(half, doubt=True),
            np.concatenate([marks, mirrored], axis=2),
            "E phi",
        )

    def variance_of(self) -> Found:
        """E (phi - phi(mean))^2 - (E phi - phi(mean))^2."""
        phi = self.phi
        near = is_near(phi, self.mean, self.std, 1) & self.continuous

        def step(points: Points, doubt: bool = False) -> Array:
            rows = points.rows
            return increment(phi, self.mean[rows], self.std[rows, None] * points.z, near[rows], doubt)

        def off(points: Points) -> Array:
            doubt = step(points, doubt=True)
            return (2 * np.abs(step(points)) + doubt) * doubt

        second, error = self.standardized(lambda points: step(points) ** 2, off, self.marks(), "E phi^2")
        above = self.mean > 0
        base = phi.beside_limit(self.mean, above)
        lost = 2 * EPSILON * np.abs(base)
        first, doubt = np.zeros(len(near)), np.zeros(len(near))
        if near.any():
            part = Spread(phi, self.mean[near], self.std[near])
            first[near], doubt[near] = part.even_part()
            lost[near] *= np.sqrt(lost_share(phi, part.mean, part.std))
        if not near.all():
            part = Spread(phi, self.mean[~near], self.std[~near])
            rest, side = base[~near, None], above[~near, None]
            first[~near], doubt[~near] = part.standardized(
                lambda points: phi.beside_limit(part.at(points), side[points.rows]) - rest[points.rows],
                lambda points: phi.doubt(part.at(points), 0),
                part.marks(),
                "E phi",
            )
        error += 2 * lost * np.sqrt(second) + 2 * np.abs(first) * (doubt + lost) + EPSILON * second
        return second - first**2, error

    def curvature_of(self) -> Found:
        phi = self.phi
        value, error = self.integral(*pointwise(phi, "curvature"), "E phi phi''")
        (low, high), (below, above) = phi.sides(0), phi.sides(1)
        (low_off, high_off), (below_off, above_off) = phi.side_doubts(0), phi.side_doubts(1)
        if self.continuous:
            low = high = (low + high) / 2
        jumps = 0.0 if self.continuous else 1.0
        for k, kink in enumerate(self.kinks):
            z = (kink - self.mean) / self.std
            density = np.exp(-(z**2) / 2) / (self.std * np.sqrt(2 * np.pi))
            more = density * (
                high[k] * above[k] - low[k] * below[k] + (high[k] ** 2 - low[k] ** 2) * z / (2 * self.std)
            )
            value = value + more
            doubt = np.abs(high[k]) * above_off[k] + np.abs(low[k]) * below_off[k]
            doubt += (np.abs(above[k]) + jumps * np.abs(high[k] * z) / self.std) * high_off[k]
            doubt += (np.abs(below[k]) + jumps * np.abs(low[k] * z) / self.std) * low_off[k]
            error = error + (4 + z**2) * EPSILON * np.abs(more) + density * doubt
        lost = np.flatnonzero((error > TRUSTED * np.abs(value)) & is_near(phi, self.mean, self.std))
        if phi.analytic and phi.pieces is not None:  # beside a root of phi phi'' its odd part drowns the even
            for row in lost[:PATIENCE]:
                value[row] = narrow_curvature(phi.pieces[0], float(self.mean[row]), float(self.std[row]))
                error[row] = 16 * EPSILON * abs(value[row])
        return value, error
