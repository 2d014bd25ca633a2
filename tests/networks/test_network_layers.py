"""Every kind of layer: numbers by hand, by quadrature, by brute force; outlooks, symbols, reports."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
import sympy as sp
from mpmath import mp

import varprop as vp
from varprop import (
    GLU,
    AveragePool,
    Concatenate,
    Conv,
    Dense,
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
    tied,
)
from varprop.networks import brute
from varprop.networks.premises import GRADIENT_INDEPENDENCE, PICTURES_ALIKE, WIDE_LAYERS

L, N = vp.symbol("L"), vp.symbol("n")


def dense(width: object = 16, weights: Any = "he_normal", bias: Any = None) -> Dense:
    return Dense(width, weights, bias)


def last(*layers: Any, fan_in: Any = 16, source: Any = None, **given: Any) -> Any:
    source = None if given else source or Normal()
    return propagate(Network(list(layers), fan_in=fan_in), input=source, **given)[-1]


# ---- numbers by hand


def test_dropout_divides_by_what_it_keeps() -> None:
    row = last(dense(weights="lecun_normal"), vp.Dropout("1/2"))
    assert (row.second_moment, row.fourth_moment, row.validity) == (2, 8 * 3 * (1 + 2 / 16), "exact")


def test_equal_branches_double_and_scaled_ones_approach_e() -> None:
    block = Residual([relu, dense(N)])
    equal = propagate(Network([dense(N, "lecun_normal"), repeat("L", block)], fan_in=N), input=Normal())
    assert sp.simplify(equal[-1].second_moment / equal.row(1).second_moment) == 2**L
    scaled = Residual([relu, dense(N)], multiplier="1/sqrt(L)")
    row = propagate(Network([dense(N, "lecun_normal"), repeat("L", scaled)], fan_in=N), input=Normal())[-1]
    assert sp.limit(row.second_moment, L, sp.oo) == sp.E


def test_a_pool_of_rectified_units_keeps_their_common_mean() -> None:
    row = last(dense(weights="lecun_normal"), relu, AveragePool(4))
    assert row.second_moment == pytest.approx(1 / 2 / 4 + 3 / 4 / (2 * np.pi))
    assert row.shape == (4,)


def test_side_by_side_is_the_average_over_units() -> None:
    row = last(dense(weights="lecun_normal"), Concatenate([], [dense(8, bias=1)]))
    assert row.second_moment == pytest.approx((16 * 1 + 8 * 3) / 24)
    assert row.mean == pytest.approx(8 / 24)


def test_norms_give_mean_square_one() -> None:
    layer, mean_square = last(dense(bias=1), LayerNorm()), last(dense(), RMSNorm())
    assert (layer.second_moment, layer.mean, layer.validity) == (1, 0, "exact")
    assert (mean_square.second_moment, mean_square.validity) == (1, "exact")
    assert last(dense(), relu, RMSNorm()).validity != "exact"  # it may be 0 / 0


def test_a_gated_product_of_two_linear_sides() -> None:
    assert last(GLU(16)).second_moment == 1
    assert last(GLU(16, relu)).second_moment == pytest.approx(1 / 2)


def test_a_convolution_counts_the_terms_at_the_border() -> None:
    profile = propagate(Network([Conv(4, 3)], fan_in=(2, 5)), input=Normal())
    taps = [2, 3, 3, 3, 2]
    assert profile[1].second_moment == pytest.approx(np.mean(taps) / 3)
    assert profile[0].gradient == pytest.approx(np.mean(taps) * 4 / 6)
    strided = propagate(Network([Conv(4, 3, stride=2)], fan_in=(2, 5)), input=Normal())[1]
    assert strided.second_moment == pytest.approx(np.mean([2, 3, 2]) / 3)
    plane = propagate(Network([Conv(4, 3), Flatten(), Dense(2)], fan_in=(2, 3, 3)), input=Normal())
    assert plane[1].second_moment == pytest.approx(np.mean([[4, 6, 4], [6, 9, 6], [4, 6, 4]]) / 9)
    assert plane[1].validity == "exact"


def test_a_convolution_of_one_fixed_picture_knows_every_pixel() -> None:
    picture = np.arange(10.0)  # two channels of five
    row = propagate(Network([Conv(3, 3)], fan_in=(2, 5)), given=picture)[1]
    channels = picture.reshape(2, 5)
    sums = [(channels[:, max(0, p - 1) : p + 2] ** 2).sum() for p in range(5)]
    assert row.second_moment == pytest.approx(np.mean(sums) / 6)


def test_tanh_and_gelu_have_their_known_numbers() -> None:
    assert last(dense(weights="lecun_normal"), vp.tanh).second_moment == pytest.approx(0.39429449039784)
    assert last(dense(weights="lecun_normal"), vp.gelu).second_moment == pytest.approx(0.42522148257030)


def test_a_bias_of_any_distribution_is_averaged_over() -> None:
    row = last(dense(weights="lecun_normal", bias=Uniform(0, 2)), vp.tanh)
    b, weights = np.polynomial.legendre.leggauss(40)
    z, normal = np.polynomial.hermite_e.hermegauss(80)
    values = np.tanh((b[:, None] + 1) + z) ** 2
    assert row.second_moment == pytest.approx(weights @ values @ normal / (2 * np.sqrt(2 * np.pi)), rel=1e-8)


def post_activation(count: int) -> Any:
    block = Residual([dense()], post=relu)
    return propagate(Network([dense(), relu, *[block] * count, Dense(4)], fan_in=16), input=Normal())


def test_a_post_activation_stream_is_a_walk_that_is_reflected_at_zero() -> None:
    rng = np.random.default_rng(5)
    h = np.maximum(rng.normal(scale=np.sqrt(2), size=400_000), 0)
    profile = post_activation(3)
    for row in (profile.row(3), profile.row(4), profile.row(5)):
        u = rng.normal(scale=np.sqrt(2 * np.mean(h**2)), size=h.shape)
        h = np.maximum(h + u, 0)
        assert (
            abs(np.mean(h**2) / row.second_moment - 1) < 6 * np.std(h**2) / np.mean(h**2) / 400_000**0.5 * 3
        )


def test_its_gradient_follows_the_unit() -> None:
    """The chain of gates of one unit: along the walk they are not independent."""
    profile = post_activation(2)
    rng, size = np.random.default_rng(6), 400_000
    h = np.maximum(rng.normal(scale=np.sqrt(2), size=size), 0)
    gates, g = [], 4 / 16
    for place in (3, 4):
        total = h + rng.normal(scale=np.sqrt(2 * profile.row(place - 1).second_moment), size=size)
        gates.append(total > 0)
        h = np.maximum(total, 0)
    upper = gates[1] * g
    at_second = np.mean(upper) * 2  # through the branch, a fresh matrix of gain 2
    lower = gates[0] * (upper + at_second)
    assert profile.row(3).gradient == pytest.approx(np.mean(upper) + at_second, rel=0.01)
    assert profile.row(2).gradient == pytest.approx(np.mean(lower) * 3, rel=0.01)


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(vp.DerivationError, match="End the branch"):
        last(dense(), Residual([dense(), relu]), relu)
    with pytest.raises(vp.DerivationError, match="no closed form"):
        propagate(Network(repeat("L", [vp.tanh, Dense("n")]), fan_in="n"), input=Normal())
    with pytest.raises(vp.ParameterError, match=r"Residual.*after Dense\(3\).*its branch gives 2 units"):
        Network([dense(3), Residual([dense(2)])], fan_in=3)
    with pytest.raises(vp.ParameterError, match=r"Dense\(2\) after Conv\(2, 3\)"):
        Network([Conv(2, 3), dense(2)], fan_in=(1, 4))
    with pytest.raises(vp.ParameterError, match=r"0 / 0"):
        Network([dense(1), LayerNorm()], fan_in=3)


# ---- brute force


CASES = {
    "pre-activation": [dense(), Residual([relu, dense()], multiplier="1/2"), dense(4)],
    "post-activation": [dense(), relu, Residual([dense()], post=relu), dense(4)],
    "dropout": [dense(), relu, vp.Dropout("3/4"), dense(4)],
    "random bias": [dense(bias=Normal()), relu, dense(4)],
    "constant bias": [dense(bias=1), relu, dense(4)],
    "layer norm": [dense(bias=1), LayerNorm(), relu, dense(4)],
    "gated": [GLU(16, relu), dense(4)],
    "tanh": [dense(weights="lecun_normal"), vp.tanh, dense(4)],
    "concatenation": [dense(), Concatenate([], [dense(8), relu]), dense(4)],
    "pool": [dense(bias=1), relu, AveragePool(4), dense(4)],
}


ASKED = {
    "pre-activation": ("gradient", 1),
    "post-activation": ("second_moment", 3),
    "dropout": ("weight_gradient", 1),
    "random bias": ("gradient", 1),
    "constant bias": ("second_moment", 2),
    "layer norm": ("gradient", 2),
    "gated": ("gradient", 1),
    "tanh": ("second_moment", 2),
    "concatenation": ("second_moment", 2),
    "pool": ("second_moment", 3),
}
"""One number of each; `tests/benchmarks/networks.py` asks for all of them."""


@pytest.mark.parametrize("name", CASES)
def test_brute_force_agrees(name: str) -> None:
    number, layer = ASKED[name]
    asked = propagate(Network(CASES[name], fan_in=16), input=Normal()).only(number, layers=[layer])
    assert vp.check(asked, seed=7, budget=8.0).verdict == "agrees"


def test_brute_force_agrees_on_a_convolution() -> None:
    net = Network([Conv(6, 3, weights="he_normal"), relu, Conv(6, 3)], fan_in=(3, 5))
    asked = propagate(net, input=Uniform(0, 1)).only("second_moment", layers=[1, 3])
    assert vp.check(asked, seed=7, budget=8.0).verdict == "agrees"


def test_two_given_inputs() -> None:
    net = Network([Dense(32), relu, Dense(4)], fan_in=3)
    profile = propagate(net, given=[1, 0, 0], against=[1, 1, 0])
    angle = np.pi / 4
    cosine = (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi
    assert profile[2].correlation == pytest.approx(cosine)
    assert profile[2].validity_of("pair") == "exact"
    assert vp.check(profile.only("pair", "second_moment"), seed=7, budget=0.5).verdict == "agrees"


def test_both_witnesses_break_gradient_independence() -> None:
    for premise in (GRADIENT_INDEPENDENCE, PICTURES_ALIKE, WIDE_LAYERS):
        for witness in premise.witnesses:
            case = witness()
            small = {N: sp.Integer(3)}
            assert abs(case.truth.xreplace(small) / case.formula.xreplace(small) - 1) > 0.1
    net = Network([Dense(1)], fan_in=3)

    def signs(rng: np.random.Generator, networks: int, inputs: int) -> np.ndarray:
        return rng.choice([-1.0, 1.0], (networks, inputs, 3))

    found = brute.simulate(net.layers, net.fan_in, signs, 40_000, 2, np.random.default_rng(1), loss="square")
    values = found[(0,), "gradient"]
    truth = float(GRADIENT_INDEPENDENCE.witnesses[0]().truth.xreplace({N: sp.Integer(3)}))
    assert abs(values.mean() - truth) < 5 * values.std() / 200
    assert abs(values.mean() - 1 / 3) > 5 * values.std() / 200


def test_a_tied_layer_is_one_matrix() -> None:
    shared = tied(Dense(3))
    profile = propagate(Network([shared, shared], fan_in=3), input=Normal())
    assert profile[1].validity == "exact" and profile[2].validity != "exact"
    found = brute.simulate(
        profile.network.layers,
        (sp.Integer(3),),
        lambda rng, b, i: rng.standard_normal((b, i, 3)),
        40_000,
        2,
        np.random.default_rng(1),
    )
    values = found[(2,), "second_moment"]
    assert abs(values.mean() - (1 + 2 / 9)) < 5 * values.std() / 200


# ---- symbols, outlooks, reports


def test_a_symbolic_depth_is_the_expanded_one() -> None:
    layers = [repeat("L", [dense("n", bias=Normal(variance="b")), relu]), Dense(1)]
    profile = propagate(Network(layers, fan_in="n"), input=Uniform(0, 1))
    values = {"L": 5, "n": 7, "b": "1/3"}
    numbers = profile.at(values)
    whole = propagate(Network(layers, fan_in="n").at(values), input=Uniform(0, 1))
    known = {row.path: row for row in whole}
    assert len(numbers) >= 6
    for row in numbers:
        other = known[row.path]
        assert row.second_moment == pytest.approx(other.second_moment)
        assert row.mean == pytest.approx(other.mean)
        assert row.gradient == pytest.approx(other.gradient)


def test_a_broken_formula_in_symbols_is_noticed() -> None:
    profile = propagate(Network([dense("m"), relu, Dense(1)], fan_in=3), input=Normal())
    claims = profile.only("second_moment", layers=[2])
    assert vp.check(claims, at={"m": 4}, seed=7, budget=0.5).verdict == "agrees"


def test_outlooks_and_their_remedies() -> None:
    lost = propagate(Network(repeat(20, [Dense(64), relu]), fan_in=64), input=Normal()).outlook
    assert lost.forward.verdict == lost.backward.verdict == "vanishes"
    assert lost.forward.half_life == pytest.approx(1) and lost.forward.remedy == pytest.approx(2)
    kept = propagate(Network(repeat(20, [dense(512), relu]), fan_in=64), input=Normal()).outlook
    assert kept.forward.verdict == kept.backward.verdict == kept.typical.verdict == "stable"
    weak = Network(repeat(8, [Dense(64, Normal(variance="0.8/n")), vp.tanh]), fan_in=64)
    remedy = propagate(weak, input=Normal()).outlook.backward.remedy
    assert remedy is not None
    repaired = Network(repeat(8, [Dense(64, Normal(variance=f"{0.8 * remedy}/n")), vp.tanh]), fan_in=64)
    assert propagate(repaired, input=Normal()).outlook.backward.verdict == "stable"
    narrow = propagate(Network(repeat(60, [dense(20), relu]), fan_in=20), given=[1.0] * 20)
    assert narrow.outlook.forward.verdict == "stable" and narrow.outlook.typical.verdict == "vanishes"
    assert "The mean says stable, the typical net vanishes" in str(narrow.outlook)


def test_numbers_beyond_floats_keep_their_size() -> None:
    net = Network(repeat(400, [Dense(4, Normal(variance="1e300")), vp.gelu]), fan_in=4)
    last_row = propagate(net, input=Normal())[-1]
    per_layer = mp.log10(last_row.second_moment) / 400
    assert float(per_layer) == pytest.approx(300 + np.log10(4 / 2), rel=1e-6)
    assert propagate(net, input=Normal()).outlook.forward.verdict == "explodes"
    json.loads(propagate(net, input=Normal()).to_json())


def test_reports_can_be_read_and_drawn() -> None:
    profile = propagate(Network(repeat(3, [dense(8), relu]), fan_in=4), input=Uniform(0, 1))
    stored = json.loads(profile.to_json())
    assert [row["second_moment"] for row in stored["rows"]] == [row.second_moment for row in profile]
    assert stored["outlook"]["forward"]["verdict"] == "stable"
    assert "Dense(8)" in profile.table().to_text() and "gradient" not in profile.table().to_text()
    figure = profile.plot()
    assert len(figure.axes) == 2
    figure.savefig(target := io.BytesIO(), format="png")
    assert len(target.getvalue()) > 5000
    assert "<table" in profile.to_html()
    with pytest.raises(vp.ParameterError, match="its numbers are symbols"):
        propagate(Network([Dense("m")], fan_in=2), input=Normal()).plot()
