"""`bounds`: which theorems apply to an expression, proven from its structure, and which of them says most."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import sympy as sp

from varprop.derivation.derive import derive
from varprop.derivation.quantities import Mean, Variance
from varprop.errors import DerivationError, LawError, MomentError, ParameterError, VarpropError
from varprop.laws import bounds as theorems
from varprop.laws.bounds import Bound, Hypothesis
from varprop.laws.factors import leaf_factor
from varprop.laws.recognition import Addend, addends_of, independent
from varprop.model.activations import HomogeneousActivation, Transformed
from varprop.model.distributions import Normal, Unknown
from varprop.model.expressions import Expression
from varprop.model.scalars import scalar
from varprop.render import Bullets, Document, Documented

__all__ = ["Bounds", "Event", "bounds"]

Event: TypeAlias = Literal["large", "above", "small", "normal"]


@dataclass(frozen=True)
class Bounds(Documented):
    """All bounds that apply to an event, the best first, and why the others do not.

    Args:
        found: the bounds, best first.
        refused: theorem and reason of those that do not apply.
    """

    found: tuple[Bound, ...]
    refused: tuple[tuple[str, str], ...]

    @property
    def best(self) -> Bound:
        """The one that says most."""
        return self.found[0]

    def document(self) -> Document:
        """Return the best bound, then the rest."""
        others = [str(bound) for bound in self.found[1:]] + [f"{name}: {why}" for name, why in self.refused]
        return self.best.document() + Document([Bullets(others)] if others else [])


def bounds(
    z: object, t: object = None, *, event: Event = "large", at: Mapping[Any, Any] | None = None
) -> Bounds:
    """The best bound on an event for inputs of unknown distribution; the hypotheses are proven from
    structure.

    Args:
        z: a random expression; its inputs may be `Unknown`.
        t: a threshold above 0; not for "normal".
        event: "large" bounds P(|z - E z| >= t), "above" P(z - E z >= t), "small" P(|z| < t) for E z = 0, and
            "normal" the distance of z from a normal variable.
        at: values of symbols.

    Raises:
        LawError: no theorem applies; the message names the hypothesis that fails, for each.
        ParameterError: t is missing or not above 0, or no such event.

    Examples:
        >>> from varprop.model.neurons import dot
        >>> z = dot(weights="Normal(variance=1/n)", inputs="Unknown(mean=0, variance=1)", fan_in="n")
        >>> found = bounds(z, 3)
        >>> print(found.best)
        P(|z - E z| >= 3) is at most 0.0493827 [Vysochanskii and Petunin]

    Source: see `varprop.laws.bounds`.
    """
    if not isinstance(z, Expression):
        raise ParameterError(f"bounds({z!r:.80})", "it is no random expression", "Give vp.dot(...).")
    if event not in WAYS:
        raise ParameterError(
            f"bounds(event={event!r:.40})", "no such event", f"Choose from {', '.join(WAYS)}."
        )
    expression = z.checked() if at is None else z.at(at)
    if event == "normal":
        size = sp.S.One
    else:
        if t is None:
            raise ParameterError("bounds", "the threshold is missing", "Give t=2, for example.")
        size = scalar(t, "t")
        if not size.is_number or not size.is_positive:
            raise ParameterError(f"bounds(t={size})", "a threshold is above 0", "Give a positive number.")
    found, refused = [], []
    for name, way in WAYS[event].items():
        try:
            found.append(way(expression, size))
        except (LawError, DerivationError, MomentError) as problem:
            refused.append((name, problem.missing or str(problem)))
    if not found:
        reasons = "; ".join(f"{name}: {why}" for name, why in refused)
        raise LawError(f"a bound on {expression}", reasons, "Declare the moment, or give a distribution.")
    if found[0].side == "at most":
        found.sort(key=float)
    return Bounds(tuple(found), tuple(refused))


def _number(value: sp.Expr, what: str) -> sp.Expr:
    if value.free_symbols:
        names = ", ".join(sorted(s.name for s in value.free_symbols))
        raise LawError(what, f"it depends on {names}", f"Give at={{'{names}': ...}}.")
    return value


def _variance(z: Expression) -> sp.Expr:
    return _number(derive(Variance(z)).result, "the variance")


def unimodal(z: Expression) -> Hypothesis:
    """Whether z is proven unimodal: given its inputs it is normal with mean zero, a scale mixture."""
    text = "z is unimodal"
    try:
        addends = addends_of(z, symbolic=True)
    except VarpropError as problem:
        return Hypothesis(text, "unknown", problem.missing)
    seen = set()
    for addend in addends:
        weights = [leaf for leaf in addend.leaves if isinstance(leaf.variable.distribution, Normal)]
        weights = [leaf for leaf in weights if not leaf.activations and leaf.variable.distribution.mean == 0]  # type: ignore[union-attr]
        free = [w for w in weights if all(index in w.node.slots for index in addend.bound)]
        free = [w for w in free if w.variable not in seen]
        if not free:
            return Hypothesis(text, "unknown", f"{addend.where} has no normal weight of mean zero")
        seen.add(min(free, key=lambda w: w.node.rank).variable)
    inputs = [leaf.variable for a in addends for leaf in a.leaves if leaf.variable not in seen]
    if seen & set(inputs):
        return Hypothesis(text, "unknown", "a weight is an input too")
    return Hypothesis(text, "proven", "given its inputs z is normal with mean zero")


def _small(z: Expression, t: sp.Expr) -> Bound:
    """P(|z| < t) <= 1 - (1 - t^2/E z^2)^2 (E z^2)^2 / E z^4."""
    second = _number(derive(Mean(z**2)).result, "the second moment")
    fourth = _number(derive(Mean(z**4)).result, "the fourth moment")
    found = theorems.paley_zygmund(second, fourth, t**2 / second)
    return Bound(
        found.theorem,
        f"P(|z| < {t})",
        "at most",
        1 - found.value,
        f"1 - {found.formula}",
        found.source,
        found.hypotheses,
    )


def _normal(z: Expression, t: sp.Expr) -> Bound:
    addends = [addend for addend in addends_of(z) if addend.leaves]
    if any(isinstance(leaf.variable.distribution, Unknown) for a in addends for leaf in a.leaves):
        raise LawError("Berry and Esseen", "the terms are not known to be independent", "Give distributions.")
    independent(addends, z)
    if len(addends) != 1:
        raise LawError("Berry and Esseen", "the terms are not of one law", "Give the terms to berry_esseen.")
    variance, third = term_moments(addends[0])
    return theorems.berry_esseen(variance, third, n=addends[0].count)


def term_moments(addend: Addend) -> tuple[float, float]:
    """Var y and E|y - E y|^3 of one term whose mean is zero.

    Raises:
        LawError: its mean is not zero, or an absolute moment is not known.
    """
    variance, third = addend.coefficient**2, abs(addend.coefficient) ** 3
    means = []
    for leaf in addend.leaves:
        law: Any = leaf.variable.distribution
        leaf_factor(leaf)
        for activation in leaf.activations:
            law = activation(law)
        means.append(float(law.mean))
        variance *= float(law.moment(2))
        third *= float(_absolute_third(law))
    if math.prod(means) != 0:
        raise LawError("Berry and Esseen", "E|y - E y|^3 is not known for terms with a mean", "Center them.")
    return variance, third


def _absolute_third(law: Any) -> sp.Expr:
    """E|X|^3."""
    if isinstance(law, Transformed) and isinstance(law.activation, HomogeneousActivation):
        phi = law.activation
        return HomogeneousActivation("modulus", abs(phi.above), abs(phi.below), phi.degree).moment(
            3, law.parent
        )
    return law.absolute_moment(3)


Way: TypeAlias = Callable[[Expression, sp.Expr], Bound]
WAYS: dict[str, dict[str, Way]] = {
    "large": {
        "Chebyshev": lambda z, t: theorems.chebyshev(_variance(z), t),
        "Vysochanskii and Petunin": lambda z, t: theorems.vysochanskii_petunin(
            _variance(z), t, unimodal=unimodal(z)
        ),
    },
    "above": {
        "Cantelli": lambda z, t: theorems.cantelli(_variance(z), t),
        "Chebyshev": lambda z, t: theorems.chebyshev(_variance(z), t),
        "Vysochanskii and Petunin": lambda z, t: theorems.vysochanskii_petunin(
            _variance(z), t, unimodal=unimodal(z)
        ),
    },
    "small": {"Paley and Zygmund": _small},
    "normal": {"Berry and Esseen": _normal},
}
