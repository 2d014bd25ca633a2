"""Which assumptions each rule makes: one that drops an assumption, or adds one, is another theorem."""

import pytest

from varprop import RandomVariable, derive
from varprop.derivation.rules import RULES
from varprop.derivation.rules.weighted import weighted_sum
from varprop.derivation.structure import Structure

ASSUMED = {
    "a centered independent factor": ["zero mean", "independence"],
    "centered uncorrelated weights": ["zero mean", "no correlation", "one variance", "independence"],
    "independent factors": ["independence"],
    "independent addends": ["independence"],
    "uncorrelated addends": ["orthogonality"],
    "orthogonal addends": ["orthogonality"],
    "total expectation, given the inputs": ["one mean", "independence"],
    "total variance, given the inputs": ["no correlation", "one variance", "independence"],
    "variance of a product": ["independence"],
    "independent copies": ["independent copies", "places alike"],
    "no covariance": ["orthogonality"],
    "odd under a change of sign": ["sign symmetry"],
    "the even part counts": ["sign symmetry"],
    "the odd part counts": ["sign symmetry"],
    "the even part counts, off zero": ["sign symmetry", "no atom at zero"],
    "identical copies": ["places alike"],
    "a sum of normals is normal": ["normality", "independence"],
    "normal weights, given the inputs": ["normality", "independence"],
    "cumulant of a centered quantity": ["zero mean"],
    "expansion by coinciding indices": ["places alike"],
    "the Gaussian limit": ["central limit"],
}
IDENTITIES = {
    "average over the rows",
    "moments of the distributions",
    "an even function",
    "linearity of the mean",
    "a constant does not vary",
    "constants move out",
    "constants in a covariance",
    "place by place",
    "activation of a known distribution",
    "kurtosis by cumulants",
    "skewness by cumulants",
    "cumulant by moments",
    "central moment by moments",
    "variance by moments",
    "covariance by moments",
    "multinomial expansion",
}


def test_every_rule_assumes_what_its_theorem_needs() -> None:
    found = {rule.name: [a.kind for a in rule.assumptions(Structure(), rule.example())] for rule in RULES}
    assert {name: kinds for name, kinds in found.items() if kinds} == ASSUMED
    assert {name for name, kinds in found.items() if not kinds} == IDENTITIES


def test_only_the_gaussian_limit_is_a_limit_and_it_comes_last() -> None:
    assert [rule.name for rule in RULES if rule.limit] == ["the Gaussian limit"] == [RULES[-1].name]
    assert RULES[-1].limit == "fan_in -> oo"


@pytest.mark.parametrize("position", [0, 1])
def test_remainders_hold_under_what_else_is_averaged(position: int) -> None:
    requirement = weighted_sum.requirements[position]
    parts = {**requirement.witness(), "rest": RandomVariable("y", "Uniform(0, 1)")}
    assert requirement.remainder is not None
    truth = derive(weighted_sum.claim(**parts)).result
    formula = derive(weighted_sum.formula(**parts)).result
    assert truth != formula
    assert truth == formula + derive(requirement.remainder(**parts)).result


def test_numbers_of_single_variables_come_last_in_a_proof() -> None:
    assert {rule.name for rule in RULES if rule.is_value} == {
        "a constant does not vary",
        "activation of a known distribution",
        "a sum of normals is normal",
        "average over the rows",
        "moments of the distributions",
    }
