"""Quantities in terms of means: identities that need no assumption."""

from __future__ import annotations

from collections.abc import Iterator
from math import factorial, prod

import sympy as sp
from sympy.utilities.iterables import partitions

from varprop.derivation.assumptions import zero_mean
from varprop.derivation.quantities import (
    CentralMoment,
    Covariance,
    Cumulant,
    Kurtosis,
    Mean,
    Moment,
    Quantity,
    Skewness,
    Variance,
)
from varprop.derivation.rules.base import Parts, Requirement, Rule
from varprop.derivation.rules.powers import LARGEST_POWER, MOST_TERMS
from varprop.derivation.rules.worlds import axis, normal, uniform
from varprop.derivation.structure import Structure
from varprop.errors import WorkLimitError
from varprop.model.expressions import Add, Expression, Scalar, split_coefficient, sum_over

__all__ = ["DEFINITIONS", "SHIFTS"]


def _of(kind: type[Quantity]):  # type: ignore[no-untyped-def]
    def match(noun: Quantity, structure: Structure) -> Iterator[Parts]:
        if isinstance(noun, kind):
            yield {"e": noun.expression, "k": noun.order} if noun.order else {"e": noun.expression}

    return match


def _weighted_sum() -> Expression:
    i = axis()
    return sum_over(i, normal("w", i) * uniform("x", i))


def _example() -> Parts:
    return {"e": uniform("x") * normal("w")}


variance_definition = Rule(
    name="variance by moments",
    theorem=r"\operatorname{Var}[e] = \operatorname{E}[e^2] - \operatorname{E}[e]^2",
    source="definition",
    match=_of(Variance),
    claim=lambda e: Variance(e),
    formula=lambda e: Moment(e, 2) - Mean(e) ** 2,
    example=_example,
)


