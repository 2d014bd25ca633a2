"""Moments of an activation of two correlated normal variables."""

from __future__ import annotations

from typing import Any

import numpy as np

from varprop.errors import ParameterError
from varprop.model.activations.base import Activation, Array
from varprop.model.activations.registry import activation
from varprop.model.gaussian.spread import Found, GaussianValue, Question, Rows, Spread

__all__ = ["cross_moment", "slope_cross_moment"]


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
        >>> bool(abs(found.value - 2 / np.pi * np.arcsin(1 / 3)) < 1e-12)
        True
    """
    return _pairs(activation(phi), means, covariance, slope=False)


def slope_cross_moment(phi: Activation | str, means: Any, covariance: Any) -> GaussianValue:
    """E phi'(X) phi'(Y) for a normal pair; arguments and errors as for `cross_moment`."""
    return _pairs(activation(phi), means, covariance, slope=True)


def _pairs(phi: Activation, means: Any, covariance: Any, slope: bool) -> GaussianValue:
    m, c = _checked_pairs(phi, means, covariance)
    shape = m.shape[:-1]
    m, c = m.reshape(-1, 2), c.reshape(-1, 2, 2)
    flipped = c[:, 0, 0] < c[:, 1, 1]  # the wider one outside
    m[flipped], c[flipped] = m[flipped][:, ::-1], c[flipped][:, ::-1, ::-1]
    wide, narrow = np.sqrt(c[:, 0, 0]), np.sqrt(c[:, 1, 1])
    with np.errstate(all="ignore"):
        rho = np.where(wide * narrow > 0, np.clip(c[:, 0, 1] / (wide * narrow), -1, 1), 0.0)
    rest = narrow * np.sqrt((1 - rho) * (1 + rho))
    function = phi.derivative if slope else phi.value
    value, error = np.zeros(len(m)), np.zeros(len(m))
    fixed = wide == 0
    value[fixed] = function(m[fixed, 0]) * function(m[fixed, 1])
    moving = np.flatnonzero(~fixed)
    if len(moving):
        outer = _Outer(phi, slope, m[moving], wide[moving], (rho * narrow)[moving], rest[moving])
        value[moving], error[moving] = outer.found()
    return GaussianValue(value.reshape(shape)[()], error.reshape(shape)[()], "estimate")


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
        self.doubt = 0.0

    def found(self, what: str = "") -> Found:
        phi = self.phi
        marks = self.marks()
        with np.errstate(all="ignore"):
            for kink in [*self.kinks, 0.0]:
                for width in (-16, -4, -1, 0, 1, 4, 16):
                    mark = (kink + width * self.rest - self.other) / self.tilt
                    marks.append(np.where(np.isfinite(mark), mark, 0.0))

        def integrand(z: Array, rows: Rows) -> Array:
            z = np.broadcast_to(z, (len(rows), z.shape[-1]))
            first = (phi.derivative if self.slope else phi.value)(
                self.mean[rows, None] + self.std[rows, None] * z
            )
            center = self.other[rows, None] + self.tilt[rows, None] * z
            spread = np.broadcast_to(self.rest[rows, None], z.shape)
            inner, doubt = _conditional(phi, self.slope, center, spread)
            self.doubt = max(self.doubt, doubt)
            return first * inner

        value, error = self.standardized(integrand, marks, "E phi phi")
        return value, error + self.doubt * np.abs(value)


def _conditional(phi: Activation, slope: bool, center: Array, spread: Array) -> tuple[Array, float]:
    """E phi or E phi' under normal laws, and the largest error relative to the largest value."""
    question = Question(phi, center, spread)
    value, error, _ = question.found("slope mean" if slope else "mean")
    largest = float(np.abs(value).max(initial=0.0))
    return value.reshape(center.shape), float(error.max(initial=0.0)) / largest if largest else 0.0
