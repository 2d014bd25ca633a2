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
from varprop.laws.moments import moment_of
from varprop.laws.recognition import refuse
from varprop.laws.terms import Term
from varprop.model.expressions import Expression
from varprop.numerics.rays import RayInversion

__all__ = ["sum_by_nodes"]


def sum_by_nodes(parts: list[tuple[int, Any]], offset: float, size: float, where: Expression) -> Law:
    """offset + size times normal weights times inputs known by quadrature, and terms in closed form."""
    (count, part), *others = parts
    if not others and count == 1:
        mean, std, nodes = part
        given = [size * mean * nodes.values, size * std * np.abs(nodes.values)]
        mixture = NormalMixture(offset + given[0], given[1], nodes.chances, nodes.estimated)
        first, second = (moment_of(np.hypot(*given), nodes.chances, order) for order in (1, 2))
        if not math.isfinite(first):
            mixture.mean = math.nan
        if not math.isfinite(second):
            mixture.std = math.inf
        else:
            mixture.std = math.sqrt(max(second - (mixture.mean - offset) ** 2, 0.0))
        return mixture
    logs: list[Callable[[Any], Any]] = []
    light, log_atom, means, variances = True, 0.0, [], []
    for count, part in parts:
        if isinstance(part, tuple):
            mean, std, nodes = part
            light &= nodes.light
            x, p = nodes.values, nodes.chances
            still = float(p[x == 0].sum())
            log_atom += count * math.log(still) if still else -math.inf
            exists = math.isfinite(moment_of(x, p, 1))
            first = mean * float(p @ x) if exists else math.nan
            means.append(count * first)
            second = moment_of(x, p, 2) if exists else math.inf
            variances.append(
                count * (second * (std**2 + mean**2) - first**2) if second < math.inf else second
            )
            logs.append(partial(_node_logs, count, mean, std, x, p))
        else:
            log_atom += count * math.log(part.atom) if part.atom else -math.inf
            means.append(count * part.mean)
            variances.append(count * part.variance)
            logs.append(partial(_term_logs, count, part))
    if sum(count for count, _ in parts) > 10**12:
        refuse(where, "more than 10^12 terms")
    std = math.sqrt(math.fsum(variances))
    estimated = max(part[2].estimated for _, part in parts if isinstance(part, tuple))
    unit = std if light else _spread(parts)
    atom = math.exp(log_atom)
    spike = sum(count for count, _ in parts) == 1 or bool(atom)
    inversion = RayInversion(lambda s: sum(part(s / unit) for part in logs), atom).fitted()
    return RayLaw(inversion, offset, unit * size, (offset + size * sum(means), std * size), spike, estimated)


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
    return count * term.log_mgf(s)[0]
