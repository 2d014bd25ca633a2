"""Two inputs of different size, units of different kinds, and inputs that are known row by row."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import varprop as vp
from varprop import (
    AveragePool,
    Concatenate,
    Dense,
    DerivationError,
    Dropout,
    Flatten,
    LayerNorm,
    Network,
    Normal,
    Residual,
    RMSNorm,
    Uniform,
    propagate,
    relu,
    repeat,
    sigmoid,
    tanh,
    tied,
)

HE, LECUN = "he_normal", "lecun_normal"
X = np.array([1.0, -1.0, 2.0, 0.5])
BLOCKS = {
    "layer norm": [LayerNorm()],
    "rms norm": [RMSNorm()],
    "pool": [AveragePool(2)],
    "residual": [Residual([Dense(8, HE), relu])],
    "normalized residual": [Residual([Dense(8, HE), relu], multiplier="1/3"), LayerNorm()],
    "dropout": [Dropout(0.8), AveragePool(2)],
    "side by side": [Concatenate([Dense(8, HE), relu], [Dense(8, HE)]), AveragePool(4)],
}


@pytest.mark.parametrize("name", BLOCKS)
def test_an_input_three_times_as_large_gives_three_times_as_much(name: str) -> None:
    net = Network([Dense(8, HE), relu, *BLOCKS[name]], fan_in=4)
    triple, once = propagate(net, given=X, against=3 * X)[-1], propagate(net, given=X, against=X)[-1]
    factor = 1 if "norm" in name else 3
    assert float(triple.pair) == pytest.approx(factor * float(once.pair), rel=1e-12)
    if name != "dropout":  # whose masks differ between the two
        assert float(once.pair) == pytest.approx(float(once.second_moment), rel=1e-12)
        assert triple.correlation == pytest.approx(1, rel=1e-12)


def test_dropout_of_two_inputs_is_the_mean_over_all_masks() -> None:
    """Three units of two inputs each have a mask of their own: (kept or not)^6, all of them."""
    y, keep = np.array([0.5, 3.0, -1.0]), 0.8
    masks = np.array(list(itertools.product((0.0, 1 / keep), repeat=6)))
    chances = np.prod(np.where(masks > 0, keep, 1 - keep), axis=1)
    a, b = X[:3] * masks[:, :3], y * masks[:, 3:]
    last = propagate(Network([Dropout(keep), Dense(2, LECUN, 1)], fan_in=3), given=X[:3], against=y)[-1]
    pair, first, second = (chances @ np.mean(h * k, axis=1) + 1 for h, k in ((a, b), (a, a), (b, b)))
    assert float(last.pair) == pytest.approx(pair, rel=1e-12)
    assert float(last.second_moment) == pytest.approx(first, rel=1e-12)
    assert float(last.correlation) == pytest.approx(pair / np.sqrt(first * second), rel=1e-12)


def test_dropout_keeps_the_mean_of_both_inputs() -> None:
    """Behind a ReLU both inputs have a mean, which the pool and what follows it need."""
    net = Network([Dense(8, HE), relu, Dropout("3/4"), AveragePool(4)], fan_in=4)
    y, size, size_of_y = 3 * X[::-1], np.mean(X**2), 9 * np.mean(X**2)
    row = propagate(net, given=X, against=y)[-1]
    angle = np.arccos(np.mean(X * y) / np.sqrt(size * size_of_y))
    same = np.sqrt(size * size_of_y) * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi
    apart = np.sqrt(4 * size * size_of_y) / (2 * np.pi)
    assert float(row.pair) == pytest.approx(same / 4 + 3 / 4 * apart, rel=1e-12)
    squares = [s / (3 / 4) / 4 + 3 / 4 * 2 * s / (2 * np.pi) for s in (size, size_of_y)]
    assert float(row.correlation) == pytest.approx(float(row.pair) / np.sqrt(np.prod(squares)), rel=1e-12)


def test_a_gate_sees_the_means_of_both_inputs() -> None:
    block = [Dense(8, HE), relu, Residual([Dense(8, HE), relu])]
    net = Network([*block, Dense(8, HE), relu, Dense(8, HE)], fan_in=4)
    assert propagate(net, given=X, against=2 * X)[-1].correlation == pytest.approx(1, rel=1e-9)


def test_groups_inside_branches_are_pooled_branch_by_branch() -> None:
    on, off = [Dense(6, HE), relu], [Dense(2, HE)]
    net = Network([Concatenate(on, off), AveragePool(2)], fan_in=4)
    first, second = (
        propagate(Network([*branch, AveragePool(2)], fan_in=4), given=X)[-1] for branch in (on, off)
    )
    found = propagate(net, given=X)[-1]
    assert float(found.second_moment) == pytest.approx(
        3 / 4 * float(first.second_moment) + 1 / 4 * float(second.second_moment)
    )
    later = Network([Concatenate(on, off), relu, AveragePool(2)], fan_in=4)
    third = propagate(Network([*off, relu, AveragePool(2)], fan_in=4), given=X)[-1]
    assert float(propagate(later, given=X)[-1].second_moment) == pytest.approx(
        3 / 4 * float(first.second_moment) + 1 / 4 * float(third.second_moment)
    )


def test_the_gradient_through_a_pool_of_branches_is_that_of_each_branch() -> None:
    branch = [Dense(4, HE)]
    apart = propagate(Network([*branch, AveragePool(2), tanh, Dense(2)], fan_in=4), input=Normal())
    both = propagate(
        Network([Concatenate(branch, [Dense(4, HE)]), AveragePool(2), tanh, Dense(2)], fan_in=4),
        input=Normal(),
    )
    assert float(both[-3].gradient) == pytest.approx(float(apart[-3].gradient) / 2)
    assert both[-2].correlation == pytest.approx(float(apart[-2].correlation), abs=1e-20)
    assert float(both[0].gradient) == pytest.approx(float(apart[0].gradient))


SHARED = tied(Dense(4, HE))


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([Dense(4, HE), Concatenate([], []), AveragePool()], "correlated in a way that is not followed"),
        ([Dense(4, HE), Concatenate([], [relu]), AveragePool()], "correlated in a way"),
        ([Concatenate([SHARED], [SHARED]), AveragePool()], "correlated in a way"),
        ([Concatenate([Dense(3, HE)], [Dense(3, HE)]), AveragePool(2)], "units that are not alike"),
        ([Dense(4, HE), Residual([relu])], "leads every unit to itself"),
        ([Dense(4, HE), Residual([Residual([Dense(4, HE)])])], "leads every unit to itself"),
        ([Dense(4, HE), Residual([Concatenate([], [Dense(2)]), AveragePool(1)])], "gives 6 units"),
    ],
)
def test_units_that_depend_on_each_other_are_refused(layers: list[object], words: str) -> None:
    with pytest.raises(vp.VarpropError, match=words):
        propagate(Network(layers, fan_in=4), given=X)


@pytest.mark.parametrize(
    "branch",
    [[SHARED], [repeat(2, [Dense(4, HE)])], [Concatenate([Dense(2, HE)], [Dense(2, HE), relu])]],
)
def test_weights_anywhere_in_a_branch_will_do(branch: list[object]) -> None:
    start, inside = propagate(Network([Residual(branch)], fan_in=4), given=X), Network(branch, fan_in=4)
    alone = propagate(inside, given=X)[-1]
    expected = np.mean(X**2) + float(alone.second_moment) + 2 * np.mean(X) * float(alone.mean)
    assert float(start[-1].second_moment) == pytest.approx(expected)


def test_given_inputs_are_followed_number_by_number_until_weights_come() -> None:
    y = np.array([3.0, 1.0, 2.0, -1.0])
    profile = propagate(Network([tanh, AveragePool(2), LayerNorm(), sigmoid], fan_in=4), given=X, against=y)
    for row, of in ((1, lambda h: h), (2, lambda h: h.reshape(2, 2).mean(axis=1))):
        a, b = of(np.tanh(X)), of(np.tanh(y))
        assert float(profile[row].pair) == pytest.approx(np.mean(a * b))
        assert float(profile[row].mean) == pytest.approx(np.mean(a))
        assert float(profile[row].second_moment) == pytest.approx(np.mean(a**2))
    gates = [1 / (1 + np.exp(-np.sign(h[0] - h[1]) * np.array([1, -1]))) for h in (a, b)]
    assert float(profile[4].pair) == pytest.approx(np.mean(gates[0] * gates[1]))
    assert all(row.validity == "exact" for row in profile)
    alike = propagate(Network([RMSNorm()], fan_in=4), given=[2, 2, -2, 2])[-1]
    assert float(alike.mean) == pytest.approx(0.5)


def test_pictures_are_pooled_and_flattened_pixel_by_pixel() -> None:
    rows = np.random.default_rng(1).uniform(size=(5, 2 * 4 * 4))
    pools = rows.reshape(5, 2, 2, 2, 2, 2).mean(axis=(3, 5))
    table = vp.RandomVector("x", vp.Empirical(rows))
    for size, expected in ((2, pools), (None, rows.reshape(5, 2, 16).mean(axis=2))):
        layers = [AveragePool(size), *([Flatten()] if size else []), Dense(3, HE)]
        last = propagate(Network(layers, fan_in=(2, 4, 4)), input=table)[-1]
        assert float(last.second_moment) == pytest.approx(2 * np.mean(expected**2))


@pytest.mark.parametrize("layer", [LayerNorm(), RMSNorm()])
def test_zero_over_zero_is_refused(layer: object) -> None:
    with pytest.raises(DerivationError, match="0 / 0"):
        propagate(Network([layer], fan_in=2), given=[0, 0])
    with pytest.raises(DerivationError, match="0 / 0"):
        propagate(Network([Dense(3), layer], fan_in=2), given=[0, 0])


def test_a_table_far_beyond_ordinary_numbers_is_normalized() -> None:
    last = propagate(Network([LayerNorm(), Dense(3)], fan_in=2), given=[1e300, -1e300])[-1]
    assert float(last.second_moment) == pytest.approx(1)


def test_brute_force_agrees_on_two_pooled_inputs() -> None:
    net = Network([AveragePool(2), Dense(6, HE), relu], fan_in=4)
    profile = propagate(net, given=X, against=[3.0, 1.0, 2.0, -1.0])
    assert vp.check(profile.only("pair", "second_moment"), seed=5, budget=0.2).verdict == "agrees"


def test_brute_force_agrees_on_pixels_by_channel() -> None:
    net = Network([vp.Conv(3, 3, weights=HE), relu], fan_in=(2, 3))
    profile = propagate(net, given=np.arange(6.0))
    assert vp.check(profile.only("second_moment"), seed=5, budget=0.2).verdict == "agrees"
    assert propagate(Network([Dropout(0.5)], fan_in=2), input=Uniform(0, 1))[-1].second_moment > 0
