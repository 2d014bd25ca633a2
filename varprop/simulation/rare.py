"""What samples may have missed: values too rare to have been drawn, and results that never vary.

Asymptotic limits see only what was drawn. The laws of the inputs are known, so a value of known small
probability must have had its chance before a verdict rests on the samples; and results that are all equal
count as constant only if no other outcome is possible, or none could have stayed away.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from varprop.model.activations import Transformed
from varprop.model.distributions import Distribution, Mixture, Rectified
from varprop.model.expressions import Add, Apply, Expression, Product, Scalar, SumOver
from varprop.model.variables import RandomVariable, Variable
from varprop.simulation.layout import Law
from varprop.simulation.panel import Coupled, Points
from varprop.simulation.schedule import bodies, number, places_of, schedule

__all__ = ["ENOUGH", "EQUAL", "HARDLY", "atoms", "rarest", "single_valued", "single_values"]

ENOUGH = 40.0
"""Expected occurrences from which a value is taken to have been drawn: it stays away once in e^40 runs."""

EQUAL = "all results are equal, and another value may be rare"
HARDLY = "a rare value of the inputs has hardly been drawn"
MOST_VALUES = 64
SAME = 1e-12


def atoms(law: Any) -> dict[float, float] | None:
    """The values of a law with their probabilities, if there are but a few; else None.

    Example:
        >>> from varprop.model.distributions import Bernoulli
        >>> atoms(Bernoulli("1/4"))
        {0.0: 0.75, 1.0: 0.25}
    """
    if isinstance(law, Coupled) and isinstance(law.shape, Points):
        return {law.mean + law.std * value: chance for value, chance in law.shape.atoms.items()}
    if isinstance(law, Rectified | Transformed):
        inner = atoms(law.parent)
        if inner is None:
            return None
        values = np.array(list(inner))
        moved = law.activation.value(values) if isinstance(law, Transformed) else np.maximum(values, 0.0)
        return _summed(zip(moved.tolist(), inner.values(), strict=True))
    if isinstance(law, Mixture):
        parts = [atoms(part) for part in law.components]
        if any(part is None for part in parts):
            return None
        return _summed(
            (value, float(weight) * p)
            for weight, part in zip(law.weights, parts, strict=True)
            for value, p in (part or {}).items()
        )
    if isinstance(law, Distribution) and law.atoms is not None:
        return _summed((float(value), float(chance)) for value, chance in law.atoms)
    return None


def _summed(pairs: Iterable[tuple[float, float]]) -> dict[float, float]:
    total: dict[float, float] = {}
    for value, chance in pairs:
        if chance > 0:
            total[value] = total.get(value, 0.0) + chance
    return total


def rarest(law: Any) -> float:
    """The smallest known probability of a value or of a component of a law; 1 if none is known.

    Example:
        >>> from varprop.model.distributions import Bernoulli, Constant
        >>> rarest(Mixture([Bernoulli("1/2"), Constant(9)], weights=["0.999", "0.001"]))
        0.001
    """
    found = atoms(law)
    if found is not None:
        return min(found.values())
    if isinstance(law, Rectified | Transformed):
        return rarest(law.parent)
    if isinstance(law, Mixture):
        weighted = zip((float(weight) for weight in law.weights), law.components, strict=True)
        return min((weight * rarest(part) for weight, part in weighted if weight > 0), default=1.0)
    return 1.0


def single_valued(roots: Iterable[Expression], laws: Mapping[Variable, Law]) -> bool:
    """Whether every root has but one possible value, by the values of its variables.

    Example:
        >>> sign = RandomVariable("s", "Rademacher()")
        >>> single_valued([sign**2 + 1], {}), single_valued([sign], {})
        (True, False)
    """
    return all(value is not None for value in single_values(roots, laws))


def single_values(roots: Iterable[Expression], laws: Mapping[Variable, Law]) -> list[float | None]:
    """The only possible value of every root; None where there may be several.

    Places are treated as if they were independent, which can only add values.
    """
    roots = tuple(roots)
    values: dict[Expression, tuple[float, ...] | None] = {}
    for node in schedule(roots):
        values[node] = _values(node, values, laws)
    possible = [values[root] or () for root in roots]
    return [found[0] if len(found) == 1 else None for found in possible]


def _values(
    node: Expression, known: Mapping[Expression, tuple[float, ...] | None], laws: Mapping[Variable, Law]
) -> tuple[float, ...] | None:
    if isinstance(node, Scalar):
        return (number(node.value),)
    if isinstance(node, RandomVariable):
        found = atoms(laws.get(node.variable, node.variable.distribution))
        return None if found is None or len(found) > MOST_VALUES else tuple(found)
    if isinstance(node, Apply):
        inner = known[node.argument]
        return None if inner is None else _distinct(node.activation.value(np.array(inner)))
    if isinstance(node, Product):
        return _product(number(node.coefficient), node.factors, known)
    if isinstance(node, Add):
        return _combined([known[term] for term in node.terms], math.fsum)
    if isinstance(node, SumOver):
        terms = [_canceled(node, *term, laws) or _product(*term, known) for term in bodies(node)]
        body = _combined(terms, math.fsum)
        if body is None or len(body) > 1:
            return None
        return (places_of(node.index.axis) * body[0],)
    return None


def _canceled(
    node: SumOver,
    coefficient: float,
    factors: tuple[tuple[Expression, int], ...],
    laws: Mapping[Variable, Law],
) -> tuple[float, ...] | None:
    """The mean of a term whose places add up to a constant, being drawn as a value and its mirror image."""
    if len(factors) == 1 and isinstance(base := factors[0][0], RandomVariable) and factors[0][1] == 1:
        law = laws.get(base.variable)
        if isinstance(law, Coupled) and base.slots.count(node.index) == 1:
            return (coefficient * law.mean,) if law.cancels(places_of(node.index.axis)) else None
    return None


def _product(
    coefficient: float,
    factors: Iterable[tuple[Expression, int]],
    known: Mapping[Expression, tuple[float, ...] | None],
) -> tuple[float, ...] | None:
    powers = []
    for base, power in factors:
        values = known[base]
        powers.append(None if values is None else _distinct(np.array(values) ** power))
    if (0.0,) in powers:
        return (0.0,)
    return _combined([(coefficient,), *powers], math.prod)


def _combined(parts: list[tuple[float, ...] | None], how: Any) -> tuple[float, ...] | None:
    given = [part for part in parts if part is not None]
    if len(given) < len(parts) or math.prod(map(len, given)) > MOST_VALUES**2:
        return None
    return _distinct(np.array([how(choice) for choice in itertools.product(*given)]))


def _distinct(values: Any) -> tuple[float, ...] | None:
    """The values, those that differ by rounding counted once."""
    ordered = np.sort(np.asarray(values, dtype=np.float64).ravel())
    kept: list[float] = []
    for value in ordered:
        if not kept or abs(value - kept[-1]) > SAME * max(abs(value), abs(kept[-1])):
            kept.append(float(value))
    return tuple(kept) if len(kept) <= MOST_VALUES else None
