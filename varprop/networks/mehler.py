"""Fast cross moments: Hermite expansions of smooth activations, conditional means of kinked ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import TypeVar

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from varprop.errors import MomentError, VarpropError
from varprop.model import gaussian
from varprop.model.activations import Activation
from varprop.model.distributions import Normal
from varprop.numerics.quadrature import legendre

__all__ = ["ENOUGH", "LARGEST", "REACH", "Conditional", "Mehler", "hermite", "quick"]

Array = NDArray[np.float64]
T = TypeVar("T")

ORDERS = 128
POINTS = 256
REACH = 10.0
LARGEST = 4.0
"""Variances up to here: beyond, the bend of an activation asks for more points."""
ENOUGH = 1e-13
KEPT = 8
END, PANEL = 8.4, 2.8
FAR = 12.0
"""Means up to here: the closed form has been looked at so far."""
STEPS = np.array([-6.0, -3.0, 0.0, 3.0, 6.0])
"""Twelve nodes give 14 digits of a normal distribution function over three standard deviations."""
PANELS = np.arange(-END, END + PANEL / 2, PANEL)
NODES, WEIGHTS = legendre(12)


@cache
def hermite() -> tuple[Array, Array, Array]:
    """Return points, their weights, and the weighted polynomials He_k / sqrt(k!) there."""
    points, step = np.linspace(-REACH, REACH, POINTS, retstep=True)
    weights = np.exp(-(points**2) / 2) * (step / math.sqrt(2 * math.pi))
    rows = [np.ones(POINTS), points]
    for k in range(1, ORDERS - 1):
        rows.append((points * rows[k] - math.sqrt(k) * rows[k - 1]) / math.sqrt(k + 1))
    return points, weights, np.array(rows) * weights


def kept(known: dict[float, T], size: float, made: Callable[[float], T]) -> T:
    """What belongs to a size, made once as long as few others are asked for."""
    found = known.get(size)
    if found is None:
        if len(known) >= KEPT:
            del known[next(iter(known))]
        found = known[size] = made(size)
    return found


class Mehler:
    r"""E phi(u) phi(v) = sum_k a_k(q) a_k(r) c^k for an analytic phi, with a bound on what is left out.

    a_k(q) = E phi(sqrt(q) N) He_k(N) / sqrt(k!). By Cauchy and Schwarz the terms from order K on are at most
    |c|^K sqrt(T(q) T(r)), T = E phi^2 - sum_{k < K} a_k^2.

    Args:
        phi: an analytic activation.

    Raises:
        MomentError: the points do not resolve it.

    Source:
        Mehler, 1866; Daniely, Frostig, Singer, Toward deeper understanding of neural networks, 2016.
    """

    def __init__(self, phi: Activation) -> None:
        self.phi = phi
        self._known: dict[float, tuple[Array, float, float]] = {}
        with np.errstate(all="ignore"):
            for q in (0.01, 0.1, 0.5, 1.0, 2.0, 3.0, LARGEST):
                exact = float(gaussian.second_moment(phi, 0, math.sqrt(q)))
                if not abs(self.second(q) - exact) <= 10 * ENOUGH * abs(exact):
                    raise MomentError(f"an expansion of {phi}", "it is too steep, or grows too fast")

    def second(self, q: float) -> float:
        """Return E phi^2 for q up to `LARGEST`."""
        return kept(self._known, q, self._expansion)[1]

    def _expansion(self, q: float) -> tuple[Array, float, float]:
        """Return the coefficients, E phi^2 and what the coefficients leave of it."""
        points, weights, rows = hermite()
        values = self.phi.value(math.sqrt(q) * points)
        coefficients = rows @ values
        second = float((values * values) @ weights)
        return coefficients, second, max(second - float(coefficients @ coefficients), 1e-15 * second)

    def cross(self, q: float, r: float, c: float) -> float | None:
        """Return E phi(u) phi(v), None where the bound is not small enough."""
        if q > LARGEST or r > LARGEST:
            return None
        a, second, left = kept(self._known, q, self._expansion)
        b, other, rest = (a, second, left) if q == r else kept(self._known, r, self._expansion)
        if abs(c) ** ORDERS * math.sqrt(left * rest) > ENOUGH * math.sqrt(second * other):
            return None
        powers = np.full(ORDERS, c)
        powers[0] = 1.0
        np.multiply.accumulate(powers, out=powers)
        return float((a * b) @ powers)


class Conditional:
    """E phi(u) phi(v) = E phi(u) E[phi(v) | u] for a phi with kinks whose normal mean has a closed form.

    The outer integral takes Gauss and Legendre panels, split where phi has a kink and where the inner mean
    bends.

    Args:
        phi: the activation.

    Raises:
        MomentError: its normal mean has no closed form, or one that loses digits.
    """

    def __init__(self, phi: Activation) -> None:
        self.phi, self.kinks = phi, phi.breaks
        self._known: dict[float, tuple[Array, Array]] = {}
        m, s = sp.Symbol("m", real=True), sp.Symbol("s", positive=True)
        form = phi.moment(1, Normal(mean=m, variance=s**2))
        self.mean: Callable[[Array, Array | float], Array] = sp.lambdify(
            (m, s), form, modules=["scipy", "numpy"], cse=True
        )
        places = np.linspace(-FAR, FAR, 25)
        for std in (1e-7, 1e-4, 0.03, 0.5, 2.0):
            with np.errstate(all="ignore"):
                found = self.mean(places, std)
            exact = gaussian.mean(phi, places, std).value
            if not (np.abs(found - exact) <= ENOUGH * np.maximum(np.abs(exact), 1)).all():
                raise MomentError(f"E {phi} of a normal variable", "its closed form loses digits here")

    def cross(self, q: float, r: float, c: float) -> float | None:
        """Return E phi(u) phi(v), None where the pair is too close or too wide."""
        rest = (1 - c) * (1 + c)
        if q > LARGEST or r > LARGEST or rest < 1e-13 or min(q, r) < 1e-6:
            return None
        root, other = math.sqrt(q), math.sqrt(r)
        bend = math.sqrt(rest) / max(abs(c), 1e-3)
        if bend < PANEL / 3:
            x, outer = self._outer(root, ((self.kinks / (c * other))[:, None] + bend * STEPS).ravel())
        else:
            x, outer = kept(self._known, root, self._outer)
        inner = self.mean((c * other) * x, math.sqrt(rest) * other)
        return float(outer @ inner)

    def _outer(self, root: float, *bends: Array) -> tuple[Array, Array]:
        """The nodes of the outer integral, and phi there times their weights."""
        edges = np.concatenate([PANELS, self.kinks / root, *bends])
        np.clip(edges, -END, END, out=edges)
        edges.sort()
        width = (edges[1:] - edges[:-1])[:, None]
        x = (edges[:-1, None] + width * NODES).ravel()
        weights = (width * (WEIGHTS / math.sqrt(2 * math.pi))).ravel() * np.exp(-x * x / 2)
        return x, self.phi.value(root * x) * weights

    def crosses(self, means: tuple[Array, Array], variances: tuple[Array, Array], c: Array) -> Array:
        """Return E phi(u) phi(v) of many pairs of any means, nan where they are too close, wide or far.

        Args:
            means, variances: of u and of v.
            c: their correlations.
        """
        found = np.full(len(c), np.nan)
        fits = (1 - c) * (1 + c) >= 1e-13
        for mean, variance in zip(means, variances, strict=True):
            fits &= (np.abs(mean) <= FAR) & (variance >= 1e-6) & (variance <= LARGEST)
        rows = np.flatnonzero(fits)
        for part in np.array_split(rows, len(rows) // 2000 + 1) if len(rows) else ():
            (m, n), (q, r) = ([each[part, None] for each in pair] for pair in (means, variances))
            found[part] = self._crosses(m, n, np.sqrt(q), np.sqrt(r), c[part, None])
        return found

    def _crosses(self, m: Array, n: Array, root: Array, other: Array, c: Array) -> Array:
        steep = np.where(np.abs(c) < 1e-3, 1e-3, c)
        spread = np.sqrt((1 - c) * (1 + c))
        bends = [(kink - n) / (steep * other) + spread / np.abs(steep) * STEPS for kink in self.kinks]
        panels = np.broadcast_to(PANELS, (len(c), len(PANELS)))
        edges = np.concatenate([panels, (self.kinks - m) / root, *bends], axis=1)
        edges = np.sort(np.clip(edges, -END, END), axis=1)
        width = np.diff(edges, axis=1)[..., None]
        x = (edges[:, :-1, None] + width * NODES).reshape(len(c), -1)
        weights = (width * WEIGHTS).reshape(len(c), -1) * np.exp(-x * x / 2)
        inner = self.mean(n + c * other * x, spread * other)
        total = (self.phi.value(m + root * x) * inner * weights).sum(axis=1)
        return np.asarray(total / math.sqrt(2 * math.pi))


def quick(phi: Activation) -> Mehler | Conditional | None:
    """Return the fast way for an activation, None if there is none."""
    try:
        if phi.analytic:
            return Mehler(phi)
        return Conditional(phi) if len(phi.breaks) else None
    except VarpropError:
        return None
