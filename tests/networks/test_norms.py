"""Gradients below norms: exact where the size of the units is known, nothing where no direction is left."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import varprop as vp
from varprop import Dense, LayerNorm, Network, Normal, Residual, RMSNorm, propagate, relu, tanh

HE, LECUN = "he_normal", "lecun_normal"
X = [1.0, -2.0, 0.5]


def slopes(layer: object, rows: np.ndarray) -> np.ndarray:
    """All slopes of a norm at rows, by the complex step."""
    centered = isinstance(layer, LayerNorm)

    def value(h: np.ndarray) -> np.ndarray:
        h = h - h.mean(axis=1, keepdims=True) if centered else h
        return h / np.sqrt(np.mean(h * h, axis=1, keepdims=True))

    step = 1e-20j * np.eye(rows.shape[1])
    return np.stack([value(rows + one).imag / 1e-20 for one in step], axis=2)


@pytest.mark.parametrize(
    ("layer", "width"), [(RMSNorm(), 1), (RMSNorm(), 4), (LayerNorm(), 2), (LayerNorm(), 5)]
)
def test_the_gradient_at_given_rows_is_that_of_all_slopes(layer: object, width: int) -> None:
    rows = np.random.default_rng(3).normal(size=(6, width)) * np.arange(1, 7)[:, None]
    profile = propagate(Network([layer, Dense(3, HE), relu], fan_in=width), input=vp.Empirical(rows))
    above = float(profile[1].gradient)
    assert above == pytest.approx(2 * 3 / width / 2)
    mean = np.mean(np.sum(slopes(layer, rows) ** 2, axis=(1, 2))) / width
    assert float(profile[0].gradient) == pytest.approx(above * mean, rel=1e-9, abs=1e-12)
    assert profile[0].validity_of("gradient") == "exact"


@pytest.mark.parametrize(
    ("layer", "width"), [(RMSNorm(), 6), (RMSNorm(), 7), (LayerNorm(), 8), (LayerNorm(), 9)]
)
def test_the_gradient_below_a_norm_of_normal_units_is_that_of_a_simulation(layer: object, width: int) -> None:
    net = Network([Dense(width, LECUN), layer, Dense(4, HE), relu, Dense(2, HE)], fan_in=3)
    profile = propagate(net, given=X)
    weights = np.random.default_rng(5).normal(size=(200_000, width, 3)) / np.sqrt(3)
    found = slopes(layer, weights @ X)
    above = float(profile[2].gradient)
    assert above == pytest.approx(4 * 2 / width * 2 / 4)
    below = np.sum(found**2, axis=(1, 2)) / width
    inputs = np.sum((np.swapaxes(weights, 1, 2) @ np.swapaxes(found, 1, 2)) ** 2, axis=(1, 2)) / 3
    for row, values in ((1, below), (0, inputs)):
        assert profile[row].validity_of("gradient") == "exact"
        error = values.std() / np.sqrt(len(values)) / values.mean()
        assert error < 0.01
        assert float(profile[row].gradient) == pytest.approx(above * values.mean(), rel=5 * error)
    assert float(profile[1].weight_gradient) == pytest.approx(
        float(profile[1].gradient) * np.mean(np.square(X))
    )
    assert profile[1].validity_of("weight_gradient") == "exact"


def test_normal_inputs_are_normal_units() -> None:
    below = propagate(Network([RMSNorm(), Dense(3, HE)], fan_in=6), input=Normal(variance=4))[0]
    assert below.gradient == pytest.approx(3 * 2 / 6 * 5 / 4 / 4) and below.validity_of("gradient") == "exact"
    shifted = Normal(mean=1, variance=4)
    moved = [propagate(Network([norm], fan_in=6), input=shifted)[0] for norm in (RMSNorm(), LayerNorm())]
    assert [row.validity_of("gradient") == "exact" for row in moved] == [False, True]
    assert moved[1].gradient == pytest.approx(4 / 3 / 4) and moved[0].gradient == pytest.approx(1 / 5)


@pytest.mark.parametrize(("layer", "width"), [(RMSNorm(), 1), (LayerNorm(), 2)])
@pytest.mark.parametrize("above", [[Dense(3, HE)], [tanh, Dense(3, HE), tanh]])
def test_nothing_passes_a_norm_whose_result_is_a_sign(layer: object, width: int, above: list[object]) -> None:
    layers = [Dense(4, HE, 1), Residual([tanh, Dense(4, HE)]), Dense(width, LECUN), layer, *above]
    profile = propagate(Network(layers, fan_in=3), input=Normal())
    for row in profile.rows:
        if row.path[0] <= 3 and len(row.path) == 1:
            assert row.gradient == 0 and row.validity_of("gradient") == "exact"
            assert not row.weight_gradient and row.validity_of("weight_gradient") == "exact"
    assert profile.row(4).gradient > 0
    assert (
        vp.check(profile.only("gradient", "weight_gradient", layers=[0, 1, 3]), budget=0.3).verdict
        == "agrees"
    )


@pytest.mark.parametrize(("layer", "width"), [(RMSNorm(), 2), (LayerNorm(), 3)])
def test_a_mean_that_is_infinite_is_a_limit(layer: object, width: int) -> None:
    profile = propagate(Network([Dense(width, LECUN), layer, Dense(3, HE)], fan_in=3), given=X)
    assert profile[1].validity_of("gradient") != "exact"
    assert profile[2].validity_of("gradient") != "exact"


def test_other_units_keep_the_limit_of_wide_layers() -> None:
    for before in (
        [Dense(6, "lecun_uniform")],
        [Dense(6, LECUN, 1)],
        [Dense(6, LECUN), tanh, Dense(6, LECUN)],
    ):
        profile = propagate(Network([*before, RMSNorm(), Dense(3, LECUN)], fan_in=3), given=X)
        place = len(before)
        assert profile[place].validity_of("gradient") != "exact"
        expected = float(profile[place + 1].gradient) / float(profile[place].second_moment)
        assert float(profile[place].gradient) == pytest.approx(expected)


def test_units_of_a_fixed_input_are_independent() -> None:
    net = Network([Dense(4, "lecun_uniform"), tanh, vp.AveragePool(2)], fan_in=3)
    profile = propagate(net, given=X)
    assert profile[3].validity != "exact"  # tanh of what is no normal unit
    net = Network([Dense(4, LECUN), tanh, vp.AveragePool(2)], fan_in=3)
    pooled, unit = propagate(net, given=X)[3], propagate(net, given=X)[2]
    assert pooled.validity == "exact"
    assert float(pooled.second_moment) == pytest.approx(float(unit.second_moment) / 2)


def test_all_draws_of_signs_have_one_size() -> None:
    rows = np.array(list(itertools.product([-1.0, 1.0], repeat=3)))
    found = slopes(RMSNorm(), rows)
    profile = propagate(Network([RMSNorm()], fan_in=3), input=vp.Empirical(rows))
    assert float(profile[0].gradient) == pytest.approx(np.sum(found[0] ** 2) / 3) == pytest.approx(2 / 3)


def test_a_gradient_that_is_nowhere_has_vanished() -> None:
    silent = propagate(Network([Dense(1, LECUN), RMSNorm()] * 4 + [Dense(3, LECUN)], fan_in=3), given=X)
    assert silent.outlook.backward.verdict == "vanishes" and silent.outlook.backward.factor == 0
