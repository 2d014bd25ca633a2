"""Moments of distributions as they are asked for: orders, existence, and what was found before."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import sympy as sp

from varprop.errors import ParameterError, brief

if TYPE_CHECKING:
    from varprop.model.distributions.base import Distribution

__all__ = ["MAX_ORDER", "cached", "central_moment", "cumulant", "order", "positive_part_moment", "raw_moment"]

MAX_ORDER = 200


def order(k: object, least: int) -> int:
    if isinstance(k, bool) or not isinstance(k, (int, np.integer, sp.Integer)) or not least <= k <= MAX_ORDER:
        raise ParameterError(
            f"moment of order {brief(k, 40)}",
            "not an order",
            f"Use a whole number from {least} to {MAX_ORDER}.",
        )
    return int(k)


@lru_cache(maxsize=4096)
def cached(what: Callable[[Distribution, int], sp.Expr], distribution: Distribution, k: int) -> sp.Expr:
    return sp.sympify(what(distribution, k))


def _require(distribution: Distribution, k: int) -> None:
    if distribution.moment_exists(k) is not True:
        distribution._refuse_moment(f"E X^{k}", *distribution.why_no_moment(k))


def raw_moment(distribution: Distribution, k: int) -> sp.Expr:
    _require(distribution, k)
    return distribution._moment(k) if k else sp.Integer(1)


def central_moment(distribution: Distribution, k: int) -> sp.Expr:
    _require(distribution, max(k, 1))
    return distribution._central_moment(k) if k > 1 else sp.Integer(1 - k)


def cumulant(distribution: Distribution, k: int) -> sp.Expr:
    _require(distribution, k)
    return distribution._cumulant(k) if k > 1 else distribution.moment(1)


def positive_part_moment(distribution: Distribution, k: int) -> sp.Expr:
    low, high = distribution.support
    if high.is_nonpositive:
        return sp.Integer(0)
    _require(distribution, k)
    if low.is_nonnegative:
        return distribution.moment(k)
    if k % 2 == 0 and distribution.symmetric:
        return distribution.moment(k) / 2
    return distribution._positive_part_moment(k)