def _match_covariance(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if isinstance(noun, Covariance):
        yield {"a": noun.expressions[0], "b": noun.expressions[1]}


def _covariance_example() -> Parts:
    x = uniform("x")
    return {"a": x, "b": x * uniform("y")}


covariance_definition = Rule(
    name="covariance by moments",
    theorem=r"\operatorname{Cov}[a, b] = \operatorname{E}[a b] - \operatorname{E}[a] \operatorname{E}[b]",
    source="definition",
    match=_match_covariance,
    claim=lambda a, b: Covariance(a, b),
    formula=lambda a, b: Mean(a * b) - Mean(a) * Mean(b),
    example=_covariance_example,
)


def _match_self(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if isinstance(noun, Covariance) and not any(isinstance(e, Scalar) for e in noun.expressions):
        (c, a), (d, b) = (split_coefficient(e) for e in noun.expressions)
        if a is b or c * d != 1:
            yield {"a": a, "b": b, "c": c * d}


covariance_factors = Rule(
    name="constants in a covariance",
    theorem=(
        r"\operatorname{Cov}[s a, t b] = s t \operatorname{Cov}[a,"
        r" b], \quad \operatorname{Cov}[a, a] = \operatorname{Var}[a]"
    ),
    source="definition",
    match=_match_self,
    claim=lambda a, b, c: Covariance(c * a, b),
    formula=lambda a, b, c: c * (Variance(a) if a is b else Covariance(a, b)),
    example=lambda: {"a": uniform("x"), "b": uniform("y"), "c": sp.Integer(3)},
)


def _central_formula(e: Expression, k: int) -> sp.Expr:
    mean = Mean(e)
    terms = (sp.binomial(k, j) * (Moment(e, j) if j else 1) * (-mean) ** (k - j) for j in range(k + 1))
    return sum(terms, start=sp.S.Zero)


central_definition = Rule(
    name="central moment by moments",
    theorem=r"\mu_k[e] = \sum_j \binom{k}{j} \operatorname{E}[e^j] (-\operatorname{E}[e])^{k-j}",
    source="binomial theorem",
    match=_of(CentralMoment),
    claim=lambda e, k: CentralMoment(e, k),
    formula=_central_formula,
    example=lambda: {"e": uniform("x") * normal("w", mean=1), "k": 3},
)


def cumulant_from_moments(e: Expression, k: int, centered: bool) -> sp.Expr:
    """Return the cumulant of order k in raw moments: a term for each way to part k into whole numbers."""
    if k > LARGEST_POWER:
        raise WorkLimitError(
            f"the cumulant of order {k}",
            f"in moments it has more than {MOST_TERMS} terms",
            f"Ask for an order up to {LARGEST_POWER}.",
        )
    terms = []
    for sizes in partitions(k):
        if centered and 1 in sizes:
            continue
        blocks = sum(sizes.values())
        alike = prod(factorial(size) ** many * factorial(many) for size, many in sizes.items())
        ways = (-1) ** (blocks - 1) * factorial(blocks - 1) * factorial(k) // alike
        terms.append(sp.Mul(ways, *(Moment(e, size) ** many for size, many in sizes.items())))
    return sp.Add(*terms)


cumulant_centered = Rule(
    name="cumulant of a centered quantity",
    theorem=(
        r"\kappa_2 = \operatorname{E}[e^2], \quad \kappa_4 ="
        r" \operatorname{E}[e^4] - 3 \operatorname{E}[e^2]^2"
    ),
    source="Stuart, Ord, Kendall's Advanced Theory of Statistics I, 3.14, with mean zero",
    match=_of(Cumulant),
    claim=lambda e, k: Cumulant(e, k),
    formula=lambda e, k: cumulant_from_moments(e, k, centered=True),
    example=lambda: {"e": _weighted_sum(), "k": 4},
    requirements=(
        Requirement(
            test=lambda structure, e, k: zero_mean(structure, e),
            witness=lambda: {"e": uniform("x"), "k": 4},
            remainder=lambda e, k: (
                cumulant_from_moments(e, k, centered=False) - cumulant_from_moments(e, k, centered=True)
            ),
        ),
    ),
)

cumulant_definition = Rule(
    name="cumulant by moments",
    theorem=(
        r"\kappa_k[e] = \sum_\pi (-1)^{|\pi| - 1} (|\pi| - 1)! \prod_{B \in \pi} \operatorname{E}[e^{|B|}],"
        r" \quad \pi \text{ over partitions of } k \text{ things}"
    ),
    source="Leonov, Shiryaev, On a method of calculation of semi-invariants, 1959",
    match=_of(Cumulant),
    claim=lambda e, k: Cumulant(e, k),
    formula=lambda e, k: cumulant_from_moments(e, k, centered=False),
    example=lambda: {"e": uniform("x"), "k": 4},
)

skewness_definition = Rule(
    name="skewness by cumulants",
    theorem=r"\operatorname{Skew}[e] = \kappa_3[e] / \operatorname{Var}[e]^{3/2}",
    source="definition",
    match=_of(Skewness),
    claim=lambda e: Skewness(e),
    formula=lambda e: Cumulant(e, 3) / Variance(e) ** sp.Rational(3, 2),
    example=lambda: {"e": uniform("x") ** 2},
)

kurtosis_definition = Rule(
    name="kurtosis by cumulants",
    theorem=r"\operatorname{Kurt}[e] = 3 + \kappa_4[e] / \operatorname{Var}[e]^2",
    source="definition",
    match=_of(Kurtosis),
    claim=lambda e: Kurtosis(e),
    formula=lambda e: 3 + Cumulant(e, 4) / Variance(e) ** 2,
    example=lambda: {"e": uniform("x") ** 2},
)


def _match_shift(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if not isinstance(noun, (Variance, CentralMoment, Cumulant, Skewness, Kurtosis)):
        return
    if isinstance(noun, Cumulant) and noun.order == 1:
        return
    e = noun.expression
    if isinstance(e, Add):
        kept = [term for term in e.terms if not isinstance(term, Scalar)]
        shift = sum((term.value for term in e.terms if isinstance(term, Scalar)), start=sp.S.Zero)
        core = Add.of(kept)
    else:
        shift, core = sp.S.Zero, e
    factor, core = split_coefficient(core)
    if isinstance(core, Scalar) or (shift, factor) == (0, 1):
        return
    if isinstance(noun, (Skewness, Kurtosis)) and not factor.is_positive:
        return
    yield {"noun": noun.over(core), "factor": factor, "shift": shift}


def _scaled(noun: Quantity, factor: sp.Expr, shift: sp.Expr) -> sp.Expr:
    if isinstance(noun, (Skewness, Kurtosis)):
        return noun
    return factor ** (2 if isinstance(noun, Variance) else noun.order) * noun


constants = Rule(
    name="constants move out",
    theorem=(
        r"\operatorname{Var}[s e + t] = s^2 \operatorname{Var}[e],"
        r" \quad \kappa_k[s e + t] = s^k \kappa_k[e] \ (k \ge 2)"
    ),
    source="definition",
    match=_match_shift,
    claim=lambda noun, factor, shift: noun.over(factor * noun.expression + shift),
    formula=_scaled,
    example=lambda: {"noun": Variance(uniform("x")), "factor": sp.Integer(3), "shift": sp.Integer(2)},
)


def _match_constant(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if isinstance(noun, (Variance, CentralMoment, Cumulant)) and isinstance(noun.expression, Scalar):
        yield {"noun": noun}


def _constant_value(noun: Quantity) -> sp.Expr:
    first = isinstance(noun, Cumulant) and noun.order == 1
    return noun.expression.value if first and isinstance(noun.expression, Scalar) else sp.S.Zero


constant_value = Rule(
    name="a constant does not vary",
    theorem=r"\operatorname{Var}[c] = 0",
    source="definition",
    match=_match_constant,
    claim=lambda noun: noun,
    formula=_constant_value,
    example=lambda: {"noun": Variance(Scalar(3))},
    is_value=True,
)

SHIFTS = (constant_value, constants, covariance_factors)
DEFINITIONS = (
    kurtosis_definition,
    skewness_definition,
    cumulant_centered,
    cumulant_definition,
    central_definition,
    variance_definition,
    covariance_definition,
)
