"""Sums of normal weights times inputs known by quadrature."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy import special

from varprop.laws.closed import NormalMixture
from varprop.laws.heavy import RayLaw
from varprop.laws.law import Array, Law
from varprop.laws.recognition import refuse
from varprop.laws.terms import Term
from varprop.model.expressions import Expression
from varprop.numerics.rays import RayInversion

__all__ = ["sum_by_nodes"]


def sum_by_nodes(parts: list[tuple[int, Any]], offset: float, where: Expression) -> Law:
    """Normal weights times inputs known by quadrature, and terms in closed form beside them."""
    (count, part), *others = parts
    if not others and count == 1:
        mean, std, nodes = part
        means = offset + mean * nodes.values
        return NormalMixture(means, std * np.abs(nodes.values), nodes.chances, nodes.estimated)
    logs: list[Callable[[Any], Any]] = []
    light, log_atom, means, variances = True, 0.0, [offset], []
    for count, part in parts:
        if isinstance(part, tuple):
            mean, std, nodes = part
            light &= nodes.light
            x, p = nodes.values, nodes.chances
            still = float(p[x == 0].sum())
            log_atom += count * math.log(still) if still else -math.inf
            first = float(p @ (mean * x))
            means.append(count * first)
            with np.errstate(over="ignore"):
                variances.append(count * float(p @ ((std * x) ** 2 + (mean * x - first) ** 2)))
            logs.append(partial(_node_logs, count, mean, std, x, p))
        else:
            log_atom += count * math.log(part.atom) if part.atom else -math.inf
            means.append(count * part.mean)
            variances.append(count * part.variance)
            logs.append(partial(_term_logs, count, part))
    if sum(count for count, _ in parts) > 10**12:
        refuse(where, "more than 10^12 terms")
    std = math.sqrt(math.fsum(variances))
    heavy = [nodes for _, part in parts if isinstance(part, tuple) for nodes in [part[2]]]
    unit = std if light else _spread(parts)
    atom = math.exp(log_atom)
    spike = sum(count for count, _ in parts) == 1 or bool(atom)
    inversion = RayInversion(lambda s: sum(part(s / unit) for part in logs), atom)
    result = RayLaw(inversion, offset, unit, (math.fsum(means), std), spike)
    result.estimated = max(nodes.estimated for nodes in heavy)
    return result


def _spread(parts: list[tuple[int, Any]]) -> float:
    """A scale of the sum that exists for every law: by medians."""
    total = 0.0
    for count, part in parts:
        if isinstance(part, tuple):
            mean, std, nodes = part
            order = np.argsort(np.abs(nodes.values))
            half = np.searchsorted(np.cumsum(nodes.chances[order]), 0.75)
            total += count * (std**2 + mean**2) * float(nodes.values[order][min(half, len(order) - 1)]) ** 2
        else:
            total += count * part.variance
    return math.sqrt(total) or 1.0


def _node_logs(count: int, mean: float, std: float, x: Array, p: Array, s: Any) -> Any:
    value = np.empty(s.shape, dtype=np.complex128)
    for k in range(0, len(s), 256):
        part = s[k : k + 256, None]
        with np.errstate(all="ignore"):
            powers = part * (mean * x) + (part * (std * x)) ** 2 / 2
            moved = np.where(powers.real < -700, -1.0, special.expm1(powers))
        value[k : k + 256] = count * special.log1p(np.nan_to_num(moved, nan=-1.0) @ p)
    return value


def _term_logs(count: int, term: Term, s: Any) -> Any:
    return count * term.log_mgf(s)
