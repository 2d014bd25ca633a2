"""Distributions as finitely many places with probabilities, for averages of smooth functions."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

import numpy as np
import sympy as sp
from mpmath import mp
from numpy.typing import NDArray

from varprop.errors import LawError, MomentError
from varprop.laws.factors import quadrature
from varprop.model.distributions import Distribution

__all__ = ["NODES", "nodes_beside", "nodes_of"]

Array: TypeAlias = NDArray[np.float64]

NODES = 24
"""Places that stand for a distribution, so that its moments up to order 47 are right."""
POINTS = 6
"""Places for every cell that is as wide as the standard deviation of the normal variable."""
NOTHING = 1e-24


@lru_cache(maxsize=256)
def nodes_of(law: Distribution, count: int = NODES) -> tuple[Array, Array]:
    """Weights and places of the Gauss rule of a distribution, from its exact moments.

    Raises:
        MomentError: too few of its moments exist.

    Source: Golub, Welsch, Calculation of Gauss Quadrature Rules, 1969.
    """
    last = 0
    moments = []
    with mp.workdps(120):
        for k in range(2 * count):
            try:
                moments.append(mp.mpf(str(sp.N(law.moment(k), 120))))
            except MomentError:
                if k < 8:
                    raise
                break
        size = len(moments) // 2
        alpha, beta = [moments[1]], [mp.mpf(1)]
        older, old = [mp.mpf(0)] * len(moments), list(moments)
        for k in range(1, size):
            new = list(old)
            for j in range(k, 2 * size - k):
                new[j] = old[j + 1] - alpha[k - 1] * old[j] - beta[k - 1] * older[j]
            if abs(new[k]) < mp.mpf(10) ** -60 * abs(moments[2]) ** k:
                break
            beta.append(new[k] / old[k - 1])
            alpha.append(new[k + 1] / new[k] - old[k] / old[k - 1])
            older, old = old, new
            last = k
        assert len(alpha) == last + 1
        return _rule([float(a) for a in alpha], [float(mp.sqrt(b)) for b in beta[1:]])


def _rule(diagonal: list[float], off: list[float]) -> tuple[Array, Array]:
    """The weights and places of the Gauss rule of a Jacobi matrix."""
    places, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1))
    return vectors[0] ** 2, places


@lru_cache(maxsize=64)
def nodes_beside(law: Distribution, std: float) -> tuple[Array, Array]:
    """Weights and places of a distribution to which a normal variable is added.

    That smooths what is averaged: the nodes of its density are joined, cell by cell, to a Gauss rule;
    without a density the rule of its moments is taken.

    Args:
        law: the distribution.
        std: of the normal variable.

    Raises:
        MomentError: it has neither a density that is known nor enough moments.
    """
    try:
        found = quadrature(law)
    except LawError:
        return nodes_of(law)
    places, weights = found.values, found.chances
    size = float(np.sqrt(weights @ places**2)) or 1.0
    kept = weights * np.maximum(1.0, np.abs(places) / size) ** 8 > NOTHING
    places, weights = places[kept], weights[kept]
    if std == 0 or len(places) <= NODES:
        return weights, places
    order = np.argsort(places)
    places, weights = places[order], weights[order]
    ends = np.flatnonzero(np.diff(np.floor(places / std))) + 1
    parts = zip(np.split(places, ends), np.split(weights, ends), strict=True)
    joined = [_joined(*part) for part in parts]
    return np.concatenate([w for w, _ in joined]), np.concatenate([x for _, x in joined])


def _joined(places: Array, weights: Array) -> tuple[Array, Array]:
    """The Gauss rule of some places with weights.

    Source: Gautschi, Orthogonal Polynomials, 2004 (the procedure of Stieltjes).
    """
    if len(places) <= POINTS:
        return weights, places
    total, center = weights.sum(), weights @ places / weights.sum()
    half = np.abs(places - center).max()
    if half == 0:
        return np.array([total]), np.array([center])
    x, p = (places - center) / half, weights / total
    diagonal: list[float] = []
    off: list[float] = []
    older, old = np.zeros_like(x), np.ones_like(x)
    for k in range(POINTS):
        diagonal.append(float(p @ (x * old**2)))
        older, old = old, (x - diagonal[-1]) * old - (off[-1] if k else 0.0) * older
        off.append(float(np.sqrt(p @ old**2)))
        old = old / off[-1]
    shares, found = _rule(diagonal, off[:-1])
    return total * shares, center + half * found
