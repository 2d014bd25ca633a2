"""Means of an activation under laws that are narrow against it: parabolas that meet at the kinks."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import sympy as sp
from scipy import special

from varprop.model.activations.base import Activation, Array, X
from varprop.numerics.quadrature import EPSILON

__all__ = ["NARROW", "narrow_excess"]

NARROW = 1e-6
"""Wider laws are not tried."""
ORDERS = 5
"""How many orders are kept of what an activation is more beyond a kink than its continuation."""
ASIDE = 2**0.5
"""phi''(mean +- sqrt(2) std) tells the fourth order: three nodes for the kernel of second differences."""


def narrow_excess(phi: Activation, start: Array, step: Array, std: Array) -> tuple[Array, Array]:
    """E phi(X) - phi(start + step) for X of N(start + step, std^2), and its error; infinite if unknown.

    The even part of phi is phi'' std^2 / 2 and its fourth order, which is also the error; what lies beyond
    a kink is the difference of the two sides there, a polynomial over a part of the law.

    Args:
        phi: a continuous activation with formulas.
        start: points of shape (rows, 1); beside a kink, steps keep their digits.
        step: steps from them, of shape (rows, points).
        std: the deviations, of shape (rows, 1).

    Example:
        >>> from varprop import relu6
        >>> zero = np.array([[0.0]])
        >>> value, error = narrow_excess(relu6, zero, zero, zero + 1e-9)
        >>> round(float(value[0, 0]) * 1e9, 12), bool(error[0, 0] < 1e-22)
        (0.398942280401, True)
    """
    std = np.broadcast_to(std, step.shape)
    center = start + step
    value, error = np.zeros(step.shape), np.zeros(step.shape)
    shift = np.zeros(step.shape)
    for kink, more in zip(phi.breaks, _beyond(phi), strict=True):
        past = (start - kink) + step
        center = np.where(past == 0, np.nextafter(center, -np.inf), center)
        sign = np.where(past <= 0, 1.0, -1.0)
        shift -= np.where(np.abs(past) < ASIDE * std, sign, 0.0)
        parts = sign * _partial_moments(np.abs(past) / std, len(more))
        terms = np.array([d * (sign * std) ** k * parts[k] for k, d in enumerate(more)])
        value += terms[:-1].sum(axis=0)
        error += np.abs(terms[-1]) + 8 * EPSILON * np.abs(terms[:-1]).sum(axis=0)
    low, middle, high = (center + (shift + k) * ASIDE * std for k in (-1, 0, 1))
    crossed = np.zeros(step.shape, dtype=np.bool_)
    for kink in phi.breaks:
        crossed |= (low < kink) & (kink < high)
    bend = phi.second_derivative
    fourth = std**2 / 16 * (bend(low) - 2 * bend(middle) + bend(high))
    value += std**2 / 2 * bend(center) + fourth
    return value, np.where(crossed, np.inf, error + np.abs(fourth))


@lru_cache(maxsize=256)
def _beyond(phi: Activation) -> tuple[tuple[float, ...], ...]:
    """Of every kink, the Taylor coefficients there of phi above it minus phi below it; 0 for the first."""
    found = []
    pieces = phi.pieces or ()
    for low, high, kink in zip(pieces[:-1], pieces[1:], phi.kinks, strict=True):
        difference, coefficients = high - low, [0.0]
        for order in range(1, ORDERS + 1):
            difference = sp.diff(difference, X) / order
            number = difference.subs(X, kink)
            coefficients.append(float(number) if number.is_finite else np.nan)
        found.append(tuple(coefficients))
    return tuple(found)


def _partial_moments(far: Array, count: int) -> Array:
    """E max(Z - far, 0)^k for k = 0, 1, ...: far >= 0, and order 0 is the tail.

    Example:
        >>> _partial_moments(np.array([0.0]), 3).round(12).tolist()
        [[0.5], [0.398942280401], [0.5]]
    """
    tail = special.ndtr(-far)
    found = [tail, np.exp(-(far**2) / 2) / np.sqrt(2 * np.pi) - far * tail]
    for k in range(2, count):
        found.append((k - 1) * found[k - 2] - far * found[k - 1])
    return np.asarray(np.maximum(np.array(found[:count]), 0.0))
