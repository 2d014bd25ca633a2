"""Means: linearity, values of single variables, products of independent factors, identical copies."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from varprop.derivation import assumptions as assume
from varprop.derivation.quantities import Cumulant, Mean, Quantity, Variance
from varprop.derivation.rules.base import Parts, Requirement, Rule
from varprop.derivation.rules.worlds import axis, normal, table_row, uneven_weights, uniform
from varprop.derivation.structure import Structure, opened_sum
from varprop.errors import MomentError
from varprop.model.activations import relu
from varprop.model.distributions import Constant, Distribution, FrozenScipy
from varprop.model.expressions import (
    Add,
    Apply,
    Expression,
    Product,
    Scalar,
    SumOver,
    powers_of,
    product,
    split_coefficient,
    sum_over,
)
from varprop.model.joint import Joint
from varprop.model.variables import RandomVariable

__all__ = [
    "activation_value",
    "copies",
    "independent_factors",
    "linearity",
    "mean_line",
    "place_by_place",
    "vanishing_factor",
    "variable_value",
]


def _match_linear(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if isinstance(noun, Mean):
        e = noun.expression
        if isinstance(e, (Scalar, Add)) or split_coefficient(e)[0] != 1:
            yield {"e": e}


def mean_line(e: Expression) -> sp.Expr:
    """Return the mean of an expression with its coefficient in front."""
    coefficient, core = split_coefficient(e)
    return coefficient if isinstance(core, Scalar) else coefficient * Mean(core)


def _linear_formula(e: Expression) -> sp.Expr:
    return sp.Add(*map(mean_line, opened_sum(e)))


linearity = Rule(
    name="linearity of the mean",
    theorem=r"\operatorname{E}[s a + t b] = s \operatorname{E}[a] + t \operatorname{E}[b]",
    source="definition",
    match=_match_linear,
    claim=lambda e: Mean(e),
    formula=_linear_formula,
    example=lambda: {"e": 2 * uniform("x") - 3 * uniform("y") + 1},
)


def entry_moment(leaf: RandomVariable, order: int) -> sp.Expr:
    """Return E[leaf^order], or raise if the entries of a joint variable do not grant it."""
    law = leaf.distribution
    if isinstance(law, Joint):
        numbered = all(slot.kind == "position" for slot in leaf.slots)
        return law.entry_moment(order, tuple(slot.key for slot in leaf.slots) if numbered else None)
    return law.moment(order)


def _match_variable(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    e = noun.expression
    if isinstance(noun, Mean):
        factors = powers_of(e)
        if len(factors) == 1 and isinstance(factors[0][0], RandomVariable) and split_coefficient(e)[0] == 1:
            yield {"noun": noun}
    elif isinstance(noun, (Variance, Cumulant)) and isinstance(e, RandomVariable):
        yield {"noun": noun}


def _variable_formula(noun: Quantity) -> sp.Expr:
    ((leaf, power),) = powers_of(noun.expression)
    assert isinstance(leaf, RandomVariable)
    if isinstance(noun, Mean):
        return entry_moment(leaf, power)
    law = leaf.distribution
    if isinstance(law, Distribution):
        return law.cumulant(noun.order) if noun.order else law.variance
    if noun.order not in (None, 2):
        raise MomentError(f"{noun} of {law}", "only second moments of its entries are known")
    return entry_moment(leaf, 2) - entry_moment(leaf, 1) ** 2


def _variable_precision(noun: Quantity) -> str:
    ((leaf, _),) = powers_of(noun.expression)
    assert isinstance(leaf, RandomVariable)
    return leaf.distribution.precision


def _variable_note(noun: Quantity) -> str:
    ((leaf, power),) = powers_of(noun.expression)
    assert isinstance(leaf, RandomVariable)
    law = leaf.distribution
    if not isinstance(law, FrozenScipy):
        return ""
    if isinstance(noun, Mean):
        error = law.moment_error(power)
    else:
        error = max(law.moment_error(k, central=True) for k in range(2, (noun.order or 2) + 1))
    return f"{noun} of {law} by quadrature, error estimate {error:.1g}"


variable_value = Rule(
    name="moments of the distributions",
    theorem=r"\operatorname{E}[x^k], \operatorname{Var}[x] \text{ as declared by the distribution of } x",
    source="the distribution's own formula",
    match=_match_variable,
    claim=lambda noun: noun,
    formula=_variable_formula,
    example=lambda: {"noun": Mean(uniform("x") ** 3)},
    is_value=True,
    precision=_variable_precision,
    note=_variable_note,
)


def _match_vanishing(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if isinstance(noun, Mean) and isinstance(noun.expression, Product):
        for base, power in noun.expression.factors:
            if isinstance(base, RandomVariable) and power == 1:
                yield {"factor": base, "rest": assume.without_factor(noun.expression, base)}


vanishing_factor = Rule(
    name="a centered independent factor",
    theorem=(
        r"\operatorname{E}[w g] = 0 \text{ if } \operatorname{E}[w]"
        r" = 0 \text{ and } w \text{ is independent of } g"
    ),
    source="product rule for independent variables",
    match=_match_vanishing,
    claim=lambda factor, rest: Mean(factor * rest),
    formula=lambda factor, rest: sp.S.Zero,
    example=lambda: {"factor": normal("w"), "rest": uniform("x")},
    requirements=(
        Requirement(
            test=lambda structure, factor, rest: assume.zero_mean(structure, factor),
            witness=lambda: {"factor": uniform("w"), "rest": uniform("x")},
            remainder=lambda factor, rest: Mean(factor) * Mean(rest),
        ),
        Requirement(
            test=lambda structure, factor, rest: assume.independent(structure, factor, rest),
            witness=lambda: {"factor": (w := normal("w")), "rest": w * uniform("x")},
        ),
    ),
)


def _match_factors(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if isinstance(noun, Mean) and isinstance(noun.expression, Product) and noun.expression.coefficient == 1:
        factors = noun.expression.factors
        groups = structure.groups([base for base, _ in factors])
        if len(groups) > 1:
            yield {"groups": tuple(product(sp.S.One, [factors[k] for k in group]) for group in groups)}


def _product_of(groups: tuple[Expression, ...]) -> Expression:
    return product(sp.S.One, [(group, 1) for group in groups])


independent_factors = Rule(
    name="independent factors",
    theorem=r"\operatorname{E}[a b] = \operatorname{E}[a] \operatorname{E}[b]",
    source="Billingsley, Probability and Measure, 3rd ed., (21.18)",
    match=_match_factors,
    claim=lambda groups: Mean(_product_of(groups)),
    formula=lambda groups: sp.Mul(*(Mean(group) for group in groups)),
    example=lambda: {"groups": (uniform("x") ** 2, uniform("y"))},
    requirements=(
        Requirement(
            test=lambda structure, groups: assume.independent(structure, *groups),
            witness=lambda: {"groups": ((x := normal("x")) ** 2, x**2)},
        ),
    ),
)


def _match_copies(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if isinstance(noun, Mean) and isinstance(noun.expression, SumOver):
        yield {"total": noun.expression}


copies = Rule(
    name="identical copies",
    theorem=r"\operatorname{E}\left[\sum_{i=1}^n e_i\right] = n \operatorname{E}[e_i]",
    source="linearity of the mean",
    match=_match_copies,
    claim=lambda total: Mean(total),
    formula=lambda total: total.index.axis.size * Mean(assume.shown_at(total.body, total.index)),
    example=lambda: {"total": sum_over((i := axis()), uniform("x", i) ** 2)},
    requirements=(
        Requirement(
            test=lambda structure, total: assume.alike(structure, (total,), Scalar(1)),
            witness=lambda: {"total": sum_over((x := table_row("x")).axis, x**2)},
        ),
    ),
)


MOST_PLACES = 64


def _match_places(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if isinstance(noun, Mean) and isinstance(noun.expression, SumOver):
        total = noun.expression
        size = total.index.axis.size
        numbered = all(i.kind == "position" for i in total.indices if i.axis == total.index.axis)
        if (
            numbered
            and size.is_Integer
            and size <= MOST_PLACES
            and assume.alike(structure, (total,), Scalar(1)).verdict == "refuted"
        ):
            yield {"total": total}


def _each_place(total: SumOver) -> sp.Expr:
    axis_ = total.index.axis
    return sp.Add(*(mean_line(total.opened(axis_.at(place))) for place in range(int(axis_.size))))


place_by_place = Rule(
    name="place by place",
    theorem=(
        r"\operatorname{E}\left[\sum_i e_i\right] ="
        r" \operatorname{E}[e_0] + \operatorname{E}[e_1] + \dots"
    ),
    source="linearity of the mean",
    match=_match_places,
    claim=lambda total: Mean(total),
    formula=_each_place,
    example=lambda: {"total": sum_over((w := uneven_weights("w")).axis, w**2 * uniform("x", w.axis))},
)


def law_of(x: Expression) -> Distribution | None:
    """Return the distribution of a single variable, or of a number: places that coincide can leave one."""
    if isinstance(x, Scalar):
        return Constant(x.value)
    return (
        x.distribution if isinstance(x, RandomVariable) and isinstance(x.distribution, Distribution) else None
    )


def _match_activation(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if isinstance(noun, Mean):
        powers = dict(powers_of(noun.expression))
        for base, power in powers.items():
            if not isinstance(base, Apply) or not set(powers) <= {base, base.argument}:
                continue
            x = base.argument
            if law_of(x) is not None:
                yield {"activation": base.activation, "x": x, "k": power, "times": powers.get(x, 0)}


activation_value = Rule(
    name="activation of a known distribution",
    theorem=r"\operatorname{E}[\phi(x)^k x^m] \text{ in closed form}",
    source="integration of phi^k x^m against the density of x",
    match=_match_activation,
    claim=lambda activation, x, k, times: Mean(Apply.of(activation, x) ** k * x**times),
    formula=lambda activation, x, k, times: activation.moment(k, law_of(x), times),
    example=lambda: {"activation": relu, "x": normal("x", mean=1, variance=2), "k": 3, "times": 0},
    is_value=True,
)
