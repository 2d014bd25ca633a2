"""What distributions answer in full: supports, True, False or unknown, formulas, refusals, values put in."""

import math

import numpy as np
import pytest
import sympy as sp
from scipy import stats

from varprop.errors import MomentError, ParameterError
from varprop.model.distributions import (
    Bernoulli,
    Constant,
    Distribution,
    Dropout,
    Exponential,
    LogNormal,
    Mixture,
    Normal,
    Rademacher,
    Rectified,
    StudentT,
    TruncatedNormal,
    Uniform,
    Unknown,
)
from varprop.model.distributions.orders import MAX_ORDER
from varprop.model.joint import Empirical, Joint, Orthogonal

HALF = sp.Rational(1, 2)
V = sp.Symbol("v", positive=True)
REAL = sp.Symbol("r", real=True, nonzero=True)

SUPPORTS = [
    (Rademacher(), (-1, 1)),
    (Bernoulli("1/3"), (0, 1)),
    (Dropout("1/4"), (0, 4)),
    (Uniform(-1, 3), (-1, 3)),
    (Rectified(Uniform(-1, 3)), (0, 3)),
    (Mixture([Uniform(-1, 3), Constant(5)]), (-1, 5)),
]


@pytest.mark.parametrize(("law", "ends"), SUPPORTS, ids=str)
def test_the_support_is_the_smallest_interval(law, ends):
    assert law.support == ends


ANSWERS = [
    (Exponential(), "symmetric", False),
    (LogNormal(), "symmetric", False),
    (Dropout(HALF), "symmetric", False),
    (Bernoulli(0), "symmetric", True),
    (Bernoulli(HALF), "symmetric", False),
    (TruncatedNormal(-1, 1), "symmetric", True),
    (TruncatedNormal(-1, 1, parent_mean=1), "symmetric", False),
    (TruncatedNormal(-1, 2), "symmetric", False),
    (Rectified(Uniform(-2, -1)), "symmetric", True),
    (Rectified(Uniform(-1, 2)), "symmetric", False),
    (Mixture([Normal(), Rademacher()]), "symmetric", True),
    (Mixture([Normal(1), Constant(0)]), "symmetric", False),
    (Mixture([Normal(1), Normal(-1)]), "symmetric", None),
    (Mixture([StudentT(1), Normal(1)]), "symmetric", None),
    (Mixture([StudentT(2, center=1), Constant(0)]), "symmetric", False),
    (Dropout(HALF), "atom_at_zero", True),
    (Dropout(1), "atom_at_zero", False),
    (Rectified(Exponential()), "atom_at_zero", False),
    (Rectified(Bernoulli(HALF)), "atom_at_zero", True),
    (Rectified(Unknown(mean=1)), "atom_at_zero", None),
    (Normal(), "atomless", True),
    (Rademacher(), "atomless", False),
    (Unknown(), "can_draw", False),
    (Rectified(Unknown()), "can_draw", False),
    (Rectified(Normal()), "can_draw", True),
]


@pytest.mark.parametrize(("law", "question", "answer"), ANSWERS, ids=str)
def test_questions_are_answered_by_true_false_or_none(law, question, answer):
    assert getattr(law, question) is answer


PUT_IN = [
    (Rectified(Normal(variance="v")), {"v": 2}, Rectified(Normal(variance=2))),
    (
        Mixture([Normal(), Constant("c")], ["p", "1 - p"]),
        {"p": "1/4", "c": 3},
        Mixture([Normal(), Constant(3)], ["1/4", "3/4"]),
    ),
    (
        Unknown(variance="v", symmetric=True, moments={6: "m"}),
        {"v": 2, "m": 90},
        Unknown(variance=2, symmetric=True, moments={6: 90}),
    ),
]


@pytest.mark.parametrize(("law", "values", "result"), PUT_IN, ids=str)
def test_values_reach_what_is_nested(law, values, result):
    assert law.at(values) == result


