"""Without an assumption: the formula and the remainders together are the truth, whatever the parameters.

The witnesses of the rules use small numbers, where a wrong power or factor may give the same; here means,
variances and sizes are symbols, and the truth is derived from the claim by all other rules.
"""

from __future__ import annotations

import pytest
import sympy as sp

import varprop as vp
from varprop.derivation.proofs import at_numbered_places
from varprop.derivation.quantities import Quantity
from varprop.derivation.rules import RULES
from varprop.derivation.rules.symmetry import ODD, world as reflected
from varprop.derivation.rules.weighted import world as weighted
from varprop.model.expressions import Scalar

BY_NAME = {rule.name: rule for rule in RULES}


def value(line):
    """Every quantity of a line derived."""
    line = at_numbered_places(line)
    return line.xreplace({noun: vp.derive(noun).result for noun in line.atoms(Quantity)})


def normal(name, *axes, mean="m", variance="s"):
    return vp.RandomVariable(name, vp.Normal(mean=mean, variance=variance), axes=axes)


def uniform(name, *axes):
    return vp.RandomVariable(name, vp.Uniform(0, 1), axes=axes)


def weights_off_center(rest=None, size="n"):
    i = vp.Axis("i", size)
    return {**weighted(i, normal("w", i), uniform("x", i)), "rest": rest}


def one_weight(rest=None, size=3):
    """One weight for all inputs, off center: both remainders at once."""
    i = vp.Axis("i", size)
    return {**weighted(i, normal("w"), uniform("x", i)), "rest": rest}


def weights_alone(rest):
    i = vp.Axis("i", "n")
    return {**weighted(i, normal("w", i), Scalar(1)), "rest": rest}


def bare(parts):
    return {key: part for key, part in parts.items() if key != "rest"}


def three_addends():
    x, w = uniform("x"), normal("w")
    terms = (x, x * w, 3 * w)
    return {"noun": vp.Variance(x + x * w + 3 * w), "terms": terms}


def third_cumulant():
    x, w = uniform("x"), normal("w")
    return {"noun": vp.Cumulant(x + x * w, 3), "terms": (x, x * w)}


def copies(order):
    total = vp.sum_over(i := vp.Axis("i", 3 if order else "n"), uniform("w", i) * normal("x"))
    return {"noun": vp.Cumulant(total, order) if order else vp.Variance(total), "total": total}


WEIGHTED, TOTAL = "centered uncorrelated weights", "total variance, given the inputs"
CASES = {
    "weights off center": (WEIGHTED, weights_off_center(), [0]),
    "weights off center, another factor": (WEIGHTED, weights_off_center(uniform("y")), [0]),
    "weights alone": (WEIGHTED, weights_alone(None), [0]),
    "weights alone, another factor": (WEIGHTED, weights_alone(uniform("y")), [0]),
    "one weight": (WEIGHTED, one_weight(), [0, 1]),
    "one weight, another factor": (WEIGHTED, one_weight(uniform("y")), [0, 1]),
    "one weight, the inputs given": (TOTAL, bare(one_weight()), [0]),
    "dependent addends": ("independent addends", three_addends(), [0]),
    "dependent addends, third cumulant": ("independent addends", third_cumulant(), [0]),
    "correlated addends": (
        "uncorrelated addends",
        {"total": (parts := three_addends())["noun"].expression, "terms": parts["terms"]},
        [0],
    ),
    "dependent copies": ("independent copies", copies(None), [0]),
    "dependent copies, third cumulant": ("independent copies", copies(3), [0]),
    "a factor off center": (
        "a centered independent factor",
        {"factor": normal("w"), "rest": uniform("x") ** 2},
        [0],
    ),
} | {
    f"off center, cumulant {k}": (
        "cumulant of a centered quantity",
        {"e": normal("w") * uniform("x"), "k": k},
        [0],
    )
    for k in range(2, 6)
}


@pytest.mark.parametrize("name", CASES)
def test_the_formula_and_the_remainders_are_the_truth(name):
    rule_name, parts, broken = CASES[name]
    rule = BY_NAME[rule_name]
    truth = value(rule.claim(**parts))
    formula = value(rule.formula(**parts))
    remainders = sum(value(rule.requirements[k].remainder(**parts)) for k in broken)
    assert sp.simplify(formula + remainders - truth) == 0
    if name != "weights alone":
        assert sp.simplify(remainders) != 0


HALVES = {
    "the even part counts": [(vp.relu, 2, None), (vp.leaky_relu("1/2"), 4, None)],
    "the odd part counts": [(vp.relu, 1, 1), (vp.leaky_relu("1/2"), 2, 3)],
}


@pytest.mark.parametrize(
    ("name", "activation", "k", "power"), [(name, *case) for name, cases in HALVES.items() for case in cases]
)
def test_both_halves_of_an_activation_are_the_whole(name, activation, k, power):
    """For z of both signs; the witnesses are positive, where the sign of one term cannot be seen."""
    z = vp.RandomVariable("z", vp.Uniform(-1, 3))
    parts = reflected(activation, z, k) if power is None else reflected(activation, z, k, z**power, ODD)
    rule = BY_NAME[name]
    whole = rule.formula(**parts) + rule.requirements[0].remainder(**parts)
    assert vp.check(vp.Equal(rule.claim(**parts), whole), seed=3, budget=0.5).verdict == "agrees"
