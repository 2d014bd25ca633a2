"""What a factor of a term is: a normal variable, or an input whose law is known in another way."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import sympy as sp
from scipy import special

from varprop.errors import LawError
from varprop.laws.digits import fraction
from varprop.laws.inputs import Discrete, Inputs, Interval, Sided
from varprop.laws.law import Array
from varprop.laws.recognition import Leaf
from varprop.model.activations import HomogeneousActivation, Transformed
from varprop.model.distributions import (
    Distribution,
    Exponential,
    FrozenScipy,
    Laplace,
    LogNormal,
    Mixture,
    Normal,
    Rectified,
    StudentT,
    TruncatedNormal,
    Uniform,
)

__all__ = ["Factor", "Nodes", "factor_of", "leaf_factor", "quadrature"]

Points: TypeAlias = tuple[Array, list[Fraction]]
"""Finitely many values, and their probabilities."""


@dataclass(frozen=True)
class Nodes:
    """A law as finitely many values with weights, for averages of smooth functions to about 1e-13.

    Args:
        values, chances: nodes and weights of a quadrature; the weights sum to 1.
        light: whether E exp(c x^2) is finite for some c > 0.
        estimated: an estimate of the error of averages.
    """

    values: Array
    chances: Array
    light: bool
    estimated: float

    def mapped(self, value: Callable[[Array], Array]) -> Nodes:
        """The law of a function of the variable."""
        return Nodes(value(self.values), self.chances, self.light, self.estimated)


@dataclass(frozen=True)
class Factor:
    """One factor of a term.

    Args:
        normal: mean and std, if it is a normal variable.
        points: values and probabilities, if there are finitely many.
        inputs: its law as an input of normal weights, in units of `size`, where averages have a closed form.
        nodes: its law by quadrature, made when it is asked for.
        size: the scale of `inputs`.
    """

    normal: tuple[float, float] | None = None
    points: Points | None = None
    inputs: Inputs | None = None
    size: float = 1.0
    nodes: Callable[[], Nodes] | None = None

    @property
    def magnitude(self) -> float:
        """A size of the variable, 1 where none is known."""
        return math.hypot(*self.normal) if self.normal else self.size


def factor_of(law: Distribution, what: str) -> Factor:
    """The factor of a distribution without symbols.

    Raises:
        LawError: the distribution is known by moments only, or has no density that is known here.
    """
    if not law.can_draw:
        raise LawError(
            f"the law of {what}",
            f"{law} gives moments only",
            "Use vp.bounds, or a distribution with a density.",
        )
    if law.free_symbols:
        names = ", ".join(sorted(s.name for s in law.free_symbols))
        raise LawError(f"the law of {what}", f"{law} depends on {names}", f"Give at={{'{names}': ...}}.")
    if isinstance(law, Normal):
        mean, std = float(law.mean), root(law.variance)
        return Factor(
            normal=(mean, std), inputs=Sided(mean / std, 1.0, -1.0), size=std, nodes=lambda: _nodes(law)
        )
    points = _points(law)
    if points is not None:
        size = float(np.abs(points[0]).max()) or 1.0
        inputs = Discrete(tuple((points[0] / size).tolist()), tuple(map(float, points[1])))
        return Factor(points=points, inputs=inputs, size=size)
    if isinstance(law, Uniform):
        low, high = float(law.low), float(law.high)
        size = max(abs(low), abs(high))
        return Factor(inputs=Interval(low / size, high / size), size=size, nodes=lambda: _nodes(law))
    sided = _sided(law)
    if sided is not None:
        return sided
    return Factor(nodes=lambda: _nodes(law))


def root(variance: sp.Expr) -> float:
    """The square root as a float, also where the variance itself is none."""
    return float(sp.sqrt(variance))


def leaf_factor(leaf: Leaf) -> Factor:
    """The factor of a variable under activations."""
    distribution: Any = leaf.variable.distribution
    for activation in leaf.activations:
        distribution = Transformed(activation, distribution)
    return factor_of(distribution, leaf.variable.name)


def _points(law: Distribution) -> Points | None:
    if isinstance(law, (Transformed, Rectified)):
        inner = _points(law.parent)
        return None if inner is None else (_activated(law)(inner[0]), inner[1])
    if isinstance(law, Mixture):
        parts = [_points(part) for part in law.components]
        if any(part is None for part in parts):
            return None
        found = [part for part in parts if part is not None]
        shares = [fraction(weight) for weight in law.weights]
        values = np.concatenate([values for values, _ in found])
        return values, [w * p for w, (_, ps) in zip(shares, found, strict=True) for p in ps]
    if law.atoms is None:
        return None
    return np.array([float(value) for value, _ in law.atoms]), [fraction(chance) for _, chance in law.atoms]


def _activated(law: Transformed | Rectified) -> Callable[[Array], Array]:
    if isinstance(law, Rectified):
        return lambda x: np.maximum(x, 0.0)
    return law.activation.value


def _sided(law: Distribution) -> Factor | None:
    """ReLU, leaky ReLU and modulus of a normal variable."""
    above, below, parent = 1.0, 0.0, getattr(law, "parent", None)
    if isinstance(law, Transformed):
        activation = law.activation
        if not isinstance(activation, HomogeneousActivation) or activation.degree != 1:
            return None
        above, below = float(activation.above), float(activation.below)
    elif not isinstance(law, Rectified):
        return None
    if not isinstance(parent, Normal) or (above == 0 and below == 0):
        return None
    mean, std = float(parent.mean), root(parent.variance)
    return Factor(inputs=Sided(mean / std, above, below), size=std, nodes=lambda: _nodes(law))


DENSITIES: dict[type[Distribution], Callable[[Any, Array], Array]] = {
    Normal: lambda law, x: _normal(x, float(law.mean), root(law.variance)),
    Uniform: lambda law, x: np.full(x.shape, 1 / float(law.high - law.low)),
    Laplace: lambda law, x: _laplace(x - float(law.mean), math.sqrt(float(law.variance) / 2)),
    Exponential: lambda law, x: np.exp(-x / float(law.mean)) / float(law.mean),
    LogNormal: lambda law, x: _normal(np.log(x), float(law.log_mean), root(law.log_variance)) / x,
    StudentT: lambda law, x: _student(x, *map(float, (law.dof, law.center, law.width))),
    TruncatedNormal: lambda law, x: _normal(x, float(law.parent_mean), root(law.parent_variance)),
    FrozenScipy: lambda law, x: np.asarray(law.frozen.pdf(x), dtype=np.float64),
}
LIGHT = (Normal, Uniform, TruncatedNormal)


def _normal(x: Array, mean: float, std: float) -> Array:
    density: Array = np.exp(-(((x - mean) / std) ** 2) / 2) / (math.sqrt(2 * math.pi) * std)
    return density


def _laplace(x: Array, b: float) -> Array:
    density: Array = np.exp(-np.abs(x) / b) / (2 * b)
    return density


def _student(x: Array, dof: float, center: float, width: float) -> Array:
    log_norm = special.gammaln((dof + 1) / 2) - special.gammaln(dof / 2) - math.log(dof * math.pi) / 2
    y = (x - center) / width
    density: Array = np.exp(log_norm - (dof + 1) / 2 * np.log1p(y * y / dof)) / width
    return density


def quadrature(law: Distribution, kinks: Array | None = None, fine: int = 1) -> Nodes:
    """Values and weights that stand for a law in averages of functions that are smooth beside their kinks.

    Args:
        law: a distribution without symbols.
        kinks: where the function has kinks, beside 0.
        fine: how many times more nodes than usual; two rules that agree show that there are enough.

    Raises:
        LawError: its density is not known.
    """
    points = _points(law)
    if points is not None:
        return _few(points)
    return _nodes(law, () if kinks is None else tuple(kinks.tolist()), fine)


def _few(points: Points) -> Nodes:
    return Nodes(points[0], np.array(points[1], dtype=np.float64), light=True, estimated=0.0)


def _nodes(law: Distribution, kinks: tuple[float, ...] = (), fine: int = 1) -> Nodes:
    """Nodes on each side of 0, of the center and of other places where kinks may be."""
    if isinstance(law, (Transformed, Rectified)):
        inner = tuple(law.activation.breaks.tolist()) if isinstance(law, Transformed) else ()
        return _nodes(law.parent, inner + kinks, fine).mapped(_activated(law))
    if isinstance(law, Mixture):
        parts = []
        for part in law.components:
            points = _points(part)
            parts.append(_nodes(part, kinks, fine) if points is None else _few(points))
        shares = [float(weight) for weight in law.weights]
        return Nodes(
            np.concatenate([part.values for part in parts]),
            np.concatenate([w * part.chances for w, part in zip(shares, parts, strict=True)]),
            all(part.light for part in parts),
            max(part.estimated for part in parts),
        )
    density = DENSITIES.get(type(law))
    if density is None or (isinstance(law, FrozenScipy) and not hasattr(law.frozen, "pdf")):
        known = ", ".join(sorted(cls.__name__ for cls in DENSITIES))
        raise LawError(
            f"the law of {law}", "its density is not known here", f"Densities are known for {known}."
        )
    low, high = (float(end) for end in law.support)
    center = float(getattr(law, "mean", 0) if not isinstance(law, (StudentT, FrozenScipy)) else 0)
    center = float(law.center) if isinstance(law, StudentT) else center
    unit = _unit(law)
    cuts = sorted({x for x in (0.0, center, *kinks) if low < x < high})
    ends = [low, *cuts, high]
    rules = []
    for step in (0.12 / fine, 0.18 / fine):
        pieces = [_rule(a, b, unit, step) for a, b in pairwise(ends)]
        x = np.concatenate([nodes for nodes, _ in pieces])
        with np.errstate(all="ignore"):
            weights = np.concatenate([w for _, w in pieces]) * density(law, x)
        rules.append((x, np.where(np.isfinite(weights), weights, 0.0)))
    (x, weights), (_, coarse) = rules
    total, other = float(weights.sum()), float(coarse.sum())
    kept = weights > 0
    if isinstance(law, FrozenScipy):
        light = math.isfinite(low) and math.isfinite(high)
    else:
        light = isinstance(law, LIGHT)
    error = min(
        1.0,
        abs(1 - other / total)
        if isinstance(law, TruncatedNormal)
        else max(abs(1 - total), abs(total - other)),
    )
    if error > 1e-6:
        raise LawError(
            f"the law of {law}", "quadrature of its density did not converge", "Use one with a formula."
        )
    return Nodes(x[kept], weights[kept] / total, light, max(error, 1e-15))


def _unit(law: Distribution) -> float:
    if isinstance(law, StudentT):
        return float(law.width)
    if isinstance(law, LogNormal):
        return math.exp(float(law.log_mean))
    if isinstance(law, TruncatedNormal):
        return root(law.parent_variance)
    if isinstance(law, FrozenScipy):
        spread = float(law.frozen.ppf(0.75) - law.frozen.ppf(0.25))
        return spread if spread > 0 else 1.0
    return root(law.variance)


def _rule(a: float, b: float, unit: float, step: float) -> tuple[Array, Array]:
    """Trapezoidal nodes in the logarithm of the distance to an end: every size of x is resolved alike."""
    v = np.arange(-round(45 / step), round(45 / step) + 1) * step
    if math.isfinite(a) and math.isfinite(b):
        near, far = special.expit(v), special.expit(-v)
        return np.where(v < 0, a + (b - a) * near, b - (b - a) * far), (b - a) * near * far * step
    grown = unit * np.exp(v)
    return (a + grown if math.isfinite(a) else b - grown), grown * step
