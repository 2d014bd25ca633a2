"""Laws given the inputs, or over the rows of a table: normal weights and random signs times numbers."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from varprop.laws.closed import NormalMixture
from varprop.laws.digits import fraction
from varprop.laws.enumeration import sum_of_discrete
from varprop.laws.factors import leaf_factor
from varprop.laws.law import Array, Law
from varprop.laws.recognition import Addend, refuse, rows_of
from varprop.model.expressions import Expression
from varprop.model.variables import Variable

__all__ = ["conditional_law"]


def conditional_law(
    expression: Expression, addends: list[Addend], fixed: Mapping[Variable, Array], offset: Fraction
) -> Law:
    """Normal weights times given numbers or the rows of a table, and random signs times given numbers."""
    rows = 1
    means, stds = np.full(1, float(offset)), np.zeros(1)
    signed: list[tuple[int, list[Fraction], list[Fraction]]] = []
    tables: set[Variable] = set()
    seen: set[Variable] = set()
    for a in addends:
        known = [leaf for leaf in a.leaves if leaf.variable in fixed or leaf.variable.is_joint]
        rest = [leaf for leaf in a.leaves if leaf not in known]
        values = np.full((1, *(int(index.axis.size) for index in a.bound)), a.coefficient)
        for leaf in known:
            if set(leaf.node.slots) - set(a.bound) or len(leaf.node.slots) > 1:
                refuse(expression, f"{leaf.node} stands at one place", "Sum over its places.")
            place = [1 + a.bound.index(slot) for slot in leaf.node.slots]
            data = leaf.applied(fixed[leaf.variable])[None] if leaf.variable in fixed else rows_of(leaf)
            if leaf.variable not in fixed:
                tables.add(leaf.variable)
            shape = [len(data)] + [1] * len(a.bound)
            for k, slot in enumerate(place):
                shape[slot] = data.shape[1 + k]
            values = values * data.reshape(shape)
        flat = values.reshape(len(values), -1)
        rows = max(rows, len(flat))
        if not rest:
            means = means + flat.sum(axis=1)
            if len(flat) == 1:
                offset += sum(map(fraction, flat[0].tolist()), Fraction(0))
            continue
        if (
            len(rest) != 1
            or rest[0].variable in seen
            or any(index not in rest[0].node.slots for index in a.bound)
        ):
            refuse(
                expression,
                "given the inputs it is no sum of independent weights",
                "Use one weight per input.",
            )
        seen.add(rest[0].variable)
        factor = leaf_factor(rest[0])
        if factor.normal is not None:
            mean, std = factor.normal
            means = means + mean * flat.sum(axis=1)
            stds = np.hypot(stds, std * norms(flat))
        elif factor.points is not None and len(flat) == 1:
            x, p = factor.points
            signed += [(1, [fraction(c) * fraction(v) for v in x.tolist()], p) for c in flat[0]]
        else:
            refuse(
                expression, f"given the inputs, {rest[0].variable.name} is not normal", "Use normal weights."
            )
    if len(tables) > 1:
        refuse(expression, "it meets two tables", "Join them into one.")
    if signed:
        if stds.any():
            refuse(expression, "it mixes random signs and normal weights")
        return sum_of_discrete(signed, offset)
    return NormalMixture(np.broadcast_to(means, rows), np.broadcast_to(stds, rows), np.full(rows, 1 / rows))


def norms(rows: Array) -> Array:
    """The Euclidean length of each row, at every size."""
    top = np.abs(rows).max(axis=1, initial=0.0)
    scaled = rows / np.where(top > 0, top, 1.0)[:, None]
    length: Array = top * np.sqrt((scaled**2).sum(axis=1))
    return length
