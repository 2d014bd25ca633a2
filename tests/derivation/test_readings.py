"""Every way a rule reads a quantity states that quantity, and all ways that are proven lead to one result."""

import pytest
import sympy as sp

from varprop import Axis, abs_, derive, relu, step, sum_over
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
from varprop.derivation.rules.worlds import axis, normal, uniform
from varprop.derivation.search import Search

ALONG, WIDTH = axis("i"), Axis("j", "n")
X, Y, B = uniform("x"), uniform("y"), normal("b", variance=2)
G = uniform("g", ALONG)
OFF_CENTER = sum_over(ALONG, normal("w", ALONG, mean=1) * G)
CENTERED = sum_over(ALONG, normal("v", ALONG) * G)
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
    Mean(relu(normal("a", mean=1) + 2 * B) ** 2),
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
            assert same(derive(way.formula).result if way.needs else way.formula, result), way.rule.name
