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
    assert dying.next_correlation(0.3) == pytest.approx(0.3, rel=1e-15)
    (point,) = dying.correlation_points
    assert (point.kind, point.every, dying.chi) == ("neutral", True, pytest.approx(0.5))
    assert dying.correlation_scale == math.inf and "correlations stay as they are" in str(dying.document())
    with pytest.raises(ParameterError, match=r"\[-1, 1\]"):
        dying.next_correlation(1.5)


DYING = {
    "relu": {"weight_variance": 1.5, "keep": 0.9},
    "tanh": {"weight_variance": 0.8, "keep": 0.9},
    "gelu": {"weight_variance": 0.6, "skip": 0.7, "keep": 0.8},
    "leaky_relu": {"weight_variance": 0.3},
    "relu2": {"weight_variance": 0.5},
    "selu": {"weight_variance": 0.2},
}


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu"])
def test_correlations_go_where_they_are_said_to_go_while_lengths_die_out(name: str) -> None:
    field = vp.mean_field(name, **DYING[name])
    assert field.length == 0
    c = 0.4
    for _ in range(400):  # a length is held, and the same map taken again and again
        c = field.next_correlation(c, 1e-8)
    [found] = field.correlation_points
    assert found.kind == "attracting" and found.correlation == pytest.approx(c, abs=1e-6)
    assert field.next_correlation(found.correlation) == pytest.approx(found.correlation, abs=1e-12)


def test_correlations_near_one_move_by_a_power_law_or_away_while_lengths_die_out() -> None:
    relu = vp.mean_field("relu", weight_variance=1.5)
    assert [(p.correlation, p.kind, p.slope) for p in relu.correlation_points] == [(1, "attracting", 1)]
    assert relu.correlation_scale == math.inf and "correlations to 1" in str(relu.document())
    squared = vp.mean_field("relu2", weight_variance=0.5)
    low, one = squared.correlation_points
    assert (one.correlation, one.kind) == (1, "repelling") and one.slope == pytest.approx(4 / 3)
    c = 0.9
    for _ in range(300):
        c = squared.next_correlation(c, 1e-3)
    assert low.kind == "attracting" and low.correlation == pytest.approx(c, abs=1e-9)


@pytest.mark.parametrize("name", DYING)
def test_the_correlation_map_at_zero_is_its_limit_and_has_its_slope(name: str) -> None:
    field, step, c = vp.mean_field(name, **DYING[name]), 1e-4, 0.3
    assert field.next_correlation(c) == field.next_correlation(c, 0.0)
    assert field.next_correlation(c) == pytest.approx(field.next_correlation(c, 1e-8), abs=1e-4)
    slope = (field.next_correlation(c + step) - field.next_correlation(c - step)) / (2 * step)
    assert field.correlation_slope(c) == pytest.approx(slope, rel=1e-6, abs=1e-9)


def test_inputs_of_length_zero_share_what_a_layer_adds() -> None:
    biased = vp.mean_field("tanh", weight_variance=1, bias_variance=0.1, keep=0.5)
    assert biased.next_correlation(0.3, 0) == 1
    lifted = vp.mean_field("sigmoid", weight_variance=1, keep=0.5)
    assert lifted.next_correlation(0.3, 0) == pytest.approx(1 / 2, rel=1e-14)


def test_a_correlation_outlives_the_digits_of_its_lengths() -> None:
    course = vp.mean_field("selu", weight_variance=0.2).iterate(30, q=1e-318, c=0.5)
    assert course.first[-1] == 0 and (course.correlation == 0.5).all()


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
