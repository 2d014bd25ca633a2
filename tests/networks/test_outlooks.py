"""Outlooks in words and numbers, and what their remedies do to every kind of layer."""

from __future__ import annotations

import math

import pytest
import sympy as sp

import varprop as vp
from varprop import (
    GLU,
    Concatenate,
    Conv,
    Dense,
    DerivationError,
    Flatten,
    Laplace,
    Network,
    Normal,
    Residual,
    Uniform,
    propagate,
    relu,
    repeat,
    sigmoid,
    tanh,
    tied,
)
from varprop.networks.scaling import scaled

LECUN, HE = "lecun_normal", "he_normal"


def outlook(*layers: object, fan_in: object = 16) -> vp.Outlook:
    return propagate(Network(list(layers), fan_in=fan_in), input=Normal()).outlook


def test_sentences_name_the_half_life_and_the_remedy() -> None:
    lost = outlook(*[Dense(16, LECUN), relu] * 6)
    told = " ".join(str(lost).split())
    line = "times 0.5 per layer, half as large after 1 layers. Multiply the variance of all weights by 2."
    assert f"The activation vanishes: {line}" in told and f"The gradient vanishes: {line}" in told
    assert lost.forward.words("Z").startswith("Z vanishes")
    kept = outlook(*[Dense(16, HE), relu] * 6)
    assert "The activation is stable: times 1 per layer." in str(kept)
    assert kept.to_dict()["forward"]["half_life"] is None and kept.to_dict()["depth_to_width"] > 0


def test_growing_skip_connections_are_repaired_at_the_branch() -> None:
    block = Residual([relu, Dense(16, HE)])
    grown = outlook(Dense(16, LECUN), *[block] * 12)
    assert grown.forward.verdict == "explodes" and grown.forward.repaired == "branch"
    assert grown.forward.factor == pytest.approx(2, rel=0.01)
    assert "twice as large after 1" in str(grown) and "Multiply every branch by" in str(grown)
    calmed = Residual([relu, Dense(16, HE)], multiplier=str(round(grown.forward.remedy, 6)))
    mild = outlook(Dense(16, LECUN), *[calmed] * 12)
    assert mild.forward.verdict == "stable"
    blocks = grown.forward.layers
    assert mild.forward.factor**blocks == pytest.approx(math.sqrt(2), rel=0.05)


def test_symbols_keep_a_formula_of_the_factor() -> None:
    a, depth = vp.symbol("a"), vp.symbol("L")
    net = Network([repeat(depth, [Dense("n", Normal(variance="a/n")), relu])], fan_in="n")
    open_one = propagate(net, input=Normal()).outlook
    assert open_one.forward.verdict == "open" and sp.simplify(open_one.forward.factor - a / 2) == 0
    assert open_one.forward.layers == depth - 1 and "times a/2 per layer" in str(open_one)
    assert open_one.to_dict()["forward"]["factor"] == "a/2"
    known = Network([repeat(depth, [Dense("n", Normal(variance="1/n")), relu])], fan_in="n")
    halved = propagate(known, input=Normal()).outlook.forward
    assert (halved.verdict, halved.half_life, halved.remedy) == ("vanishes", 1.0, 2.0)
    even = Network([repeat(depth, [Dense("n", Normal(variance="2/n")), relu])], fan_in="n")
    assert propagate(even, input=Normal()).outlook.forward.verdict == "stable"
    grows = Network([repeat(depth, [Dense("n", Normal(variance="4/n")), relu])], fan_in="n")
    assert propagate(grows, input=Normal()).outlook.forward.verdict == "explodes"


def test_nothing_known_of_scaled_weights_leaves_the_remedy_open() -> None:
    lost = outlook(*[Dense(16, Laplace(variance="0.3/n")), tanh] * 6)
    assert lost.forward.verdict == "vanishes" and lost.forward.remedy is None
    with pytest.raises(DerivationError, match="Use normal weights"):
        scaled(Network([Dense(2, Laplace(variance=1))], fan_in=2), 2)


def test_what_is_zero_is_told_apart() -> None:
    nothing = propagate(Network([Dense(4, HE), relu, Dense(4, HE), relu], fan_in=2), given=[0, 0]).outlook
    assert nothing.forward.verdict == "stable"
    single = propagate(Network([], fan_in=2), input=Normal()).outlook
    assert (single.forward.verdict, single.forward.factor) == ("stable", 1.0)


def test_a_remedy_can_be_out_of_reach() -> None:
    # sigmoid units stay near 1/4 whatever the weights, while their gradients vanish: no number repairs both
    lost = outlook(*[Dense(16, LECUN), sigmoid] * 8)
    assert lost.backward.verdict == "vanishes"
    assert lost.backward.remedy is None or lost.backward.remedy > 8


@pytest.mark.parametrize(
    ("layers", "fan_in", "factor"),
    [
        ([Dense(6, LECUN)], 4, 4),
        ([Dense(6, Uniform(variance="1/n"))], 4, 4),
        ([GLU(6, vp.identity, LECUN)], 4, 16),
        ([Conv(2, 3, weights=LECUN), Flatten()], (2, 5), 4),
        ([Concatenate([Dense(3, LECUN)], [Dense(5, LECUN)])], 4, 4),
        ([tied(Dense(6, LECUN))], 4, 4),
        ([relu, Dense(2, LECUN)], 4, 4),
    ],
)
def test_four_times_the_weight_variance(layers: list[object], fan_in: object, factor: float) -> None:
    net = Network(layers, fan_in=fan_in)
    before, after = (propagate(n, input=Normal())[-1].second_moment for n in (net, scaled(net, 4)))
    assert float(after) == pytest.approx(factor * float(before))


def test_only_the_branch_of_a_block_is_scaled() -> None:
    net = Network([Residual([Dense(4, LECUN)], multiplier=2)], fan_in=4)
    assert float(propagate(scaled(net, 3), input=Normal())[-1].second_moment) == pytest.approx(1 + 4 * 3)
    deep = Network([repeat("L", [Dense("n", LECUN)])], fan_in="n")
    last = propagate(scaled(deep, 2), input=Normal())[-1].second_moment
    assert sp.simplify(last - 2 ** vp.symbol("L")) == 0


def test_a_plot_of_symbols_is_refused_and_long_tables_are_cut() -> None:
    deep = propagate(Network(repeat(150, [Dense(4, HE), relu]), fan_in=4), input=Normal())
    assert "places in the middle are left out" in deep.table().to_text()
    with pytest.raises(vp.ParameterError, match="symbols"):
        propagate(Network([Dense("n")], fan_in=3), input=Normal()).plot()
