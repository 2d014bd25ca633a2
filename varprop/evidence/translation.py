"""From claims to estimands: what simulation is asked, in its own records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from varprop.derivation.quantities import (
    CentralMoment,
    Covariance,
    Cumulant,
    Equal,
    Kurtosis,
    Mean,
    Quantity,
    Skewness,
    Variance,
    nouns,
)
from varprop.errors import CheckError
from varprop.model.expressions import Expression
from varprop.model.sizes import substitute
from varprop.model.walks import specialize
from varprop.simulation.blocks import Estimand, Kind, Side, Term

__all__ = ["Question", "question"]

MOST_TERMS = 2000


@dataclass(frozen=True)
class Question:
    """A claim as simulation is asked about it.

    Args:
        left: a sum of products of estimands.
        right: the same, or a single number.
        exponent: 2 where both sides were squared to be rid of roots of variances, else 1.
        sign: with squared sides, what must be positive for the claim to hold: the product of the unsquared
            sides.
    """

    left: Side
    right: Side
    exponent: int = 1
    sign: Side = ()


def question(claim: Equal, values: Mapping[sp.Symbol, sp.Expr]) -> Question:
    """Translate an equation between polynomials in quantities; quotients are cross-multiplied.

    Args:
        claim: the equation.
        values: a number for every symbol.

    Raises:
        CheckError: a side is no quotient of polynomials in quantities, with at most square roots of
            variances.

    Example:
        >>> from varprop.model.variables import RandomVariable
        >>> x = RandomVariable("x", "Normal()")
        >>> asked = question(Equal(Kurtosis(x), 3), {})
        >>> [[(term.coefficient, len(term.estimands)) for term in side] for side in (asked.left, asked.right)]
        [[(1.0, 1)], [(3.0, 2)]]
    """
    atoms: dict[sp.Symbol, Estimand] = {}
    left, right = (_defined(side, values, atoms) for side in (claim.left, claim.right))
    roots = any(
        power.exp.is_Rational and not power.exp.is_Integer
        for side in (left, right)
        for power in side.atoms(sp.Pow)
        if power.base in atoms
    )
    sign: Side = ()
    exponent = 1
    if roots and 0 not in (left, right):
        exponent = 2
        bare = sp.expand_power_base(left * right, force=True)
        for atom, estimand in atoms.items():
            if estimand.positive:  # its powers do not matter to the sign
                bare = bare.subs(atom, 1)
        sign = _polynomial(bare, atoms, claim)
        left, right = left**2, right**2
    elif roots:
        left, right = (_without_positive(side, atoms) for side in (left, right))
    left, right = _cleared(sp.powdenest(left, force=True), sp.powdenest(right, force=True), atoms)
    sides = _polynomial(left, atoms, claim), _polynomial(right, atoms, claim)
    unit = sides[0][0].coefficient if len(sides[0]) == 1 and sides[0][0].coefficient else 1.0
    scaled = [tuple(Term(term.coefficient / unit, term.estimands) for term in side) for side in sides]
    return Question(scaled[0], scaled[1], exponent, sign)


def _defined(side: sp.Expr, values: Mapping[sp.Symbol, sp.Expr], atoms: dict[sp.Symbol, Estimand]) -> sp.Expr:
    """Put a symbol in the place of every quantity, ratios being written out by their definitions."""
    replaced: dict[Quantity, sp.Expr] = {}
    for noun in nouns(side):
        expressions = tuple(
            specialize(expression, values) if values else expression for expression in noun.expressions
        )
        if isinstance(noun, Skewness):
            third = _atom(Estimand("central moment", expressions, 3), atoms)
            replaced[noun] = third * _atom(Estimand("variance", expressions), atoms) ** sp.Rational(-3, 2)
        elif isinstance(noun, Kurtosis):
            fourth = _atom(Estimand("central moment", expressions, 4), atoms)
            replaced[noun] = fourth * _atom(Estimand("variance", expressions), atoms) ** -2
        else:
            replaced[noun] = _atom(_estimand(noun, expressions), atoms)
    return substitute(side.xreplace(replaced), values)


def _estimand(noun: Quantity, expressions: tuple[Expression, ...]) -> Estimand:
    kinds: tuple[tuple[type[Quantity], Kind], ...] = (
        (Mean, "mean"),
        (Variance, "variance"),
        (Covariance, "covariance"),
        (CentralMoment, "central moment"),
        (Cumulant, "cumulant"),
    )
    for cls, kind in kinds:
        if isinstance(noun, cls):
            if kind == "covariance" and expressions[0] == expressions[1]:
                return Estimand("variance", expressions[:1])
            if noun.order == 2:
                return Estimand("variance", expressions)
            return Estimand(kind, expressions, noun.order or 1)
    raise CheckError(
        f"check of {noun}",
        f"simulation has no estimate of a {type(noun).__name__}",
        "State the claim in means, variances, covariances, moments and cumulants.",
    )


def _atom(estimand: Estimand, atoms: dict[sp.Symbol, Estimand]) -> sp.Symbol:
    for symbol, known in atoms.items():
        if known == estimand:
            return symbol
    new = sp.Dummy(f"q{len(atoms)}", **({"positive": True} if estimand.positive else {"real": True}))
    atoms[new] = estimand
    return new


def _without_positive(side: sp.Expr, atoms: Mapping[sp.Symbol, Estimand]) -> sp.Expr:
    """Against zero, a factor that is a power of a variance does not matter."""
    kept = [
        factor
        for factor in sp.Mul.make_args(sp.factor_terms(side))
        if not (factor.is_Pow and factor.base in atoms and atoms[factor.base].positive)
    ]
    return sp.Mul(*kept)


def _cleared(left: sp.Expr, right: sp.Expr, atoms: Iterable[sp.Symbol]) -> tuple[sp.Expr, sp.Expr]:
    """Multiply both sides by the least common denominator, as far as it holds quantities."""
    known = set(atoms)
    if not any(
        power.exp.is_negative
        for side in (left, right)
        for power in side.atoms(sp.Pow)
        if power.base.free_symbols & known
    ):
        return left, right
    (a, b), (c, d) = (sp.fraction(sp.together(side)) for side in (left, right))
    common = sp.lcm(b, d)
    return sp.cancel(a * common / b), sp.cancel(c * common / d)


def _polynomial(side: sp.Expr, atoms: Mapping[sp.Symbol, Estimand], claim: Equal) -> Side:
    """The terms of a side."""
    remedy = "State the claim as an equation between sums of products of quantities."
    used = [atom for atom in atoms if side.has(atom)]
    if not used:
        return (Term(_float(side, claim)),)
    try:
        polynomial = sp.Poly(side, *used)
    except sp.PolynomialError as problem:
        raise CheckError(
            f"check of {claim}", "a side is not a polynomial in its quantities", remedy
        ) from problem
    terms = polynomial.terms()
    if len(terms) > MOST_TERMS:
        raise CheckError(
            f"check of {claim}", f"a side has {len(terms)} terms, more than {MOST_TERMS}", remedy
        )
    return tuple(
        Term(_float(coefficient, claim), tuple(_repeated(used, powers, atoms)))
        for powers, coefficient in terms
    )


def _repeated(
    used: Sequence[sp.Symbol], powers: Sequence[int], atoms: Mapping[sp.Symbol, Estimand]
) -> Iterator[Estimand]:
    for atom, power in zip(used, powers, strict=True):
        yield from [atoms[atom]] * power


def _float(value: Any, claim: Equal) -> float:
    free: set[sp.Symbol] = getattr(value, "free_symbols", set())
    if free:
        raise CheckError(
            f"check of {claim}",
            f"{', '.join(sorted(map(str, free)))} stands in it in a way that is no polynomial",
            "Give values: at={...}, or state the claim without roots and quotients.",
        )
    number = complex(value)
    if number.imag or number.real != number.real:
        raise CheckError(f"check of {claim}", f"{value} is no real number", "Choose other values: at={...}.")
    return number.real
