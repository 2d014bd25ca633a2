"""Profiles of dense networks: known closed forms, whole derivations, brute force, bad input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

import varprop as vp
from varprop import Dense, Network, Normal, Rademacher, Uniform, identity, leaky_relu, propagate, relu
from varprop.networks.profile import Profile

N0, N1, N2 = (vp.symbol(name) for name in ("n0", "n1", "n2"))


def he(*widths: object) -> list[object]:
    layers: list[object] = []
    for width in widths:
        layers += [Dense(width, weights="he_normal"), relu]
    return layers[:-1]


def broken(profile: Profile, place: int, name: str, factor: float = 1.1) -> Profile:
    """The profile with one number off."""
    rows = list(profile.rows)
    rows[place] = replace(rows[place], **{name: getattr(rows[place], name) * factor})
    return replace(profile, rows=tuple(rows))


def test_the_moments_of_a_relu_net_in_symbolic_widths_are_the_known_ones() -> None:
    profile = propagate(Network(he(N1, N2, 1), fan_in=N0), input=Normal())
    last = profile[-1]
    assert last.second_moment == 2
    known = 12 * (N0 + 2) * (N1 + 5) * (N2 + 5) / (N0 * N1 * N2)
    assert sp.simplify(last.fourth_moment - known) == 0
    assert last.validity == "exact" and last.validity_of("fourth_moment") == "exact"


def test_one_derivation_of_the_whole_net_gives_the_same() -> None:
    i, j = vp.Axis("i", N0), vp.Axis("j", N1)
    x = vp.RandomVariable("x", Uniform(0, 1), axes=i)
    w = vp.RandomVariable("w", Normal(variance=2 / N0), axes=(j, i), role="weights")
    v = vp.RandomVariable("v", Normal(variance=3 / N1), axes=j, role="weights")
    y = vp.sum_over(j, v * relu(vp.sum_over(i, w * x)))
    net = Network([Dense(N1, Normal(variance="2/n")), relu, Dense(1, Normal(variance="3/n"))], fan_in=N0)
    profile = propagate(net, input=Uniform(0, 1))
    assert profile[-1].second_moment == vp.derive(vp.Variance(y)).result
    difference = profile[-1].fourth_moment - vp.derive(vp.Mean(y**4)).result
    assert sp.simplify(difference) == 0


def test_gradients_are_the_product_times_the_probability_to_be_alive() -> None:
    profile = propagate(Network([*he(3, 2), relu], fan_in=4), input=Normal())
    alive = (1 - 2**-3, (1 - 2**-3) * (1 - 2**-2))
    assert profile[0].gradient == pytest.approx(2 / 3 * 3 / 4 * 3 / 2 * 2 / 3)
    assert profile[2].gradient == pytest.approx(2 / 3 * alive[0])
    assert profile[3].gradient == pytest.approx(1 / 2 * alive[0])
    assert profile[4].gradient == 1  # the readout reads it directly
    assert all(row.validity_of("gradient") == "exact" for row in profile)


def test_atoms_and_skew_are_refused_exactness() -> None:
    two_signs = Network([Dense(4, Rademacher()), relu, Dense(1)], fan_in=3)
    assert propagate(two_signs, input=Normal())[0].validity_of("gradient") != "exact"
    shifted = Network([Dense(4, bias=0.5), relu, Dense(1)], fan_in=3)
    row = propagate(shifted, input=Normal())[2]
    assert row.validity != "exact" and row.fourth_moment is None
    z = float(vp.derive(vp.Mean(relu(vp.RandomVariable("z", Normal(mean="1/2"))) ** 2)).result)
    assert row.second_moment == pytest.approx(z)


def test_a_fixed_input_and_normal_weights_are_normal_at_every_width() -> None:
    row = propagate(Network([Dense(2, bias=1), relu], fan_in=3), given=[1.0, -2.0, 0.5])[2]
    assert row.validity == "exact"
    square = 1 + (1 + 4 + 0.25) / 3
    expected = vp.derive(
        vp.Mean(relu(vp.RandomVariable("z", Normal(mean=1, variance=sp.Rational("1.75")))) ** 2)
    )
    assert row.second_moment == pytest.approx(float(expected.result))
    assert propagate(Network([Dense(2, bias=1)], fan_in=3), given=[1.0, -2.0, 0.5])[1].second_moment == square


@pytest.mark.parametrize("name", ["second_moment", "gradient", "weight_gradient"])
def test_brute_force_agrees_and_notices_each_number_that_is_off(name: str) -> None:
    net = Network([Dense(4, weights="he_uniform"), relu, Dense(3, weights="he_normal")], fan_in=3)
    profile = propagate(net, input=Uniform(0, 1)).only(name, layers=[1, 2, 3])
    assert vp.check(profile, seed=7, budget=1.0).verdict == "agrees"
    place = 1 if name == "weight_gradient" else 2
    assert vp.check(broken(profile, place, name), seed=7, budget=1.0).verdict == "disagrees"


def test_the_mean_behind_a_relu_is_a_limit_and_checked_as_a_trend() -> None:
    profile = propagate(Network([*he(3, 3), relu], fan_in=3), input=Normal()).only("mean", layers=[4])
    assert profile[4].validity_of("mean") != "exact"
    evidence = vp.check(profile, seed=7, budget=2.0)
    assert evidence.verdict == "agrees" and "limit" in evidence.claims[0].note
    wider = propagate(Network([*he(16, 16), relu], fan_in=16), input=Normal()).only("mean", layers=[4])
    assert vp.check(broken(wider, 4, "mean"), seed=7, budget=2.0).verdict == "disagrees"


def test_a_check_repeats_with_its_seed() -> None:
    profile = propagate(Network([Dense(2), leaky_relu(0.5)], fan_in=2), input=Normal()).only("second_moment")
    first, second = (vp.check(profile, seed=3, budget=0.05).to_json() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("variance", ["1e-300", "1e300"])
def test_tiny_and_huge_variances_stay_numbers(variance: str) -> None:
    net = Network(vp.repeat(20, [Dense(2, Normal(variance=sp.Rational(variance))), identity]), fan_in=2)
    last = propagate(net, input=Normal())[-1]
    sign = 1 if variance == "1e300" else -1
    assert float(sp.log(sp.Rational(2) ** 20, 10)) + sign * 6000 == pytest.approx(
        float(log10(last.second_moment))
    )


def log10(value: object) -> float:
    from mpmath import mp

    return float(mp.log10(value))


def test_a_width_of_a_trillion_and_depth_zero() -> None:
    wide = propagate(Network(he(10**12, 10**12, 1), fan_in=10**12), input=Normal())[-1]
    assert wide.second_moment == pytest.approx(2)
    assert wide.fourth_moment == pytest.approx(12, rel=1e-10)
    assert len(propagate(Network(vp.repeat(0, [Dense(3)]), fan_in=2), input=Normal())) == 1
    assert len(propagate(Network([], fan_in=2), input=Normal())) == 1


def test_misfits_name_both_layers() -> None:
    with pytest.raises(vp.ParameterError, match=r"repeat\(2, .*layers give another shape") as caught:
        Network(vp.repeat(2, [vp.AveragePool(2)]), fan_in=8)
    assert "repeat" in str(caught.value)
    with pytest.raises(vp.ParameterError, match=r"AveragePool\(2\) after Dense\(3\) of 3 units"):
        Network([Dense(3), vp.AveragePool(2)], fan_in=2)
    with pytest.raises(vp.ParameterError, match="the network reads 3"):
        propagate(Network([Dense(3)], fan_in=3), given=[1, 2])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Dense(0), "at least 1"),
        (lambda: Dense(3, weights="he_norml"), "Did you mean 'he_normal'"),
        (lambda: Dense(3, weights=Normal(mean=1)), "Center the weights"),
        (lambda: Network(["relu"], fan_in=2), "as a layer"),
        (lambda: vp.repeat(-1, relu), "Give 0, 1, 2"),
        (lambda: vp.repeat(1.5, relu), "Give 0, 1, 2"),
        (lambda: propagate(Network([Dense(2)], fan_in=2)), "the input is missing"),
        (lambda: propagate(Network([Dense(2)]), input=Normal()), "number of inputs is missing"),
        (lambda: propagate(Network([Dense(2)], fan_in=2), given=[np.nan, 1.0]), "finite numbers"),
        (lambda: propagate(Network([Dense(2)], fan_in=2), input=Normal()).only("size"), "no such number"),
        (lambda: Network([Dense(2)], fan_in=0), "at least 1"),
        (lambda: Network(vp.repeat(10**9, relu), fan_in=2), "Keep the depth a symbol"),
    ],
)
def test_bad_input_is_refused_in_words(make: object, words: str) -> None:
    with pytest.raises(vp.VarpropError, match=words):
        make()  # type: ignore[operator]


def test_symbols_need_numbers_before_a_check() -> None:
    profile = propagate(Network([Dense("m")], fan_in=2), input=Normal())
    with pytest.raises(vp.SamplingError, match="m stands for no number"):
        vp.check(profile, seed=7)
