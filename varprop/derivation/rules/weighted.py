"""Sums of weights times inputs: only the weights need to be well behaved."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from varprop.derivation import assumptions as assume
from varprop.derivation.quantities import Covariance, Mean, Quantity, Variance
from varprop.derivation.rules.base import Parts, Requirement, Rule
from varprop.derivation.rules.means import mean_line
from varprop.derivation.rules.worlds import axis, normal, table_row, uneven_weights, uniform
from varprop.derivation.structure import Structure, fresh_places
from varprop.model.axes import Axis
from varprop.model.expressions import Expression, Scalar, SumOver, multiply, powers_of, sum_over
from varprop.model.variables import RandomVariable
from varprop.model.walks import replace_indices

__all__ = ["total_expectation", "total_variance", "weighted_sum"]


def _readings(total: SumOver) -> Iterator[Parts]:
    """Yield every way to read the terms of a sum as w * g with a single variable w."""
    for base, power in powers_of(total.body):
        if isinstance(base, RandomVariable) and power == 1:
            yield {"total": total, "w": base, "g": assume.without_factor(total.body, base)}


def _match(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if isinstance(noun, Variance) and isinstance(noun.expression, SumOver):
        for reading in _readings(noun.expression):
            yield {**reading, "rest": None}
    elif isinstance(noun, Mean):
        for base, power in powers_of(noun.expression):
            if isinstance(base, SumOver) and power == 2:
                rest = assume.without_factor(noun.expression, base, 2)
                for reading in _readings(base):
                    yield {**reading, "rest": rest}


def _claim(total: SumOver, w: RandomVariable, g: Expression, rest: Expression | None) -> Quantity:
    return Variance(total) if rest is None else Mean(total**2 * rest)


def summed(total: SumOver, body: Expression) -> Expression:
    """Return the sum of another body over the places of a sum."""
    place = total.index.axis.places(1)[0]
    return sum_over(place, replace_indices(body, {total.index: place}))


def weight(total: SumOver, w: RandomVariable) -> Expression:
    """Return the weight at one arbitrary place."""
    return assume.shown_at(w, total.index)


def _formula(total: SumOver, w: RandomVariable, g: Expression, rest: Expression | None) -> sp.Expr:
    squares = summed(total, g**2)
    return Variance(weight(total, w)) * mean_line(squares if rest is None else squares * rest)


def _mean_remainder(total: SumOver, w: RandomVariable, g: Expression, rest: Expression | None) -> sp.Expr:
    inputs = summed(total, g)
    if rest is None:
        return Mean(weight(total, w)) ** 2 * (sp.S.Zero if isinstance(inputs, Scalar) else Variance(inputs))
    return Mean(weight(total, w)) ** 2 * mean_line(inputs**2 * rest)


def _cross_remainder(total: SumOver, w: RandomVariable, g: Expression, rest: Expression | None) -> sp.Expr:
    first, second = fresh_places(total.index, 2)
    w1, w2 = (replace_indices(w, {total.index: place}) for place in (first, second))
    g1, g2 = (replace_indices(g, {total.index: place}) for place in (first, second))
    n = total.index.axis.size
    return n * (n - 1) * Covariance(w1, w2) * mean_line(g1 * g2 * (Scalar(1) if rest is None else rest))


def world(along: Axis, w: RandomVariable, g: Expression) -> Parts:
    """Return the parts of sum_i w g."""
    total = sum_over(along, w * g)
    assert isinstance(total, SumOver)
    bound = {along.index: total.index}
    return {"total": total, "w": replace_indices(w, bound), "g": replace_indices(g, bound)}


def _variance_of(parts: Parts) -> Parts:
    return {**parts, "rest": None}


def _holds() -> Parts:
    x = table_row("x")
    return _variance_of(world(x.axis, normal("w", x.axis), x))


def _off_center() -> Parts:
    i = axis()
    return _variance_of(world(i, normal("w", i, mean=1), uniform("x", i)))


def _one_weight() -> Parts:
    i = axis()
    return _variance_of(world(i, normal("w"), uniform("x", i)))


def _uneven() -> Parts:
    w = uneven_weights("w")
    return _variance_of(world(w.axis, w, normal("x", w.axis)))


def _input_is_weight() -> Parts:
    i = axis()
    w = normal("w", i)
    return _variance_of(world(i, w, uniform("x", i) * w))


def uncorrelated(structure: Structure, total: SumOver, w: RandomVariable, **_: object) -> assume.Assumption:
    """The weights at different places are uncorrelated."""
    return assume.uncorrelated_along(structure, w, total.index)


def one_variance(structure: Structure, total: SumOver, w: RandomVariable, **_: object) -> assume.Assumption:
    """The weights at all places have one variance."""
    return assume.one_along(structure, w, total.index, "variance")


def independent_of_inputs(
    structure: Structure, total: SumOver, w: RandomVariable, g: Expression, rest: Expression | None = None
) -> assume.Assumption:
    """All weights together are independent of all inputs together, and of what else is averaged."""
    inputs = multiply(g, Scalar(1) if rest is None else rest)
    assumption = assume.independent(structure, w, inputs)
    if isinstance(inputs, Scalar):
        return assume.Assumption(assumption.kind, "", (), assumption.verdict)
    shown = tuple(assume.shown_at(part, total.index) for part in (w, g))
    return assume.Assumption(
        assumption.kind,
        f"all {{0}} are independent of all {{1}} along {total.index.axis.name}",
        shown,
        assumption.verdict,
    )


weighted_sum = Rule(
    name="centered uncorrelated weights",
    theorem=(
        r"\operatorname{Var}\left[\sum_i w_i g_i\right]"
        r" = \operatorname{Var}[w] \operatorname{E}\left[\sum_i g_i^2\right]"
        r", \quad g \text{ with any dependence}"
    ),
    source="expansion of the square: the cross terms E[w_i w_k] E[g_i g_k] vanish",
    match=_match,
    claim=_claim,
    formula=_formula,
    example=_holds,
    requirements=(
        Requirement(
            test=lambda structure, total, w, g, rest: assume.zero_mean(structure, weight(total, w)),
            witness=_off_center,
            remainder=_mean_remainder,
        ),
        Requirement(test=uncorrelated, witness=_one_weight, remainder=_cross_remainder),
        Requirement(test=one_variance, witness=_uneven),
        Requirement(test=independent_of_inputs, witness=_input_is_weight),
    ),
)


def _match_total(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if isinstance(noun, Variance) and isinstance(noun.expression, SumOver):
        for reading in _readings(noun.expression):
            if not isinstance(reading["g"], Scalar):
                yield reading


def _total_formula(total: SumOver, w: RandomVariable, g: Expression) -> sp.Expr:
    one = weight(total, w)
    return Variance(one) * Mean(summed(total, g**2)) + Mean(one) ** 2 * Variance(summed(total, g))


def _bare(witness: Parts) -> Parts:
    return {key: part for key, part in witness.items() if key != "rest"}


def _off_center_alone() -> Parts:
    return _bare(_off_center())


total_variance = Rule(
    name="total variance, given the inputs",
    theorem=(
        r"\operatorname{Var}\left[\sum_i w_i g_i\right]"
        r" = \operatorname{Var}[w] \operatorname{E}\left[\sum_i g_i^2\right]"
        r" + \operatorname{E}[w]^2 \operatorname{Var}\left[\sum_i g_i\right]"
    ),
    source="law of total variance, Var[z] = E Var[z|g] + Var E[z|g] (Weiss, A Course in Probability, 2005)",
    match=_match_total,
    claim=lambda total, w, g: Variance(total),
    formula=_total_formula,
    example=_off_center_alone,
    requirements=(
        Requirement(
            test=uncorrelated,
            witness=lambda: _bare(_one_weight()),
            remainder=lambda total, w, g: _cross_remainder(total, w, g, None),
        ),
        Requirement(test=one_variance, witness=lambda: _bare(_uneven())),
        Requirement(test=independent_of_inputs, witness=lambda: _bare(_input_is_weight())),
    ),
)


def _match_expectation(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if isinstance(noun, Mean):
        for base, power in powers_of(noun.expression):
            if isinstance(base, SumOver) and power == 1:
                rest = assume.without_factor(noun.expression, base)
                for reading in _readings(base):
                    if not isinstance(reading["g"], Scalar):
                        yield {**reading, "rest": rest}


def _one_mean(structure: Structure, total: SumOver, w: RandomVariable, **_: object) -> assume.Assumption:
    return assume.one_along(structure, w, total.index, "mean")


def _off_center_with_rest() -> Parts:
    return {**_off_center(), "rest": uniform("y")}


def _uneven_means() -> Parts:
    w = table_row("w")
    return {**world(w.axis, w, uniform("x", w.axis)), "rest": Scalar(1)}


def _square() -> Parts:
    i = axis()
    w = uniform("w", i)
    return {**world(i, w, w), "rest": Scalar(1)}


total_expectation = Rule(
    name="total expectation, given the inputs",
    theorem=(
        r"\operatorname{E}\left[\sum_i w_i g_i\, h\right]"
        r" = \operatorname{E}[w] \operatorname{E}\left[\sum_i g_i\, h\right]"
    ),
    source="E[z] = E E[z|g, h] (Billingsley, Probability and Measure, 1995, (34.6))",
    match=_match_expectation,
    claim=lambda total, w, g, rest: Mean(total * rest),
    formula=lambda total, w, g, rest: Mean(weight(total, w)) * Mean(summed(total, g) * rest),
    example=_off_center_with_rest,
    requirements=(
        Requirement(test=_one_mean, witness=_uneven_means),
        Requirement(test=independent_of_inputs, witness=_square),
    ),
)
