"""Numbers that cancel, far tails, rare terms: where a first formula loses its digits or its right."""

import numpy as np
import pytest
import sympy as sp
from scipy import stats

import varprop as vp


@pytest.mark.parametrize(("mean", "std"), [(1e6, 1.0), (1000.0, 0.1)])
def test_the_variance_of_a_far_scipy_law_does_not_cancel(mean, std):
    x = vp.RandomVariable("x", stats.norm(mean, std))
    assert float(vp.derive(vp.Variance(x)).result) == pytest.approx(std**2, rel=1e-6)


@pytest.mark.parametrize("offset", [0.0, 1e4, 1.7e9])
def test_central_moments_of_a_far_table_do_not_cancel(offset):
    column = offset + np.random.default_rng(0).normal(size=50)
    row = vp.RandomVector("x", vp.Empirical(np.column_stack([column, column])))[0]
    assert float(vp.derive(vp.Variance(row)).result) == pytest.approx(column.var(), rel=1e-9)
    assert float(vp.derive(vp.Skewness(row)).result) == pytest.approx(stats.skew(column), rel=1e-6)
    kurtosis = stats.kurtosis(column, fisher=False)
    assert float(vp.derive(vp.Kurtosis(row)).result) == pytest.approx(kurtosis, rel=1e-9)
    assert "round-off below" in vp.derive(vp.Variance(row)).notes[0]


@pytest.mark.parametrize("low", [5, 12, 25, 30])
def test_a_normal_cut_far_in_its_tail_keeps_its_digits(low):
    above = vp.RandomVariable("x", vp.TruncatedNormal(low=low))
    below = vp.RandomVariable("x", vp.TruncatedNormal(high=-low))
    truth = stats.truncnorm(low, np.inf).mean()
    assert float(vp.derive(vp.Mean(above)).result) == pytest.approx(truth, rel=1e-9)
    assert float(vp.derive(vp.Mean(below)).result) == pytest.approx(-truth, rel=1e-9)


def test_the_slope_of_a_leaky_relu_stays_a_slope_when_its_symbol_gets_a_value():
    slope = vp.leaky_relu("a").slope(vp.RandomVariable("x", vp.Normal(variance=4)))
    at = vp.at(slope, {"a": sp.Rational(1, 2)})
    assert str(at) == "leaky_relu(1/2)'(x)"
    assert vp.derive(vp.Mean(at)).result == sp.Rational(3, 4)
    assert vp.derive(vp.Mean(at**2)).result == sp.Rational(5, 8)


@pytest.mark.parametrize("rare", [vp.Dropout("1/n"), vp.Bernoulli("1/n"), vp.Normal(mean="1/n")])
def test_terms_that_change_their_shape_with_n_have_no_gaussian_limit(rare):
    i = vp.Axis("i", "n")
    z = vp.sum_over(
        i, vp.RandomVariable("d", rare, axes=i) * vp.RandomVariable("x", vp.Exponential(1), axes=i)
    )
    with pytest.raises(vp.DerivationError, match="of one shape"):
        vp.derive(vp.Mean(vp.abs_(z)))


def test_terms_that_only_shrink_with_n_keep_their_gaussian_limit():
    i = vp.Axis("i", "n")
    w = vp.RandomVariable("w", vp.Uniform(variance="1/n"), axes=i)
    proof = vp.derive(vp.Mean(vp.abs_(vp.sum_over(i, w * vp.RandomVariable("x", vp.Exponential(1), axes=i)))))
    assert proof.validity.startswith("limit")
    assert sp.simplify(proof.result - 2 / sp.sqrt(sp.pi)) == 0


def test_the_square_of_a_sign_is_not_one_where_there_is_an_atom_at_zero():
    sign = vp.abs_.slope(vp.RandomVariable("b", vp.Bernoulli("1/3")))
    assert vp.derive(vp.Mean(sign**2)).result == sp.Rational(1, 3)


def test_solutions_stay_in_the_domain_of_the_distributions_and_sizes():
    z = vp.dot(weights=vp.Normal(), inputs=vp.Dropout("p"), fan_in="n")
    with pytest.raises(vp.DerivationError, match="one positive solution"):
        vp.solve(vp.Equal(vp.Variance(z), vp.symbol("n") / 2), unknown="p")
    wide = vp.dot(weights=vp.Normal(), inputs=vp.Normal(), fan_in="n")
    with pytest.raises(vp.DerivationError, match="one positive solution"):
        vp.solve(vp.Equal(vp.Variance(wide), sp.Rational(5, 2)), unknown="n")


def test_weights_of_unknown_distribution_are_only_tested_as_independent_copies():
    i = vp.Axis("i", "n")
    x = vp.RandomVariable("x", vp.Unknown(), axes=i)
    proof = vp.derive(vp.Variance(vp.sum_over(i, x)))
    assert not any(
        claim.any_dependence for step in proof for claim in step.claims if "sum" in str(claim.left)
    )
    assert "E[n]" not in str(proof) and "Var[n]" not in str(proof)


def test_a_numbered_place_beyond_the_axis_is_refused_also_when_its_size_gets_a_value():
    y = vp.RandomVariable("y", vp.Normal(), axes=vp.Axis("i", "n"))
    with pytest.raises(vp.ExpressionError, match="place 3"):
        vp.at(vp.Mean(y[3] ** 2), {"n": 2})
