"""The small models behind the examples of the rules are what they say."""

import itertools

import pytest
import sympy as sp

import varprop as vp
from varprop import abs_, derive
from varprop.derivation.quantities import Cumulant, Mean, Variance
from varprop.derivation.rules.definitions import constants
from varprop.derivation.rules.gaussian import linear_law, linear_normal
from varprop.derivation.rules.symmetry import even_function
from varprop.derivation.rules.worlds import TABLE, axis, normal, skewed, uneven_weights, uniform
from varprop.derivation.structure import Structure
from varprop.model.activations import HomogeneousActivation
from varprop.model.expressions import sum_over


def test_the_skewed_variable_is_centered():
    x = skewed("x")
    assert [derive(noun).result for noun in (Mean(x), Variance(x), Cumulant(x, 3))] == [0, 1, 2]


def test_the_uneven_weights_are_signs_of_different_sizes():
    law = uneven_weights("w").distribution
    outcomes = list(itertools.product(*((-size, size) for size in law.sizes)))
    for k, column in itertools.product(range(1, 6), range(len(law.sizes))):
        mean = sp.Rational(sum(row[column] ** k for row in outcomes), len(outcomes))
        assert law.entry_moment(k, column) == mean
    assert all(law.moment_exists(k) for k in (1, 2, 3, 100))
    variances = [law.entry_moment(2, column) for column in range(len(law.sizes))]
    assert 0 < min(variances) < max(variances)


def test_the_columns_of_the_small_table_differ():
    assert len({tuple(column) for column in TABLE.data.T.tolist()}) == TABLE.data.shape[1]


def test_constants_are_taken_out_only_if_there_are_any():
    assert not list(constants.match(Variance(uniform("x")), Structure()))
    (found,) = constants.match(Variance(3 * uniform("x") + 2), Structure())
    assert (found["factor"], found["shift"]) == (3, 2)


def test_the_law_of_a_sum_counts_the_copies():
    i = axis("i", 5)
    z = 2 * sum_over(i, 3 * normal("x", i, mean=1, variance=7) + 1) - 4
    assert linear_law(z) == (2 * 5 * (3 + 1) - 4, 4 * 5 * 9 * 7, True)
    assert linear_law(z + uniform("y"))[2] is False


ALONG = axis("i")
A, B, C = (normal(name, ALONG) for name in "abc")
SHARED, ALONE = normal("s"), normal("t")
NORMAL_SUMS = {
    "independent addends in every copy": (sum_over(ALONG, A + (B + C)), "proven"),
    "one addend shared by all copies": (sum_over(ALONG, A + SHARED), "unknown"),
    "one variable twice in every copy": (sum_over(ALONG, A + (A + B)), "unknown"),
    "one variable with both signs": (sum_over(ALONG, 2 * A + (B - A)), "unknown"),
    "one variable twice beside the sum": (SHARED + sum_over(ALONG, A) + (SHARED + ALONE), "refuted"),
}


@pytest.mark.parametrize("name", NORMAL_SUMS)
def test_variances_of_normals_are_added_only_if_they_are_independent(name):
    z, verdict = NORMAL_SUMS[name]
    (parts,) = linear_normal.match(Mean(abs_(z) ** 2), Structure())
    found = linear_normal.assumptions(Structure(), parts)
    assert [assumption.verdict for assumption in found] == ["proven", verdict]
    assert (linear_law(z)[1] == derive(Variance(z)).result) is (verdict == "proven")


@pytest.mark.parametrize("power", [1, 2, 3, 4])
def test_an_odd_function_is_even_only_at_even_powers(power):
    signed_square = HomogeneousActivation("signed square", sp.Integer(1), sp.Integer(-1), 2)
    z = uniform("z") - sp.Rational(1, 4)
    noun = Mean(signed_square(z) ** power)
    assert bool(list(even_function.match(noun, Structure()))) is (power % 2 == 0)
    if power % 2 == 0:
        low, high, order = sp.Rational(1, 4), sp.Rational(3, 4), 2 * power + 1
        assert derive(noun).result == (high**order + low**order) / order


def test_a_factor_that_may_be_zero_keeps_a_step_from_being_halved() -> None:
    """step(c r) is 0 for c = 0, so E step(c r) = 1/2 holds only where c is not 0."""
    maybe, sure = sp.Symbol("c", real=True), sp.Symbol("c", nonzero=True, real=True)
    for law in ("Rademacher()", "Normal()", "Laplace(variance=1)"):
        r = vp.RandomVariable("r", law)
        assert vp.derive(vp.Mean(vp.step(sure * r))).result == sp.Rational(1, 2)
        assert vp.derive(vp.Mean(vp.relu(maybe * r) ** 2)).result.subs(maybe, 0) == 0
        with pytest.raises(vp.DerivationError):
            vp.derive(vp.Mean(vp.step(maybe * r)))
