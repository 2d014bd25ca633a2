"""E|w_1 x_1 + ... + w_n x_n|: from the law of the sum where that is known, else by quadrature."""

from __future__ import annotations

import math

import numpy as np

from varprop.errors import LawError, MomentError
from varprop.laws import Digits, law
from varprop.laws.factors import quadrature
from varprop.model.distributions import Distribution
from varprop.model.expressions import Expression

__all__ = ["mean_size", "mean_size_of_sum"]

NEAR, FAR = 1e-3, 1e3
"""In units of 1 / std: below, a characteristic function is a parabola, beyond it has settled."""
ARGUMENTS, PLACES = 160, 800
"""Per fineness: how many t are summed over, and how many values of f are interpolated."""


def mean_size(distribution: Distribution) -> float:
    """E|X|: in closed form, else by quadrature."""
    try:
        return float(distribution.absolute_moment(1))
    except MomentError:
        nodes = quadrature(distribution)
        return float(nodes.chances @ np.abs(nodes.values))


def mean_size_of_sum(z: Expression, n: int, weights: Distribution, inputs: Distribution) -> Digits:
    """E|z| of z = sum_i w_i x_i, its n terms independent and alike; where no law is known, an estimate.

    E|z| = (2/pi) int_0^oo (1 - Re E exp(i t z)) / t^2 dt with E exp(i t z) = (E f(t x))^n, f the
    characteristic function of a weight; the error is the change from a grid half as fine.
    """
    try:
        return law(z).absolute_mean
    except LawError:
        if n == 1:
            return Digits(mean_size(weights) * mean_size(inputs))
        rough, good = (_by_characteristic_function(n, weights, inputs, fine) for fine in (2, 4))
        return Digits(good, abs(good - rough))


def _by_characteristic_function(n: int, weights: Distribution, inputs: Distribution, fine: int) -> float:
    (w, p), (x, q) = (
        (nodes.values, nodes.chances)
        for nodes in (quadrature(weights, fine=fine), quadrature(inputs, fine=fine))
    )
    std = math.sqrt(n * float(p @ w**2) * float(q @ x**2))
    t = np.geomspace(NEAR, FAR, fine * ARGUMENTS) / std
    size = np.maximum(np.abs(x), 1e-300)
    places = np.geomspace(1e-4 * t[0] * std / math.sqrt(float(p @ w**2)), t[-1] * size.max(), fine * PLACES)
    one = np.concatenate([np.exp(1j * part[:, None] * w) @ p for part in np.array_split(places, 20)])
    along = np.log(places)
    average = np.empty(len(t), dtype=np.complex128)
    for k, argument in enumerate(t):
        at = np.log(argument * size)
        real, imaginary = np.interp(at, along, one.real), np.interp(at, along, one.imag)
        average[k] = q @ (real + 1j * np.where(x < 0, -imaginary, imaginary))
    lost = (1 - average**n).real / t**2
    middle = float(np.sum((lost[1:] * t[1:] + lost[:-1] * t[:-1]) / 2 * np.diff(np.log(t))))
    return 2 / math.pi * float(middle + std**2 / 2 * t[0] + float(lost[-1]) * t[-1])