@pytest.mark.parametrize(
    ("law", "formula"),
    [
        (Normal(0, "1/n"), r"\mathcal{N}\left(0, \frac{1}{n}\right)"),
        (Uniform(0, 1), r"\mathcal{U}\left(0, 1\right)"),
        (StudentT(5), r"\operatorname{StudentT}\left(5, 0\right)"),
        (Rademacher(), r"\operatorname{Rademacher}"),
    ],
    ids=str,
)
def test_a_formula_shows_what_was_given(law, formula):
    assert law.latex() == formula


def test_moments_of_order_zero_and_one_ask_whether_the_mean_exists():
    assert Normal().absolute_moment(0) == 1
    assert StudentT(2).central_moment(1) == 0
    for k in (0, 1):
        with pytest.raises(MomentError, match="E X\\^1 of"):
            StudentT(1).central_moment(k)


def test_a_component_of_weight_zero_is_not_asked():
    mixture = Mixture([Normal(), StudentT(1)], [1, 0])
    assert [mixture.moment(k) for k in (1, 2, 4)] == [0, 1, 3]


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: Mixture([Normal(), Unknown(), StudentT(3)]).moment(4), "does not exist. Choose dof > 4"),
        (lambda: Mixture([Normal(), Unknown()]).moment(4), "not declared. Declare it: fourth_moment"),
        (lambda: Unknown(moments={6: 15}).moment(4), "not declared. Declare it: fourth_moment"),
        (lambda: Constant(REAL).positive_probability, "sign of the value is not known"),
        (lambda: Empirical([[1, 2], [3, 4]]).entry_moment(1), "not alike. Name a column, 0 to 1"),
    ],
)
def test_what_is_missing_is_said(ask, words):
    with pytest.raises(MomentError) as refused:
        ask()
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Normal().at("n"), "it is no mapping"),
        (lambda: Unknown(mean=2, fourth_moment=24), "E X^4 >= (E X^2)^2"),
        (lambda: Unknown(mean=3, fourth_moment=99), "E X^4 >= (E X^2)^2"),
        (lambda: Unknown(moments={6: -2}), "E X^6 >= 0"),
        (lambda: Unknown(symmetric=True, fourth_moment=2, moments={6: 3}), "E X^2 E X^6 >= (E X^4)^2"),
        (lambda: StudentT(-1, variance=2), "StudentT(dof=-1): outside its domain"),
        (lambda: StudentT(5, variance=0), "variance=0): outside its domain"),
        (lambda: Orthogonal(3, 0), "columns=0): outside"),
        (lambda: Orthogonal(3, sp.Rational(5, 2)), "columns=5/2): outside"),
        (lambda: Orthogonal(3, 3, 0), "gain=0): outside"),
    ],
)
def test_what_cannot_be_is_refused(make, words):
    with pytest.raises(ParameterError) as refused:
        make()
    assert words in str(refused.value)


def test_parameters_at_the_edge_of_what_can_be_are_taken():
    assert StudentT("5/2", variance=3).variance == 3
    assert Unknown(mean=2, fourth_moment=25).moment(4) == 25
    assert Constant(V).positive_probability == 1
    assert Constant(0).positive_probability == Constant(-V).positive_probability == 0


@pytest.mark.parametrize(("low", "high"), [(1, 3), (-1, 3), (-3, -1)])
@pytest.mark.parametrize("k", [1, 2])
def test_the_positive_part_of_a_uniform_variable_with_symbols_as_ends(low, high, k):
    a, b = sp.symbols("a b", real=True)
    x = sp.Symbol("x")
    truth = sp.integrate(x**k, (x, max(low, 0), max(high, 0))) / (high - low)
    assert Uniform(a, b).positive_part_moment(k).subs({a: low, b: high}) == truth


class Tailed(Distribution):
    """A law whose first moment alone is sure to exist."""

    symmetric = atom_at_zero = None
    support = (-sp.oo, sp.oo)

    def _moment(self, k):
        return sp.Integer(7)

    def moment_exists(self, k):
        return True if k < 2 else None

    def _draw(self, rng, shape):
        raise NotImplementedError


def test_a_law_of_a_user_that_cannot_tell_says_so():
    assert Tailed().mean == 7
    with pytest.raises(MomentError, match="whether it exists depends on symbols"):
        Tailed().moment(2)


