"""Corners of the maps: beyond floats, at zero, without closed forms, and what is refused there."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import sympy as sp
from mpmath import mp

import varprop as vp
from varprop import Dense, Network, Normal, Uniform, mean_field, propagate, relu
from varprop.model.activations import HomogeneousActivation, activation
from varprop.model.gaussian.pair_forms import C, Q, R, pair_form
from varprop.networks.finite_width_formulas import ratio_sum
from varprop.networks.fixed_points import at_zero, growth_roots
from varprop.networks.gains import gain
from varprop.networks.kernels import kernel
from varprop.networks.lengths import lengths, slopes
from varprop.networks.mean_field_scales import scale
from varprop.networks.mehler import Conditional, Mehler, quick


def test_depth_scales_at_their_ends() -> None:
    assert scale(0) == 0 and scale(1) == math.inf
    assert scale(math.exp(-1)) == pytest.approx(1) and scale(math.exp(2)) == pytest.approx(1 / 2)
    assert scale(1 + 1e-12) == math.inf and scale(1 + 1e-9) == pytest.approx(1e9, rel=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: lengths("relu", 0), "must be positive"),
        (lambda: lengths("relu", 1, q=np.nan), "must be positive"),
        (lambda: lengths("relu", 1, depth=-1), "it is no depth"),
        (lambda: lengths("relu", 1, depth=True), "it is no depth"),
        (lambda: lengths("relu", 1, bias=-1), "it is no variance"),
        (lambda: mean_field("tanh", weight_variance=1).next_length(-1), "a number from 0 on"),
        (lambda: mean_field("tanh", weight_variance=1).next_correlation(1.5), r"lies in \[-1, 1\]"),
    ],
)
def test_bad_numbers_are_refused(call: object, words: str) -> None:
    with pytest.raises(vp.ParameterError, match=words):
        call()  # type: ignore[operator]


def test_lengths_beyond_floats_go_to_infinity_or_stay_powers() -> None:
    assert lengths("relu", 4.0, q=1e300, depth=40)[-1] == np.inf
    assert lengths("softplus", 1e9, depth=60)[-1] == np.inf
    assert slopes("softplus", np.array([1e-300, 1e306]))[1] == np.inf
    assert slopes("relu", np.array([1e306])) == 1 / 2
    field = mean_field("exp", weight_variance=1, bias_variance=0.1)
    assert field.next_length(math.inf) == math.inf and field.next_length(1e6) == math.inf
    assert mean_field("relu", weight_variance=3).next_length(1e290) == math.inf


@pytest.mark.parametrize("power", [0, 1, 2])
def test_correlation_forms_of_two_sided_powers_are_plain_integrals(power: int) -> None:
    phi = HomogeneousActivation("two-sided", sp.Integer(2), sp.Rational(-1, 3), power)
    form = pair_form(phi)
    q, r, c = 1.3, 0.6, 0.4
    x, w = np.polynomial.legendre.leggauss(400)
    radius = 6 * (x + 1)
    edges = np.sort(np.mod([np.pi / 2, 3 * np.pi / 2, -np.arcsin(c), np.pi - np.arcsin(c)], 2 * np.pi))
    total, ends = 0.0, np.concatenate([[0.0], edges, [2 * np.pi]])
    for low, high in itertools.pairwise(ends):
        angle = low + (high - low) * (x + 1) / 2
        g = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)])[:, None, :]
        u, v = math.sqrt(q) * g[0], math.sqrt(r) * (c * g[0] + math.sqrt(1 - c * c) * g[1])
        inside = phi.value(u) * phi.value(v) * np.exp(-(radius[:, None] ** 2) / 2) * radius[:, None]
        total += float(6 * w @ inside @ w) * (high - low) / 2 / (2 * np.pi)
    assert form is not None
    assert float(form.subs({Q: q, R: r, C: c})) == pytest.approx(total, rel=1e-9)


def test_no_form_is_none() -> None:
    assert pair_form(HomogeneousActivation("relu3", sp.Integer(1), sp.Integer(0), 3)) is None
    assert pair_form(vp.tanh) is None
    odd = pair_form(vp.identity)
    assert odd is not None and sp.simplify(odd - C * sp.sqrt(Q * R)) == 0


def test_fast_ways_say_where_they_end() -> None:
    smooth, kinked = quick(activation("tanh")), quick(activation("hardtanh"))
    assert isinstance(smooth, Mehler) and isinstance(kinked, Conditional)
    assert smooth.cross(1e3, 1, 0.5) is None and kinked.cross(1, 1, 1.0) is None
    assert quick(activation("exp")) is None or quick(activation("exp")).cross(1e3, 1, 0.5) is None
    with pytest.raises(vp.MomentError, match="too steep"):
        Mehler(activation("exp"))
    for q in np.linspace(0.1, 2, 400):  # more than are kept
        smooth.second(float(q))
    assert smooth.second(1.0) == pytest.approx(float(vp.gain("tanh").forward) ** -2, rel=1e-10)


def test_kernels_of_activations_without_closed_forms() -> None:
    found = kernel(activation("silu"))
    assert found.precision == "estimate" and found.closed is None
    x, w = np.polynomial.hermite_e.hermegauss(120)
    w = w / w.sum()
    silu = x / (1 + np.exp(-x))
    assert found.second(1.0) == pytest.approx(float(w @ silu**2), rel=1e-10)
    assert found.seconds(np.array([1.0, 1.0])) == pytest.approx([float(w @ silu**2)] * 2, rel=1e-9)
    assert found.slope_cross(1.0, 1.0) == found.slope(1.0)
    steep = kernel(activation("exp"))
    assert steep.seconds(np.array([1.0, 1e6]))[1] == math.inf
    assert steep.second(0.5) == pytest.approx(math.e, rel=1e-12)


def test_fixed_points_of_a_map_that_only_touches_the_diagonal() -> None:
    def touched(u: float) -> float:
        return -((math.log(u) - 0.3) ** 2) / 10

    found = growth_roots(
        lambda q: (-((np.log(q) - 0.3) ** 2) / 10, -(np.log(q) - 0.3) / 5),
        touched,
        lambda q: -(math.log(q) - 0.3) / 5,
        1e-3,
        1e3,
    )
    ((place, before, after),) = found.points
    assert place == pytest.approx(math.exp(0.3), rel=1e-6) and before == after == -1
    flat = growth_roots(lambda q: (0 * q, 0 * q), lambda q: 0.0, lambda q: 0.0, 1e-3, 1e3)
    assert flat.points == () and at_zero(flat, 1.0).kind == "neutral"
    assert at_zero(found, 1.0).kind == "attracting" and at_zero(found, 2.0).kind == "repelling"


def test_sums_of_many_ratios_keep_thirty_digits() -> None:
    widths = range(1, 3000)
    total = ratio_sum([sp.Rational(1, n) for n in widths] + [vp.symbol("s")])
    number = total - vp.symbol("s")
    assert float(number) == pytest.approx(math.fsum(1 / n for n in widths), rel=1e-14)
    assert ratio_sum([sp.Rational(1, 2), sp.Rational(1, 3)]) == sp.Rational(5, 6)


@pytest.mark.parametrize("activation_name", ["relu", "abs"])
def test_moments_of_inputs_with_no_closed_form_come_from_their_gauss_rule(activation_name: str) -> None:
    net = Network([activation(activation_name), Dense(3)], fan_in=2)
    last = propagate(net, input=Uniform(-1, 3))[-1]
    expected = {"relu": 27 / 3 / 4, "abs": 28 / 3 / 4}[activation_name]
    assert float(last.second_moment) == pytest.approx(expected)


def test_smooth_and_kinked_functions_of_any_input() -> None:
    x, w = np.polynomial.legendre.leggauss(200)
    found = propagate(Network([vp.tanh, Dense(3)], fan_in=2), input=Uniform(-1, 3))
    assert float(found[-1].second_moment) == pytest.approx(float(w @ np.tanh(2 * x + 1) ** 2) / 2, rel=1e-7)
    slope = float(w @ (1 - np.tanh(2 * x + 1) ** 2) ** 2) / 2
    assert float(found[0].gradient / found[1].gradient) == pytest.approx(slope, rel=1e-7)


def integral(function: object, low: float, high: float, cuts: tuple[float, ...]) -> float:
    """By Gauss rules on panels of unit length, split at the cuts."""
    x, w = np.polynomial.legendre.leggauss(30)
    ends = np.unique([*np.arange(low, high), high, *(c for c in cuts if low < c < high)])
    half = np.diff(ends)[:, None] / 2
    return float(np.sum(half * w * function(ends[:-1, None] + half * (x + 1))))  # type: ignore[operator]


LAWS = {
    "laplace": (vp.Laplace(variance=4), lambda x: np.exp(-np.abs(x) * 2**-0.5) / 2**1.5, -60, 60),
    "exponential": (vp.Exponential(1), lambda x: np.exp(-x), 0, 60),
    "uniform": (Uniform(-1, 3), lambda x: 0 * x + 0.25, -1, 3),
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("name", ["hardtanh", "elu", "silu"])
def test_activations_of_any_input_are_averaged_with_its_density(name: str, law: str) -> None:
    phi, (source, density, low, high) = activation(name), LAWS[law]
    found = propagate(Network([phi, Dense(3)], fan_in=2), input=source)
    ends = (low, high, (-1.0, 0.0, 1.0))
    mean = integral(lambda x: phi.value(x) * density(x), *ends)
    assert float(found[1].mean) == pytest.approx(mean, abs=1e-9)
    second = integral(lambda x: phi.value(x) ** 2 * density(x), *ends)
    assert float(found[1].second_moment) == pytest.approx(second, rel=1e-8)
    slope = integral(lambda x: phi.derivative(x) ** 2 * density(x), *ends)
    assert float(found[0].gradient / found[1].gradient) == pytest.approx(slope, rel=1e-8)


def test_two_activations_in_a_row_and_the_gradient_through_both() -> None:
    found = propagate(Network([relu, vp.tanh, Dense(3)], fan_in=2), input=Normal())
    slope = integral(
        lambda x: (1 - np.tanh(x) ** 2) ** 2 * np.exp(-x * x / 2) / math.sqrt(2 * math.pi), 0, 12, ()
    )
    assert float(found[0].gradient / found[2].gradient) == pytest.approx(slope, rel=1e-9)


def test_inputs_of_unknown_density_are_refused() -> None:
    few = vp.Unknown(mean=0, variance=1)
    with pytest.raises(vp.MomentError):
        propagate(Network([vp.tanh, Dense(3)], fan_in=2), input=few)
    coin = propagate(Network([vp.tanh, Dense(3)], fan_in=2), input=vp.Rademacher())
    assert float(coin[1].second_moment) == pytest.approx(math.tanh(1) ** 2)


def test_gains_in_words() -> None:
    assert "sqrt(2)" in str(gain("relu")) and gain("selu").mean == 0
    assert gain(relu, q="s").forward == sp.sqrt(2)
    assert propagate(Network([Dense(2)], fan_in=1), input=Normal())[-1].shape == (2,)


def test_tiny_units_of_a_smooth_activation_keep_their_size() -> None:
    tiny = Normal(variance="1e-300")
    net = Network([Dense(3, tiny), vp.tanh, Dense(3, "he_normal")], fan_in=3)
    for source, power in ((tiny, -600), (Normal(), -300)):
        last = propagate(net, input=source)[-1].second_moment
        assert float(last * 10 ** mp.mpf(-power)) == pytest.approx(6, rel=1e-12)
    assert propagate(net, input=Normal())[-1].precision == "estimate"


def test_skip_connections_from_a_normal_input_on_have_a_closed_form_in_their_number() -> None:
    depth = vp.symbol("L")
    block = vp.Residual([relu, Dense("n", "he_normal")], multiplier="1/sqrt(L)")
    last = propagate(Network([vp.repeat(depth, [block])], fan_in="n"), input=Normal())[-1]
    assert sp.simplify(last.second_moment - (1 + 1 / depth) ** depth) == 0


@pytest.mark.parametrize("name", ["tanh", "silu", "softplus"])
def test_grid_series_and_adaptive_quadrature_agree(name: str) -> None:
    found = kernel(activation(name))
    for q, r, c in ((1.0, 0.5, 0.3), (2.0, 2.0, -0.9), (0.7, 0.7, 1.0)):
        adaptive = found._cross(q, r, c)
        assert found.cross(q, r, c) == pytest.approx(adaptive, rel=1e-11)
        assert found._cross_on_a_grid(q, r, c) == pytest.approx(adaptive, rel=1e-11)
    assert found._second_on_a_grid(1.5) == pytest.approx(found._quadrature("second_moment", 1.5), rel=1e-11)


@pytest.mark.parametrize("name", ["tanh", "softsign", "gelu", "elu"])
def test_independent_inputs_stay_uncorrelated_to_the_last_digit(name: str) -> None:
    network = vp.Network([vp.Dense(24, "lecun_normal"), vp.activation(name)], fan_in=24)
    row = vp.propagate(network, input="Normal()")[2]
    assert row.pair == row.mean**2
    assert (row.pair == 0) == (name in ("tanh", "softsign"))


def test_blocks_nested_too_deep_or_written_out_too_often_are_refused() -> None:
    block: object = Dense(1)
    for _ in range(400):
        block = vp.Residual([Dense(1), block])
    with pytest.raises(vp.ParameterError, match="nested deeper than 50 times"):
        Network(block, fan_in=1)
    block = Dense(1)
    for _ in range(45):  # 2^45 layers in a few objects
        block = vp.Concatenate([block], [block])
    with pytest.raises(vp.ParameterError, match="more than 1000000"):
        Network(block, fan_in=1)
    with pytest.raises(vp.ParameterError, match=r"a network of 1200000 layers"):
        Network(vp.repeat(200_000, [vp.Residual([relu, vp.repeat(4, Dense(1))])]), fan_in=1)
    block = Dense(1)
    for _ in range(45):
        block = vp.Residual([Dense(1), block, Dense(1)])
    assert propagate(Network(block, fan_in=1), given=[1.0])[-1].second_moment == 46
