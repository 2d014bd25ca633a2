"""Quantities of one variable or one entry, and what a rule says about what it matched."""

from __future__ import annotations

import pytest
import sympy as sp
from scipy import stats

import varprop as vp
from varprop.derivation.assumptions import exact_mean, has_zero_mean, sign_flip, vanishing_factors
from varprop.derivation.quantities import Mean
from varprop.derivation.rules import RULES
from varprop.derivation.rules.powers import LARGEST_POWER, MOST_TERMS
from varprop.derivation.structure import Structure
from varprop.model.expressions import Scalar
from varprop.model.joint import Joint


class Pair(Joint):
    """Two entries of mean 3 and second moment 11."""

    shape = (sp.Integer(2),)
    alike = True
    uncorrelated = True

    def entry_moment(self, k, place=None):
        if k > 2:
            raise vp.MomentError(f"E x_i^{k}", "not declared", "Ask for less.")
        return (sp.Integer(1), sp.Integer(3), sp.Integer(11))[k]

    def draw(self, rng, shape):
        raise NotImplementedError


def test_second_moments_of_an_entry():
    x = vp.RandomVector("x", Pair())
    assert vp.derive(vp.Mean(x[0])).result == 3
    assert vp.derive(vp.Variance(x[0])).result == 2
    assert vp.derive(vp.Cumulant(x[0], 2)).result == 2
    assert vp.derive(vp.Variance(x[0] * 5)).result == 50


def test_higher_cumulants_of_an_entry_are_refused():
    class Known(Pair):
        def entry_moment(self, k, place=None):
            return sp.Integer(max(k, 1))

    with pytest.raises(vp.MomentError, match=r"E x_i\^3"):
        vp.derive(vp.Cumulant(vp.RandomVector("x", Pair())[0], 3))
    # With its raw moments at hand another rule finds it: 3 - 3 * 1 * 2 + 2 * 1.
    assert vp.derive(vp.Cumulant(vp.RandomVector("x", Known())[0], 3)).result == -1


def test_the_covariance_of_a_variable_with_itself_is_its_variance():
    x, y = vp.RandomVariable("x", vp.Uniform(0, 1)), vp.RandomVariable("y", vp.Normal(mean=1))
    proof = vp.derive(vp.Covariance(x, x))
    assert proof.steps[0].rule.name == "constants in a covariance"
    assert proof.result == sp.Rational(1, 12)
    double = vp.derive(vp.Covariance(2 * x, x * y))
    assert double.steps[0].rule.name == "constants in a covariance"
    assert double.result == sp.Rational(1, 6)


def test_the_error_of_a_numeric_cumulant_is_that_of_the_worst_central_moment():
    law = vp.RandomVariable("x", stats.gamma(3, loc=500)).distribution
    assert law.moment_error(4) > 100 * law.moment_error(4, central=True)
    for order in (2, 4):
        (note,) = vp.derive(vp.Cumulant(vp.RandomVariable("x", law), order)).notes
        worst = max(law.moment_error(k, central=True) for k in range(2, order + 1))
        assert f"error estimate {worst:.1g}" in note


def test_a_centered_factor_makes_a_product_centered_whatever_its_symmetry():
    w, x = vp.RandomVariable("w", vp.Unknown()), vp.RandomVariable("x", vp.Uniform(0, 1))
    structure = Structure()
    assert has_zero_mean(structure, w * x**2) is True
    assert vanishing_factors(structure, w * x**2) == [(w, x**2)]
    assert vanishing_factors(structure, w * (w * x + 1)) == []
    assert has_zero_mean(structure, w**2 * x) is None


def test_the_error_of_a_numeric_mean_is_that_of_its_own_order():
    law = vp.RandomVariable("x", stats.gamma(3, loc=500)).distribution
    (note,) = vp.derive(vp.Mean(vp.RandomVariable("x", law) ** 3)).notes
    assert f"error estimate {law.moment_error(3):.1g}" in note


def test_the_shape_of_a_law_forgets_its_scale_and_keeps_its_sign():
    x = vp.RandomVariable("x", vp.Exponential(1))
    y = vp.RandomVariable("y", vp.Uniform(0, 1))
    assert [vp.derive(vp.Skewness(factor * x + 1)).result for factor in (1, 3, -2)] == [2, 2, -2]
    assert [vp.derive(vp.Kurtosis(factor * x + 1)).result for factor in (1, 3, -2)] == [9, 9, 9]
    names = [step.rule.name for step in vp.derive(vp.Kurtosis(3 * x * y + 1)).steps]
    assert names[0] == "constants move out"


