"""Mean and variance of the log of one layer's factor, at any width from 1 to 10^18."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["log_moments"]

Array = NDArray[np.float64]

STEP = 0.2  # of the trapezoidal rule in u = log t; the integrand is analytic for |Im u| < pi/2
SMALL = 0.02  # below it the cumulant generating function is summed as a series
TERMS = 18
NARROW = 60  # below it the event that all units are off has a probability that counts
WIDE = 1000


def log_moments(above: float, below: float, widths: Array) -> tuple[Array, Array]:
    r"""Return E log X and Var log X, X > 0 given, for X the mean of n copies of phi(N)^2 over its mean.

    With L the Laplace transform of X and gamma Euler's constant,

        E log X = - int_0^oo (L(t) - exp(-t)) / t dt,
        E log^2 X = 2 int_0^oo (log t + gamma) (L(t) - exp(-t)) / t dt,

    which holds no difference of large numbers: both keep 12 digits where they are of size 1/n. The finite
    sum of digamma functions over the binomial number of units that are on is the same number.

    Args:
        above: a of phi(z) = a z for z > 0.
        below: b of phi(z) = b |z| for z < 0.
        widths: the n, whole numbers from 1 on.

    Example:
        >>> mean, variance = log_moments(1.0, 0.0, np.array([1e12]))
        >>> round(float(mean[0]) * 1e12, 6), round(float(variance[0]) * 1e12, 6)
        (-2.5, 5.0)
    """
    largest = max(abs(above), abs(below))
    squares = np.array([above / largest, below / largest]) ** 2
    slopes = np.sort(squares)[::-1] / squares.mean()  # p >= q, p + q = 2
    mean, variance = np.empty(len(widths)), np.empty(len(widths))
    reach = 90.0 if slopes[1] == 0 else 90.0 - min(float(np.log(slopes[1])), 0.0)
    for low, high, left, right in (
        (0, NARROW, -40.0, reach),
        (NARROW, WIDE, -20.0, 40.0),
        (WIDE, np.inf, -20.0, 8.0),
    ):
        chosen = np.flatnonzero((widths >= low) & (widths < high))
        u = np.arange(left, right, STEP)
        for part in np.array_split(chosen, max(1, len(chosen) * len(u) // 1_000_000)):
            mean[part], variance[part] = _integrated(slopes, widths[part][:, None], u)
    return mean, variance


def _integrated(slopes: Array, n: Array, u: Array) -> tuple[Array, Array]:
    difference = STEP * _difference(slopes, n, u)
    mean = -difference.sum(axis=1)
    square = 2 * (difference @ (u + np.euler_gamma))
    return mean, square - mean**2


def _difference(slopes: Array, n: Array, u: Array) -> Array:
    """Return L(t) - exp(-t) at t = exp(u), L given that X > 0."""
    p, q = slopes
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        t = np.exp(u)
        s = t / n
        decay = np.exp(-t)
        log_s = u - np.log(n)
        with np.errstate(divide="ignore"):
            on = np.exp(-np.logaddexp(0, np.log(2 * p) + log_s) / 2)
            off = np.exp(-np.logaddexp(0, np.log(2 * q) + log_s) / 2)
        log_transform = np.log((on + off) / 2)
        # n (log M(s) + s), whose direct sum would cancel where s is small
        excess = n * np.where(s < SMALL, _series(slopes, np.minimum(s, SMALL)), log_transform + s)
        near = decay * np.expm1(np.minimum(excess, 1.0))
        made = np.where(excess < 1, near, np.exp(n * log_transform) - decay)
        if q > 0:
            return made
        dead = np.where(n < NARROW, 0.5**n, 0.0)
        late = dead * np.expm1(n * np.log1p(on)) - (1 - dead) * decay
        given = np.where((t > 1) & (dead > 0), late, made + dead * np.expm1(-t))
        return np.asarray(given / (1 - dead))


def _series(slopes: Array, s: Array) -> Array:
    """Return log M(s) + s by its power series; M is the Laplace transform of phi(N)^2 over its mean."""
    moments = [1.0]
    for k in range(1, TERMS + 1):  # E (N^2)^k = (2k - 1)!!, over k!
        moments.append(moments[-1] * (2 * k - 1) / k)
    raw = [m * (slopes[0] ** k + slopes[1] ** k) / 2 for k, m in enumerate(moments)]
    cumulants = [0.0] * (TERMS + 1)
    for k in range(1, TERMS + 1):
        cumulants[k] = raw[k] - sum(j * cumulants[j] * raw[k - j] for j in range(1, k)) / k
    total = np.zeros_like(s)
    for k in range(TERMS, 1, -1):
        total = (total + (-1) ** k * cumulants[k]) * s
    return total * s
