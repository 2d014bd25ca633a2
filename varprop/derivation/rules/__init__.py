"""All rules, in the order they are tried: weakest assumptions first, exact before limit."""

from __future__ import annotations

from varprop.derivation.rules.addends import (
    goodman,
    independent_addends,
    independent_copies,
    orthogonal_addends,
    uncorrelated_addends,
    uncorrelated_covariance,
)
from varprop.derivation.rules.base import Parts, Requirement, Rule, register
from varprop.derivation.rules.definitions import DEFINITIONS, SHIFTS
from varprop.derivation.rules.gaussian import gaussian_limit, given_inputs, linear_normal
from varprop.derivation.rules.means import (
    activation_value,
    copies,
    independent_factors,
    linearity,
    place_by_place,
    vanishing_factor,
    variable_value,
)
from varprop.derivation.rules.powers import binomial_expansion, coincidences
from varprop.derivation.rules.symmetry import even_function, even_part, odd_part, odd_vanishes, step_part
from varprop.derivation.rules.tables import average_over_rows
from varprop.derivation.rules.weighted import total_expectation, total_variance, weighted_sum

__all__ = ["RULES", "Parts", "Requirement", "Rule"]

RULES: tuple[Rule, ...] = tuple(
    register(rule)
    for rule in (
        average_over_rows,
        variable_value,
        linearity,
        *SHIFTS,
        vanishing_factor,
        weighted_sum,
        independent_factors,
        independent_addends,
        uncorrelated_addends,
        orthogonal_addends,
        total_expectation,
        total_variance,
        goodman,
        independent_copies,
        uncorrelated_covariance,
        odd_vanishes,
        even_function,
        even_part,
        odd_part,
        step_part,
        copies,
        place_by_place,
        activation_value,
        linear_normal,
        given_inputs,
        *DEFINITIONS,
        binomial_expansion,
        coincidences,
        gaussian_limit,
    )
)
