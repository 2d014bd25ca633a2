"""Every way a rule reads a quantity states that quantity, and all ways that are proven lead to one result."""

from contextlib import suppress
from dataclasses import FrozenInstanceError

import pytest
import sympy as sp

from varprop import Axis, DerivationError, Exponential, abs_, derive, relu, step, sum_over
from varprop.derivation.quantities import (
    CentralMoment,
    Covariance,
    Cumulant,
    Kurtosis,
    Mean,
    Skewness,
    Variance,
)
from varprop.derivation.rules import RULES
from varprop.derivation.rules.addends import (
    independent_addends,
    orthogonal_addends,
    pairwise_orthogonal,
    uncorrelated_addends,
)
from varprop.derivation.rules.gaussian import given_inputs
from varprop.derivation.rules.worlds import axis, normal, uniform, variable
from varprop.derivation.search import Search
from varprop.derivation.structure import Structure
from varprop.model.expressions import Add, Scalar, product

ALONG, WIDTH = axis("i"), Axis("j", "n")
X, Y, B = uniform("x"), uniform("y"), normal("b", variance=2)
G = uniform("g", ALONG)
OFF_CENTER = sum_over(ALONG, normal("w", ALONG, mean=1) * G)
CENTERED = sum_over(ALONG, normal("v", ALONG) * G)
UNITS = Axis("k", 3)
ROW, OTHER_ROW = UNITS.places(2)
W = normal("w", UNITS, ALONG)  # made after its inputs
UNIT, OTHER_UNIT = sum_over(ALONG, W[ROW, ALONG] * G), sum_over(ALONG, W[OTHER_ROW, ALONG] * G)
SHIFTED = normal("a", mean=1) + 2 * B
WIDE = sum_over(WIDTH, normal("u", WIDTH, variance=1 / WIDTH.size) * uniform("h", WIDTH))

QUESTIONS = (
    Mean(abs_(WIDE) ** 2),
    Mean(OFF_CENTER**2 * Y),
    Mean(OFF_CENTER**3 * Y),
    Mean(OFF_CENTER * CENTERED),
    Mean(CENTERED**2 * Y),
    Mean(relu(CENTERED) ** 3 * CENTERED),
    Mean(step(CENTERED) * Y**2),
    Mean(relu(B) ** 2 * Y),
    Mean(relu(X) ** 2 * X**3),
    Mean(relu(SHIFTED) ** 2),
    Mean(relu(SHIFTED) * SHIFTED),
    Mean(relu(UNIT) ** 3 * abs_(OTHER_UNIT)),
    Mean((X + 2 * Y + 1) ** 3 * X),
    Variance(2 * X * Y + 1),
    Variance(X * (Y + 1)),
    Variance(CENTERED + X),
    Cumulant(3 * OFF_CENTER + 1, 3),
    CentralMoment(X * Y, 3),
    Skewness(2 * X + 1),
    Kurtosis(2 * X + Y),
    Covariance(2 * X, 3 * X * Y),
    Covariance(OFF_CENTER, CENTERED),
)


def same(one, other):
    difference = one - other
    return abs(sp.N(difference)) < 1e-12 if difference.is_number else sp.simplify(difference) == 0


@pytest.mark.parametrize("noun", QUESTIONS, ids=str)
def test_every_reading_states_what_was_read_and_all_ways_agree(noun):
    search = Search(RULES)
    search.run([noun])
    for each in tuple(search.found):
        result = derive(each).result
        for rule in RULES:
            for parts in rule.match(each, search.structure):
                stated = rule.claim(**parts)
                assert stated == each or same(derive(stated).result, result)
        for way in search.ways(each):
            assert each not in way.needs
            with suppress(DerivationError):  # a way may be a dead end
                assert same(derive(way.formula).result if way.needs else way.formula, result), way.rule.name


def test_two_units_are_read_by_their_weights_whichever_was_made_first():
    """E relu(z) relu(z') = |x|^2 / (2 pi) for independent normal rows, and x_i^2 has the mean 1/3."""
    inputs_first = derive(Mean(relu(UNIT) * relu(OTHER_UNIT)))
    weights = normal("w", UNITS, ALONG)
    x = normal("x", ALONG)
    units = [sum_over(ALONG, weights[row, ALONG] * x) for row in (ROW, OTHER_ROW)]
    assert inputs_first.result == sp.Rational(4, 3) / (2 * sp.pi)
    assert derive(Mean(relu(units[0]) * relu(units[1]))).result == 4 / (2 * sp.pi)


