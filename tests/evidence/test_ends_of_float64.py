"""Checks of claims whose numbers have no squares in float64."""

import pytest
import sympy as sp

import varprop as vp
from varprop.simulation.sequential import Look

ENDS = ["1e300", "1e200", "1e-200", "1e-300"]


def neuron(variance: str) -> vp.Expression:
    return vp.neuron(weights=f"Normal(variance={variance})", inputs="Uniform(0, 1)", fan_in=16)


@pytest.mark.parametrize("variance", ENDS)
@pytest.mark.parametrize("premise", ["asymptotic", "kurtosis <= 40"])
def test_derivations_agree_and_errors_of_five_percent_do_not(variance: str, premise: str) -> None:
    z = neuron(variance)
    proof = vp.derive(vp.Variance(z))
    assert vp.check(proof, premise=premise).verdict == "agrees"
    wrong = vp.check(vp.Variance(z), equals=1.05 * float(proof.value), premise=premise)
    claim = wrong.claims[0]
    assert wrong.verdict == "disagrees"
    assert abs(claim.estimate / float(proof.value) - 1) < 0.02 and claim.high < 0
    assert 0 < claim.standard_error < 0.02 * float(proof.value)


@pytest.mark.parametrize("variance", ["1e200", "1e-200"])
def test_looks_tell_numbers_in_their_own_units(variance: str) -> None:
    looks: list[Look] = []
    z = neuron(variance)
    claim = vp.Equal(vp.Variance(z), vp.derive(vp.Variance(z)).value)
    found = vp.check(claim, on_look=lambda name, look: looks.append(look)).claims[0]
    assert (looks[-1].left, looks[-1].low) == (found.estimate, found.low)
    assert abs(looks[-1].left / float(variance) / 16 * 3 - 1) < 0.05


@pytest.mark.parametrize("size", [1e120, 1e-120])
def test_bounded_blocks_keep_their_width(size: float) -> None:
    x = vp.RandomVariable("x", vp.Uniform(0, size))
    mean = vp.Mean(x**2)
    for share, verdict in ((1, "agrees"), (0.9, "disagrees")):
        found = vp.check(mean, equals=share * (size * size / 3), premise="bounded", resolution=1.1)
        assert found.verdict == verdict


def test_sums_of_products_near_the_ends() -> None:
    for size in (1e70, 1e-70):
        x, y = vp.RandomVariable("x", vp.Normal(std=size)), vp.RandomVariable("y", vp.Uniform(0, size))
        assert vp.check(vp.derive(vp.Variance(x * y + x)), budget=10).verdict == "agrees"
        assert vp.check(vp.Mean(x * y), equals=0).verdict == "agrees"
        assert vp.check(vp.Mean(x * y + y**2), equals=0).verdict == "disagrees"


def test_what_float64_cannot_hold_is_refused_in_words() -> None:
    x, y = vp.RandomVariable("x", vp.Normal(std=1e90)), vp.RandomVariable("y", vp.Uniform(0, 1e90))
    found = vp.check(vp.derive(vp.Variance(x * y + x)))
    assert found.verdict == "inconclusive" and "the samples overflow" in str(found.claims[0].note)
    with pytest.raises(vp.SamplingError, match=r"leave the range of float64|samples overflow"):
        vp.check(vp.Variance(x * y), equals=1)


SIZES = [sp.Integer(10) ** power for power in (-250, -120, -80, 0, 120, 250)]


@pytest.mark.parametrize("size", SIZES)
def test_sparse_laws_are_no_more_certain_than_at_one(size: sp.Expr) -> None:
    """The first blocks see zeros only: what they miss must not look like a spread of zero."""
    b = vp.RandomVariable("b", "Bernoulli(1/2000)")
    for seed in range(4):
        assert vp.check(vp.Mean(b * size), equals=size / 2000, seed=seed, budget=0.3).verdict != "disagrees"
    one = vp.RandomVariable("d", "Bernoulli(1/3000)")
    two = vp.RandomVariable("e", "Bernoulli(1/2857)")
    equal = vp.Equal(vp.Mean(one * size), vp.Mean(two * size))
    assert {vp.check(equal, seed=seed, budget=0.08).verdict for seed in (4, 29)} == {"inconclusive"}


@pytest.mark.parametrize("size", SIZES)
def test_rare_large_values_are_not_missed_in_other_units(size: sp.Expr) -> None:
    x = vp.RandomVariable("x", "Normal()")
    rare = vp.Mean(vp.relu(x - sp.Rational(7, 2)) * size)
    verdicts = {
        vp.check(rare, equals=sp.Float("5.848e-5") * size, seed=s, budget=0.3).verdict for s in range(3)
    }
    assert "disagrees" not in verdicts


@pytest.mark.parametrize("power", [-100, 52, 75, 100])
def test_shapes_of_very_large_and_small_laws_are_answered_or_refused(power: int) -> None:
    e = vp.RandomVariable("e", "Exponential(1)")
    try:
        verdict = vp.check(vp.Skewness(sp.Integer(10) ** power * e), equals=2, seed=3, budget=0.3).verdict
    except vp.SamplingError as error:
        assert error.remedy
    else:
        assert verdict != "disagrees"
