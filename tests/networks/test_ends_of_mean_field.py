"""Initializers of activations of unknown tails, and mean-field maps where the signal dies out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

import varprop as vp
from varprop.errors import ParameterError

GROWING = vp.activation(lambda x: np.exp(x / 4), name="exp of a quarter")


def test_a_callable_of_unknown_tails_gets_its_initializer() -> None:
    square = math.exp(1 / 8)  # E exp(g/2)
    assert float(vp.he_normal((256, 512), activation=GROWING).variance) == pytest.approx(1 / (512 * square))
    backward = vp.he_normal((256, 512), activation=GROWING, mode="fan_out")
    assert float(backward.variance) == pytest.approx(16 / (256 * square), rel=1e-6)
    with pytest.raises(ParameterError, match="0 almost everywhere"):
        _ = vp.he_normal((256, 512), activation="step", mode="fan_out").variance


def test_a_signal_that_dies_keeps_its_correlations() -> None:
    dying = vp.mean_field("tanh", weight_variance=0.5)
    assert dying.length == 0
    assert dying.next_correlation(0.3) == 0.3
    (point,) = dying.correlation_points
    assert (point.correlation, dying.chi) == (1.0, pytest.approx(0.5))
    with pytest.raises(ParameterError, match=r"\[-1, 1\]"):
        dying.next_correlation(1.5)


def test_moments_of_a_scipy_law_and_their_errors() -> None:
    law = vp.RandomVariable("x", scipy.stats.gamma(2)).distribution
    assert law.moment_error(0) == 0.0
    assert abs(float(law.moment(3)) - 24) <= law.moment_error(3) + 1e-9
    assert abs(float(law.central_moment(3)) - 4) <= law.moment_error(3, central=True) + 1e-9


def test_a_skip_connection_keeps_the_product_of_two_different_lengths() -> None:
    q, r, c = 1.2, 0.4, 0.3
    x, weights = np.polynomial.hermite_e.hermegauss(80)
    weights /= weights.sum()
    u, v = np.sqrt(q) * x[:, None], np.sqrt(r) * (c * x[:, None] + np.sqrt(1 - c * c) * x)
    both = 0.49 * c * np.sqrt(q * r) + 0.8 * (weights @ (np.tanh(u) * np.tanh(v)) @ weights) + 0.1
    long, wide = (0.49 * s + 0.8 * (weights @ np.tanh(np.sqrt(s) * x) ** 2) + 0.1 for s in (q, r))
    made = vp.mean_field("tanh", weight_variance=0.8, bias_variance=0.1, skip=0.7).iterate(1, q, r, c)
    assert made.correlation[1] == pytest.approx(both / np.sqrt(long * wide), rel=1e-9)