def test_the_square_of_an_odd_function_needs_no_symmetry():
    """leaky_relu(1) is odd: its square is even, its cube is not, and z is not symmetric."""
    i = vp.Axis("i", "n")
    z = vp.sum_over(i, vp.RandomVariable("x", vp.Uniform(-1, 3), axes=i))
    identity, n = vp.leaky_relu(1), vp.symbol("n")
    proof = vp.derive(vp.Mean(identity(z) ** 2))
    assert proof.steps[0].rule.name == "an even function"
    assert (sp.expand(proof.result - (n**2 + 4 * n / 3)), proof.validity) == (0, "exact")
    with pytest.raises(vp.DerivationError, match="no rule covers it"):
        vp.derive(vp.Mean(identity(z) ** 3))


def test_sums_of_sums_of_normals_are_normal_with_all_their_copies():
    """E relu(z) = sqrt(Var z / (2 pi)) for z = sum_i sum_j w_ij + 2 sum_i v_i, Var z = 15 s + 12 t."""
    i, j = vp.Axis("i", 3), vp.Axis("j", 5)
    w = vp.RandomVariable("w", "Normal(variance=s)", axes=(i, j))
    v = vp.RandomVariable("v", "Normal(variance=t)", axes=i)
    z = vp.sum_over(i, vp.sum_over(j, w)) + 2 * vp.sum_over(i, v)
    proof = vp.derive(vp.Mean(vp.relu(z)))
    s, t = vp.symbol("s"), vp.symbol("t")
    assert sp.simplify(proof.result - sp.sqrt((15 * s + 12 * t) / (2 * sp.pi))) == 0
    assert proof.validity == "exact"


def test_the_same_variable_twice_has_no_product_of_means():
    """x and relu(x) are no two independent factors."""
    x = vp.RandomVariable("x", vp.Normal())
    assert exact_mean(x**2) == 1
    assert exact_mean(3 * x**2 * vp.relu(vp.RandomVariable("y", vp.Normal())) ** 2) == sp.Rational(3, 2)
    assert exact_mean(x * vp.relu(x)) is None


def test_a_law_of_its_own_kind_can_refute_a_sign_flip():
    """No third moment exists, but the law knows that it is not symmetric."""
    for center, verdict in ((1, "refuted"), (0, "proven")):
        x = vp.RandomVariable("x", vp.StudentT(3, center=center))
        (flip, *_) = Structure().odd_flips(x) or (None,)
        assert sign_flip(Structure(), x, Scalar(1), flip).verdict == verdict


def test_powers_beyond_the_stated_work_are_refused():
    x, y = (vp.RandomVariable(name, vp.Uniform(0, 1)) for name in "xy")
    i = vp.Axis("i", "n")
    total = vp.sum_over(i, vp.RandomVariable("w", vp.Uniform(0, 1), axes=i))
    for noun in (vp.Moment(total, LARGEST_POWER + 1), vp.Mean((x + y) ** (MOST_TERMS + 1))):
        with pytest.raises(vp.WorkLimitError):
            vp.derive(noun)


def test_powers_of_several_sums_beyond_the_stated_work_are_refused():
    """Of the ways to deal (5, 3, 4), 3000 are found before the last; those of (9, 9, 8) would take hours."""
    i = vp.Axis("i", "n")
    w, x, y = (vp.RandomVariable(name, vp.Uniform(0, 1), axes=i) for name in "wxy")
    a, b, c = vp.sum_over(i, w), vp.sum_over(i, w * x), vp.sum_over(i, w * y)
    for power in (a**5 * b**3 * c**4, a**9 * b**9 * c**8):
        with pytest.raises(vp.WorkLimitError):
            vp.derive(vp.Mean(power))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_claims_what_it_matched(rule):
    """Also for a mean that holds one more independent factor."""
    noun = rule.claim(**rule.example())
    nouns = [noun]
    if isinstance(noun, Mean):
        nouns.append(Mean(noun.expression * vp.RandomVariable("other", vp.Exponential(1))))
    for read in nouns:
        structure = Structure()
        for parts in rule.match(read, structure):
            assert rule.claim(**parts) == read
    assert list(rule.match(noun, Structure()))
