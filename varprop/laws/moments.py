"""Mean sizes of normal variables, and moments of laws by quadrature whose tails fall like a power."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

from varprop.laws.digits import Digits

__all__ = ["LN_N", "graded", "log_size", "mean_size", "moment_of", "refined"]

Array: TypeAlias = NDArray[np.float64]

LN_N = -(float(np.euler_gamma) + math.log(2)) / 2
"""E log|N| of a standard normal N."""
FAR = 9.0
DECADE = 3.0


def log_size(mean: Array) -> Array:
    """E log|N + m| = E log|N| + 2 int_0^(m / sqrt 2) D(v) dv, D Dawson's integral.

    Far out log m - sum_k (2k - 1)!! / (2k m^(2k)), an asymptotic series.

    Example:
        >>> float(log_size(np.array([0.0]))[0]) == LN_N
        True
    """
    m = np.abs(mean)
    nodes, weights = np.polynomial.legendre.leggauss(48)
    half = np.minimum(m, FAR) / math.sqrt(8)
    near = LN_N + 2 * half * (special.dawsn(half[:, None] * (1 + nodes)) @ weights)
    series, term, inverse = np.zeros(m.shape), np.ones(m.shape), 1 / np.maximum(m, FAR) ** 2
    for k in range(1, 24):
        term = term * (2 * k - 1) * inverse
        series += term / (2 * k)
    value: Array = np.where(m < FAR, near, np.log(np.maximum(m, FAR)) - series)
    return value


def mean_size(mean: Array, std: Array) -> Array:
    """E|N(m, s^2)| = s sqrt(2/pi) exp(-r^2 / 2) + m erf(r / sqrt 2), r = m / s.

    Example:
        >>> float(mean_size(np.array([-2.0]), np.array([0.0]))[0])
        2.0
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(std > 0, np.abs(mean) / std, np.inf)
        spread = std * math.sqrt(2 / math.pi) * np.exp(-(ratio**2) / 2)
    value: Array = spread + np.abs(mean) * special.erf(ratio / math.sqrt(2))
    return value


def moment_of(values: Array, chances: Array, order: int) -> float:
    """E|x|^order of a law by quadrature; infinite where its tail is too heavy.

    Beyond the last node the contributions fall like a power of x, geometrically from one range of sizes to
    the next, and are added.
    """
    sizes = np.abs(values)
    top = float(sizes.max())
    if top == 0:
        return 0.0
    with np.errstate(over="ignore"):
        parts = chances * (sizes / top) ** order
    total, edge = float(parts.sum()), 1 + 1e-9
    if float(chances[sizes * edge > top * math.exp(-DECADE)].sum()) < 1e-6:
        outer = parts[sizes > top * edge * math.exp(-DECADE)].sum()
        inner = parts[(sizes > top * edge * math.exp(-2 * DECADE))].sum() - outer
        if outer > 1e-18 * total:
            ratio = float(outer / inner)
            if ratio > 1 - 1e-6:
                return math.inf
            total += float(outer) * ratio / (1 - ratio)
    return math.exp(min(math.log(total) + order * math.log(top), 709.0)) if total else 0.0


def graded(cuts: list[float], unit: float, reach: float, count: int) -> tuple[Array, Array]:
    """Trapezoidal nodes and weights on (0, oo) for functions with spikes or kinks at 0 and at the cuts.

    Beside an end a of a piece x = a + unit e^u, between two ends the logistic function of u: the sums meet
    the integral exponentially fast however a function behaves at the ends.

    Args:
        cuts: positive places.
        unit: a scale of what lies beyond the last cut.
        reach: the largest u.
        count: how many steps u makes from -40 to 40.

    Example:
        >>> x, weights = graded([1.0], 1.0, 5.0, 512)
        >>> round(float(np.exp(-np.abs(x - 1)) @ weights), 12) == round(2 - math.exp(-1), 12)
        True
    """
    step = 80.0 / count
    ends = sorted({0.0, *cuts})
    u = np.arange(-count // 2, count // 2 + 1) * step
    nodes, weights = [], []
    for low, high in pairwise(ends):
        near, far = special.expit(u), special.expit(-u)
        nodes.append(np.where(u < 0, low + (high - low) * near, high - (high - low) * far))
        weights.append((high - low) * near * far * step)
    u = u[u <= reach]
    nodes.append(ends[-1] + unit * np.exp(u))
    weights.append(unit * np.exp(u) * step)
    return np.concatenate(nodes), np.concatenate(weights)


def refined(
    average: Callable[[int], tuple[float, float]], counts: tuple[int, ...] = (256, 512, 1024, 2048, 4096)
) -> Digits:
    """A trapezoidal sum, given with its own error, with more and more points until it stands.

    The last change is added to the error.
    """
    value, _ = average(counts[0])
    for count in counts[1:]:
        (value, lost), before = average(count), value
        rounding = 1e-13 * (1 + abs(value))
        if abs(value - before) <= rounding + lost or not lost <= 1e-9 * (1 + abs(value)):
            break
    return Digits(value, abs(value - before) + rounding + lost)
