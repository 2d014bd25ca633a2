"""Addends and copies: when variances, second moments and cumulants add, and how products spread."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from itertools import combinations

import sympy as sp

from varprop.derivation import assumptions as assume
from varprop.derivation.quantities import Covariance, Cumulant, Mean, Quantity, Variance
from varprop.derivation.rules.base import Parts, Requirement, Rule
from varprop.derivation.rules.means import mean_line
from varprop.derivation.rules.worlds import axis, normal, uniform
from varprop.derivation.structure import Structure, fresh_places, opened_sum
from varprop.model.expressions import (
    Add,
    Expression,
    Product,
    Scalar,
    SumOver,
    powers_of,
    product,
    split_coefficient,
    sum_over,
)

__all__ = [
    "goodman",
    "independent_addends",
    "independent_copies",
    "orthogonal_addends",
    "uncorrelated_addends",
    "uncorrelated_covariance",
]

MOST_CROSS_TERMS = 15
MOST_PAIRS = 190
"""So many pairs of addends, those of 20, are looked at one by one."""


def flattened(e: Expression) -> tuple[Expression, ...]:
    """Return the terms of a sum, nested sums opened."""
    terms: list[Expression] = []
    waiting = [e]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Add):
            waiting.extend(reversed(node.terms))
        else:
            terms.append(node)
    return tuple(terms)


def _scaled(kind: type[Quantity], term: Expression, power: int, *order: int) -> sp.Expr:
    coefficient, core = split_coefficient(term)
    return coefficient**power * kind(core, *order)


def _match_independent(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if isinstance(noun, (Variance, Cumulant)) and isinstance(noun.expression, Add):
        terms = flattened(noun.expression)
        yield {"noun": noun, "terms": terms}
        if terms != noun.expression.terms:
            yield {"noun": noun, "terms": noun.expression.terms}


def _sum_of_parts(noun: Quantity, terms: tuple[Expression, ...]) -> sp.Expr:
    if isinstance(noun, Variance):
        return sp.Add(*(_scaled(Variance, term, 2) for term in terms))
    return sp.Add(*(_scaled(Cumulant, term, noun.order or 1, noun.order or 1) for term in terms))


def _covariances(noun: Quantity, terms: tuple[Expression, ...]) -> sp.Expr:
    """Return the cross terms of a variance; for a cumulant, or many of them, what is left over."""
    if isinstance(noun, Variance) and len(terms) <= MOST_CROSS_TERMS:
        return sp.Add(*(2 * Covariance(a, b) for a, b in combinations(terms, 2)))
    return noun - _sum_of_parts(noun, terms)


def _addends(*terms: Expression) -> Parts:
    return {"noun": Variance(Add.of(terms)), "terms": terms}


def _shared_addends() -> Parts:
    x = uniform("x")
    return _addends(x, x * normal("w", mean=1))


independent_addends = Rule(
    name="independent addends",
    theorem=r"\kappa_k[a + b] = \kappa_k[a] + \kappa_k[b], \text{ in particular } \operatorname{Var}[a + b]",
    source="Stuart, Ord, Kendall's Advanced Theory of Statistics I, 7.18",
    match=_match_independent,
    claim=lambda noun, terms: noun,
    formula=_sum_of_parts,
    example=lambda: _addends(uniform("x"), 2 * normal("b"), uniform("y")),
    requirements=(
        Requirement(
            test=lambda structure, noun, terms: assume.independent(structure, *terms),
            witness=_shared_addends,
            remainder=_covariances,
        ),
    ),
)


def _match_addends(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if isinstance(noun, Variance) and isinstance(noun.expression, Add):
        yield {"total": noun.expression, "terms": opened_sum(noun.expression)}


def _weights_of_their_own(structure: Structure, terms: tuple[Expression, ...], rest: Expression) -> bool:
    """Whether every term but one has a centered factor of a variable that no other term holds."""
    seen, shared = structure.mask(rest), structure.mask(rest)
    for term in terms:
        shared |= seen & structure.mask(term)
        seen |= structure.mask(term)
    without = (
        term
        for term in terms
        if all(structure.mask(w) & shared for w in assume.zero_mean_weights(structure, term))
    )
    return len(list(itertools.islice(without, 2))) < 2


def pairwise_orthogonal(
    structure: Structure, terms: tuple[Expression, ...], rest: Expression
) -> assume.Assumption:
    """E[a b rest] = 0 for every two terms."""
    verdict: assume.Truth = "proven"
    pairs = () if _weights_of_their_own(structure, terms, rest) else combinations(terms, 2)
    for a, b in itertools.islice(pairs, MOST_PAIRS):
        found = assume.orthogonal(structure, a, b * rest)
        if found.verdict != "proven":
            found = assume.orthogonal(structure, b, a * rest)
        if found.verdict != "proven":
            return found
    if pairs and len(terms) * (len(terms) - 1) > 2 * MOST_PAIRS:
        verdict = "unknown"
    ends = (terms[0], terms[-1])
    return assume.Assumption(
        "orthogonality", "E[({0}) * ({1})] = 0, a centered weight or a sign apart", ends, verdict
    )


def _residual(mean: int) -> tuple[Expression, ...]:
    i = axis()
    x = uniform("x", i)
    return (sum_over(i, x), sum_over(i, normal("w", i, mean=mean) * x))


def _total(terms: tuple[Expression, ...]) -> Parts:
    return {"total": Add.of(terms), "terms": terms}


uncorrelated_addends = Rule(
    name="uncorrelated addends",
    theorem=(
        r"\operatorname{Var}[a + b] = \operatorname{Var}[a] +"
        r" \operatorname{Var}[b] \text{ if } \operatorname{Cov}[a, b] = 0"
    ),
    source="Bienayme, 1853",
    match=_match_addends,
    claim=lambda total, terms: Variance(total),
    formula=lambda total, terms: sp.Add(
        *(_scaled(Variance, term, 2) for term in terms if not isinstance(term, Scalar))
    ),
    example=lambda: _total(_residual(0)),
    requirements=(
        Requirement(
            test=lambda structure, total, terms: pairwise_orthogonal(structure, terms, Scalar(1)),
            witness=lambda: _total(_shared_addends()["terms"]),
            remainder=lambda total, terms: _covariances(Variance(total), terms),
        ),
    ),
)


def _match_square(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if isinstance(noun, Mean):
        for base, power in powers_of(noun.expression):
            if isinstance(base, Add) and power == 2:
                rest = assume.without_factor(noun.expression, base, 2)
                yield {"total": base, "terms": opened_sum(base), "rest": rest}


def _orthogonal_formula(total: Expression, terms: tuple[Expression, ...], rest: Expression) -> sp.Expr:
    return sp.Add(*(mean_line(term**2 * rest) for term in terms))


def _products(total: Expression, terms: tuple[Expression, ...], rest: Expression) -> sp.Expr:
    """Return the cross terms of a square; where these are many, what is left over."""
    if len(terms) <= MOST_CROSS_TERMS:
        return sp.Add(*(2 * Mean(a * b * rest) for a, b in combinations(terms, 2)))
    return Mean(total**2 * rest) - _orthogonal_formula(total, terms, rest)


orthogonal_addends = Rule(
    name="orthogonal addends",
    theorem=(
        r"\operatorname{E}[(a + b)^2 c] = \operatorname{E}[a^2 c] +"
        r" \operatorname{E}[b^2 c] \text{ if } \operatorname{E}[a b c] = 0"
    ),
    source="expansion of the square",
    match=_match_square,
    claim=lambda total, terms, rest: Mean(total**2 * rest),
    formula=_orthogonal_formula,
    example=lambda: {**_total(_residual(0)), "rest": Scalar(1)},
    requirements=(
        Requirement(
            test=lambda structure, total, terms, rest: pairwise_orthogonal(structure, terms, rest),
            witness=lambda: {**_total(_shared_addends()["terms"]), "rest": Scalar(1)},
            remainder=_products,
        ),
    ),
)


def _match_covariance(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if isinstance(noun, Covariance):
        yield {"a": noun.expressions[0], "b": noun.expressions[1]}


def _uncorrelated_test(structure: Structure, a: Expression, b: Expression) -> assume.Assumption:
    apart = assume.independent(structure, a, b)
    if apart.verdict == "proven":
        return apart
    crossed = assume.orthogonal(structure, a, b)
    return crossed if crossed.verdict != "unknown" else apart


uncorrelated_covariance = Rule(
    name="no covariance",
    theorem=r"\operatorname{Cov}[a, b] = 0",
    source="independence, or a centered weight that only one side holds",
    match=_match_covariance,
    claim=lambda a, b: Covariance(a, b),
    formula=lambda a, b: sp.S.Zero,
    example=lambda: {"a": normal("w") * (x := uniform("x")), "b": x},
    requirements=(
        Requirement(
            test=_uncorrelated_test,
            witness=lambda: {"a": (x := uniform("x")), "b": x * normal("w", mean=1)},
        ),
    ),
)


def _match_copies(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if isinstance(noun, (Variance, Cumulant)) and isinstance(noun.expression, SumOver):
        yield {"noun": noun, "total": noun.expression}


def _one_copy(noun: Quantity, total: SumOver) -> sp.Expr:
    return total.index.axis.size * noun.over(assume.shown_at(total.body, total.index))


def _copies_remainder(noun: Quantity, total: SumOver) -> sp.Expr:
    first, second = (total.opened(place) for place in fresh_places(total.index, 2))
    n = total.index.axis.size
    return (
        n * (n - 1) * Covariance(first, second)
        if isinstance(noun, Variance)
        else noun - _one_copy(noun, total)
    )


def _copies() -> Parts:
    i = axis()
    total = sum_over(i, uniform("x", i) ** 2)
    return {"noun": Cumulant(total, 3), "total": total}


def _shared_input() -> Parts:
    i = axis()
    total = sum_over(i, uniform("w", i) * uniform("x"))
    return {"noun": Variance(total), "total": total}


def _one_differs() -> Parts:
    """Return a sum whose term at one named place is a square."""
    a = axis("a", 3)
    w = normal("w", a, a)
    (k,) = a.places(1)
    total = sum_over(a, w[a, k] * w[k, a])
    return {"noun": Variance(total), "total": total}


independent_copies = Rule(
    name="independent copies",
    theorem=(
        r"\kappa_k\left[\sum_{i=1}^n e_i\right] = n \kappa_k[e_i],"
        r" \text{ in particular } \operatorname{Var}"
    ),
    source="Stuart, Ord, Kendall's Advanced Theory of Statistics I, 7.18",
    match=_match_copies,
    claim=lambda noun, total: noun,
    formula=_one_copy,
    example=_copies,
    requirements=(
        Requirement(
            test=lambda structure, noun, total: assume.independent_copies(structure, total),
            witness=_shared_input,
            remainder=_copies_remainder,
        ),
        Requirement(
            test=lambda structure, noun, total: assume.alike(structure, (total,), Scalar(1)),
            witness=_one_differs,
        ),
    ),
)


def _match_goodman(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if (
        isinstance(noun, Variance)
        and isinstance(noun.expression, Product)
        and noun.expression.coefficient == 1
    ):
        factors = noun.expression.factors
        groups = structure.groups([base for base, _ in factors])
        if len(groups) > 1:
            yield {"groups": tuple(product(sp.S.One, [factors[k] for k in group]) for group in groups)}


def _goodman_formula(groups: tuple[Expression, ...]) -> sp.Expr:
    squares = sp.Mul(*(Variance(group) + Mean(group) ** 2 for group in groups))
    return squares - sp.Mul(*(Mean(group) ** 2 for group in groups))


goodman = Rule(
    name="variance of a product",
    theorem=(
        r"\operatorname{Var}[a b] = (\operatorname{Var}[a] + \operatorname{E}[a]^2)"
        r"(\operatorname{Var}[b] + \operatorname{E}[b]^2) - \operatorname{E}[a]^2 \operatorname{E}[b]^2"
    ),
    source="Goodman, On the exact variance of products, 1960",
    match=_match_goodman,
    claim=lambda groups: Variance(product(sp.S.One, [(group, 1) for group in groups])),
    formula=_goodman_formula,
    example=lambda: {"groups": (uniform("x"), normal("w", mean=1))},
    requirements=(
        Requirement(
            test=lambda structure, groups: assume.independent(structure, *groups),
            witness=lambda: {"groups": ((x := uniform("x")), x**2)},
        ),
    ),
)
