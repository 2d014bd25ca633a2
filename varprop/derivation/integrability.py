"""Whether a mean exists: nothing may be called zero, and no term dropped, before that is known.

Variables at different places are independent, and a product of activations and powers is bounded by a
polynomial. So E|e| is finite as soon as every variable has a moment of the highest power that it takes in e.
"""

from __future__ import annotations

from varprop.derivation.quantities import (
    CentralMoment,
    Covariance,
    Cumulant,
    Kurtosis,
    Mean,
    Quantity,
    Skewness,
)
from varprop.derivation.structure import Root, Structure, meet, root_of
from varprop.errors import MomentError, WorkLimitError
from varprop.model.distributions import Distribution
from varprop.model.expressions import Add, Apply, Expression, Product
from varprop.model.variables import RandomVariable, Variable
from varprop.model.walks import walk

__all__ = ["has_mean", "powers_in", "require_existence"]

MOST_ENTRIES = 2_000_000
"""An expression whose nodes hold more places of variables than this in all is given up."""

ORDERS = {Mean: 1, Skewness: 3, Kurtosis: 4}


def require_existence(structure: Structure, noun: Quantity) -> None:
    """Raise unless the moments that a quantity is made of are known to exist.

    Raises:
        MomentError: one does not exist, or is not known to; the message says of which variable.
    """
    if isinstance(noun, Covariance):
        factors = tuple((e, 1) for e in noun.expressions)
    elif isinstance(noun, (Cumulant, CentralMoment)):
        factors = ((noun.expression, noun.order or 1),)
    else:
        factors = ((noun.expression, ORDERS.get(type(noun), 2)),)
    problem = _problem(structure, factors)
    if problem is not None:
        raise MomentError(f"{noun}", *problem)


def has_mean(structure: Structure, e: Expression) -> bool:
    """Whether E|e| is known to be finite."""
    return _problem(structure, ((e, 1),)) is None


def _problem(structure: Structure, factors: tuple[tuple[Expression, int], ...]) -> tuple[str, str] | None:
    """Return what is missing for the mean of a product to exist, and what would grant it."""
    for e, _ in factors:
        steep = structure.steep(e)
        if steep is not None:
            return (
                f"no bound on the growth of {steep} is known, so its mean may not exist",
                "Give the activation a growth: a whole number d with |phi(x)| <= C (1 + |x|^d)",
            )
    powers: dict[Root, int] = {}
    for e, power in factors:
        for root, degree in powers_in(structure, e).items():
            powers[root] = powers.get(root, 0) + power * degree
    for (variable, places), power in powers.items():
        total = power + sum(
            other_power
            for (other, other_places), other_power in powers.items()
            if other == variable and other_places != places and meet(places, other_places)
        )
        if variable.distribution.moment_exists(total) is not True:
            return _missing(variable, total)
    return None


def _missing(variable: Variable, k: int) -> tuple[str, str]:
    law = variable.distribution
    why, remedy = law.why_no_moment(k) if isinstance(law, Distribution) else ("not declared", "Declare it.")
    return f"it needs E|{variable.name}|^{k} of {variable.name} ~ {law}, and of that: {why}", remedy


def powers_in(structure: Structure, e: Expression) -> dict[Root, int]:
    """Return the highest power that each variable without all moments takes in an expression, by place.

    Raises:
        WorkLimitError: there are too many such places.
    """
    heavy = structure.heavy(e)
    if not heavy:
        return {}
    found: dict[Expression, dict[Root, int]] = {}
    entries = 0
    for node in walk(e, into=lambda node: bool(structure.mask(node) & heavy)):
        if isinstance(node, RandomVariable):
            powers = {root_of(node): 1}
        else:
            inner = [(found.get(child, {}), power) for child, power in _weighted(node)]
            powers = (
                dict(inner[0][0])
                if inner[0][1] == 1
                else {r: d * inner[0][1] for r, d in inner[0][0].items()}
            )
            together = isinstance(node, Product)
            for other, power in inner[1:]:
                for root, degree in other.items():
                    known = powers.get(root, 0)
                    powers[root] = known + power * degree if together else max(known, degree)
        found[node] = powers
        entries += len(powers)
        if entries > MOST_ENTRIES:
            raise WorkLimitError(
                f"the mean of {e}",
                f"whether it exists depends on more than {MOST_ENTRIES} powers of variables",
                "Use distributions that have all moments",
            )
    return found[e]


def _weighted(node: Expression) -> list[tuple[Expression, int]]:
    """Return the children of a node with the powers they are taken to."""
    if isinstance(node, Product):
        return list(node.factors)
    if isinstance(node, Apply):
        return [(node.argument, node.activation.growth)]
    return [(child, 1) for child in (node.terms if isinstance(node, Add) else node.children)]