def test_a_law_of_a_user_with_a_short_form_for_cumulants_needs_the_moment_all_the_same():
    class Short(Tailed):
        def _cumulant(self, k):
            return sp.Integer(5)

    with pytest.raises(MomentError, match="whether it exists depends on symbols"):
        Short().cumulant(2)


class Pair(Joint):
    """Two entries of which only moments up to some order are declared."""

    shape = (sp.Integer(2),)
    alike = uncorrelated = True

    def __init__(self, last=4):
        self.last = last

    def entry_moment(self, k, place=None):
        if k > self.last:
            raise MomentError(f"E x^{k}", "not declared")
        return sp.Integer(k)

    def draw(self, rng, shape):
        raise NotImplementedError


def test_a_joint_law_of_a_user_has_the_moments_below_an_even_one_that_it_declares():
    assert [Pair().moment_exists(k) for k in range(7)] == [True] * 5 + [None] * 2
    assert [Pair(5).moment_exists(k) for k in range(7)] == [True] * 5 + [None] * 2
    assert [Pair(1000).moment_exists(k) for k in (MAX_ORDER, MAX_ORDER + 1)] == [True, None]
    assert Pair().terms == 2
    assert Pair().latex() == r"\operatorname{Pair}"


def test_a_joint_law_is_stored_as_it_is():
    wide = Orthogonal(3, 5, gain=2)
    assert wide.terms == 5
    assert wide.row_law is wide.unfolded is wide
    assert wide.entry_moment(2) == sp.Rational(4, 5)
    assert Empirical([[1.0], [3.0]]).moment_exists(9) is True


def test_the_bound_of_a_total_counts_the_addition():
    table = Empirical([[0.1, 0.7], [0.3, 0.2], [1.9, -0.4]])
    total = table.total_moment(2)
    each = [table.moment({column: 2}) for column in range(2)]
    parts, rounding = sum(part.bound for part in each), math.fsum(part.value for part in each)
    assert total.value == rounding
    assert total.bound == pytest.approx(parts + rounding * np.finfo(np.float64).eps, rel=1e-12, abs=0)


@pytest.mark.parametrize(
    "law",
    [
        TruncatedNormal(-1, HALF),
        TruncatedNormal(-1, HALF, parent_mean=1, parent_variance=4),
        TruncatedNormal(1, 3),
        TruncatedNormal(1, 3, parent_variance=4),
        TruncatedNormal(-3, -1, parent_variance=4),
        TruncatedNormal(HALF, 3, parent_mean=2),
    ],
    ids=str,
)
def test_a_normal_law_between_two_ends(law):
    low, high, mean, variance = map(float, (law.low, law.high, law.parent_mean, law.parent_variance))
    truth = stats.truncnorm((low - mean) / variance**0.5, (high - mean) / variance**0.5, mean, variance**0.5)
    for k in (1, 2, 3):
        assert float(law.moment(k)) == pytest.approx(truth.expect(lambda x, k=k: x**k), rel=1e-9)
        positive = truth.expect(lambda x, k=k: max(x, 0.0) ** k)
        assert float(law.positive_part_moment(k)) == pytest.approx(positive, rel=1e-7, abs=1e-12)
    drawn = law.draw(np.random.default_rng(1), 4000)
    assert stats.kstest(drawn, truth.cdf).pvalue > 1e-6


@pytest.mark.parametrize(("low", "high"), [(2, 4), (-1, 3), (-3, -1)])
def test_a_positive_part_with_symbols_is_right_wherever_zero_lies(low, high):
    a, b = sp.symbols("a b", real=True)
    for k in (1, 2, 3):
        found = Uniform(a, b).positive_part_moment(k).subs({a: low, b: high})
        assert found == sp.integrate(sp.Max(V, 0) ** k, (V, max(low, 0), max(high, 0))) / (high - low)


def test_an_open_end_is_not_written():
    assert str(TruncatedNormal(low=0)) == "TruncatedNormal(low=0, parent_variance=1)"
    assert str(TruncatedNormal(high=2)) == "TruncatedNormal(high=2, parent_variance=1)"