@pytest.mark.parametrize(
    "body",
    [normal("w", ALONG) ** 2, normal("s") * G**2, normal("s") * normal("w", ALONG) ** 3],
    ids=["a square", "one weight for all", "a cube"],
)
def test_only_a_single_power_of_a_variable_along_the_sum_is_a_weight(body):
    assert not list(given_inputs.match(Mean(relu(sum_over(ALONG, body)) ** 2), Structure()))


def test_the_limit_law_is_used_up_to_second_moments():
    """Beyond these a limit in law says nothing of them: the terms here are skewed, the limit is not."""
    z = sum_over(WIDTH, variable("e", Exponential(mean=1), WIDTH) - 1)
    n = WIDTH.size
    for noun, limit in ((Mean(relu(z)), sp.sqrt(n / (2 * sp.pi))), (Mean(relu(z) ** 2), n / 2)):
        proof = derive(noun)
        assert sp.simplify(proof.result - limit) == 0
        assert proof.validity == "limit, fan_in -> oo"
    with pytest.raises(DerivationError):
        derive(Mean(relu(z) ** 3))


@pytest.mark.parametrize(("count", "spelled"), [(15, True), (16, False)])
def test_the_remainder_of_a_sum_is_spelled_out_up_to_fifteen_terms(count, spelled):
    """The terms are y_k x with one x: Var[x y] = 1/9 - 1/16, Cov[x y, x y'] = Var[x] / 4 = 1/48."""
    terms = tuple(X * uniform(f"y{k}") for k in range(count))
    total, pairs = Add.of(terms), count * (count - 1) // 2
    variance, rest = {"noun": Variance(total), "terms": terms}, Scalar(2)
    left_over = independent_addends.requirements[0].remainder(**variance)
    assert left_over == uncorrelated_addends.requirements[0].remainder(total=total, terms=terms)
    assert len(left_over.atoms(Covariance)) == pairs * spelled
    assert derive(left_over).result == sp.Rational(2 * pairs, 48)
    crossed = orthogonal_addends.requirements[0].remainder(total=total, terms=terms, rest=rest)
    assert len(crossed.atoms(Mean)) == (pairs if spelled else count + 1)
    assert derive(crossed).result == 2 * sp.Rational(2 * pairs, 12)


@pytest.mark.parametrize(("count", "verdict"), [(20, "proven"), (21, "unknown")])
def test_pairs_of_twenty_addends_are_looked_at(count, verdict):
    """The terms are x_k x_(k+1): centered and uncorrelated, and no factor is of one term alone."""
    xs = [normal(f"x{k}") for k in range(count)]
    terms = tuple(product(sp.S.One, [(xs[k], 1), (xs[k - 1], 1)]) for k in range(count))
    assert pairwise_orthogonal(Structure(), terms, Scalar(1)).verdict == verdict
    weighted = tuple(normal(f"w{k}") * term for k, term in enumerate(terms))
    assert pairwise_orthogonal(Structure(), weighted, Scalar(1)).verdict == "proven"
    assert pairwise_orthogonal(Structure(), (*weighted, X), Scalar(1)).verdict == "proven"


def test_a_number_adds_no_variance():
    (parts,) = uncorrelated_addends.match(Variance(X + B + 2), Structure())
    assert uncorrelated_addends.formula(**parts) == Variance(X) + Variance(B)


@pytest.mark.parametrize("power", [1, 2, 3, 5])
@pytest.mark.parametrize("degree", [1, 2])
def test_one_input_for_all_weights(power, degree):
    """E |z|^k = E |N|^k n^(k/2) E y^(k d) for z = y^d sum_i w_i, and E y^m = 1 / (m + 1)."""
    n = WIDTH.size
    z = sum_over(WIDTH, normal("w", WIDTH) * Y**degree)
    normal_moment = 2 ** sp.Rational(power, 2) * sp.gamma(sp.Rational(power + 1, 2)) / sp.sqrt(sp.pi)
    truth = normal_moment * n ** sp.Rational(power, 2) / (power * degree + 1)
    assert sp.simplify(derive(Mean(abs_(z) ** power)).result - truth) == 0
    assert sp.simplify(derive(Mean(relu(z) ** power)).result - truth / 2) == 0


def test_rules_and_their_requirements_are_values():
    for rule in RULES:
        for record in (rule, *rule.requirements):
            hash(record)
            with pytest.raises(FrozenInstanceError):
                record.claim = record.test = None
