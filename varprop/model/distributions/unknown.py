"""A distribution of which only some moments are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import sympy as sp

from varprop.errors import ParameterError, brief
from varprop.model.distributions.arguments import text_of
from varprop.model.distributions.base import Array, Distribution, Shape
from varprop.model.distributions.orders import MAX_ORDER
from varprop.model.domains import Parameter
from varprop.model.scalars import ScalarLike, scalar

__all__ = ["Unknown"]

KEYWORDS = {3: "third_moment", 4: "fourth_moment"}


@dataclass(frozen=True, init=False, repr=False)
class Unknown(Distribution):
    """A distribution known by its mean, its variance and whatever else is declared; it cannot be drawn from.

    Args:
        mean: E X.
        variance: E (X - E X)^2.
        symmetric: True if X and -X have one law, False if not, None if unknown.
        third_moment: E X^3.
        fourth_moment: E X^4.
        moments: more raw moments by order, such as `{6: 15}`.
        atom_at_zero: whether P(X = 0) > 0; None if unknown.

    Raises:
        ParameterError: no distribution has these moments, or a symmetric one was given a mean.

    Example:
        >>> Unknown(variance="v", symmetric=True, fourth_moment="m").moment(3)
        0
        >>> Unknown(variance=2).moment(4)
        Traceback (most recent call last):
        ...
        varprop.errors.MomentError: E X^4 of Unknown(variance=2): not declared. Declare it: fourth_moment=...

    Source: Shohat, Tamarkin, The Problem of Moments, 1943 (moment matrices are positive semidefinite).
    """

    parameters = (
        Parameter("mean", r"\mu", typical=(-2, 2)),
        Parameter("variance", r"\sigma^2", low=0, low_open=True, typical=(0.1, 4)),
    )
    mean: sp.Expr
    variance: sp.Expr
    declared_symmetric: bool | None
    declared_atom: bool | None
    higher: tuple[tuple[int, sp.Expr], ...]

    def __init__(
        self,
        mean: ScalarLike = 0,
        variance: ScalarLike = 1,
        *,
        symmetric: bool | None = None,
        third_moment: ScalarLike | None = None,
        fourth_moment: ScalarLike | None = None,
        moments: Mapping[int, ScalarLike] | None = None,
        atom_at_zero: bool | None = None,
    ) -> None:
        given: dict[str, object] = {"symmetric": symmetric, "atom_at_zero": atom_at_zero}
        for name, flag in given.items():
            if flag is not None and not isinstance(flag, bool):
                shown = f"Unknown({name}={brief(flag, 60)})"
                raise ParameterError(shown, "not a truth value", "Use True, False or None.")
        higher = _declared({3: third_moment, 4: fourth_moment}, moments)
        flags = {"declared_symmetric": symmetric, "declared_atom": atom_at_zero}
        self._set(mean=mean, variance=variance, higher=higher, **flags)

    def _check(self) -> None:
        if self.declared_symmetric:
            if not self.mean.is_zero:
                raise ParameterError(str(self), "symmetric means about zero", "Give mean=0.")
            odd = [k for k, value in self.higher if k % 2 and not value.is_zero]
            if odd:
                missing = f"E X^{odd[0]} of a symmetric distribution is 0"
                raise ParameterError(str(self), missing, "Drop one of the two.")
        if self.higher:
            self._check_feasible()

    def _check_feasible(self) -> None:
        known: dict[int, sp.Expr] = {0: sp.Integer(1), 1: self.mean, 2: self.variance + self.mean**2}
        known.update(self.higher)
        for inequality, value in _necessary(known):
            if value.is_negative:
                missing = f"no distribution has these moments, since {inequality}"
                raise ParameterError(str(self), missing, "Correct one of them.")

    def _moment(self, k: int) -> sp.Expr:
        if k == 1:
            return self.mean
        if k == 2:
            return self.variance + self.mean**2
        if k % 2 and self.declared_symmetric:
            return sp.Integer(0)
        value = dict(self.higher).get(k)
        if value is None:
            self._refuse_moment(f"E X^{k}", *self.why_no_moment(k))
        return value

    def _central_moment(self, k: int) -> sp.Expr:
        return self.variance if k == 2 else super()._central_moment(k)

    def moment_exists(self, k: int) -> bool | None:
        """True up to the highest declared moment, None beyond: it may not exist."""
        return True if k <= max((2, *(order for order, _ in self.higher))) else None

    def why_no_moment(self, k: int) -> tuple[str, str]:
        keyword = f"{KEYWORDS[k]}=..." if k in KEYWORDS else f"moments={{{k}: ...}}"
        return "not declared", f"Declare it: {keyword}"

    def _positive_part_moment(self, k: int) -> sp.Expr:
        self._refuse_moment(
            f"E max(X, 0)^{k}", "moments do not determine it", "Even powers follow from symmetric=True."
        )

    def _positive_probability(self) -> sp.Expr:
        self._refuse_moment(
            "P(X > 0)", "moments do not determine it", "symmetric=True with atom_at_zero=False gives 1/2."
        )

    @property
    def symmetric(self) -> bool | None:
        return False if self.mean.is_nonzero else self.declared_symmetric

    @property
    def atom_at_zero(self) -> bool | None:
        return self.declared_atom

    @property
    def support(self) -> tuple[sp.Expr, sp.Expr]:
        return -sp.oo, sp.oo

    @property
    def can_draw(self) -> bool:
        return False

    def _draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        raise ParameterError(
            f"draw from {self}", "only its moments are known", "Use one with these moments, such as Normal."
        )

    def _arguments(self) -> dict[str, Any]:
        higher = dict(self.higher)
        return {
            "mean": self.mean,
            "variance": self.variance,
            "symmetric": self.declared_symmetric,
            "third_moment": higher.pop(3, None),
            "fourth_moment": higher.pop(4, None),
            "moments": higher or None,
            "atom_at_zero": self.declared_atom,
        }

    def in_full(self) -> str:
        """Return its text with mean and variance, also the usual ones: they are all that is known."""
        told = (f"{name}={text_of(value)}" for name, value in self._arguments().items() if value is not None)
        return f"Unknown({', '.join(told)})"

    def latex(self) -> str:
        return rf"\left(\mu = {sp.latex(self.mean)},\ \sigma^2 = {sp.latex(self.variance)}\right)"


def _declared(
    named: Mapping[int, ScalarLike | None], moments: Mapping[int, ScalarLike] | None
) -> tuple[tuple[int, sp.Expr], ...]:
    given: dict[int, object] = {k: value for k, value in named.items() if value is not None}
    if moments is not None and not isinstance(moments, Mapping):
        raise ParameterError(
            f"Unknown(moments={brief(moments, 60)})", "not a mapping", "Write moments={6: 15}."
        )
    for k, value in (moments or {}).items():
        if isinstance(k, bool) or not isinstance(k, (int, sp.Integer)) or not 3 <= k <= MAX_ORDER:
            raise ParameterError(
                f"Unknown(moments={{{brief(k, 40)}: ...}})",
                "not an order above 2",
                "Use mean and variance below.",
            )
        if int(k) in given:
            raise ParameterError("Unknown", f"E X^{k} is given twice", "Give it once.")
        given[int(k)] = value
    return tuple((k, scalar(given[k], f"Unknown: E X^{k}")) for k in sorted(given))


def _necessary(known: Mapping[int, sp.Expr]) -> Iterator[tuple[str, sp.Expr]]:
    """Expressions that are nonnegative for every distribution: minors of the moment matrix, and Lyapunov."""
    half = sorted(k // 2 for k in known if k % 2 == 0)
    for i, j in combinations(half, 2):
        if i + j in known:
            inequality = f"E X^{2 * i} E X^{2 * j} >= (E X^{i + j})^2" if i else f"E X^{2 * j} >= (E X^{j})^2"
            yield inequality, sp.expand(known[2 * i] * known[2 * j] - known[i + j] ** 2)
    for rows in combinations(half, 3):
        if all(i + j in known for i in rows for j in rows):
            yield (
                "kurtosis >= 1 + skewness^2" if rows == (0, 1, 2) else f"the moment matrix of {rows}",
                sp.expand(sp.Matrix([[known[i + j] for j in rows] for i in rows]).det()),
            )
    even = [k for k in sorted(known) if k % 2 == 0 and k]
    for i, j in combinations(even, 2):
        yield f"(E X^{j})^{i} >= (E X^{i})^{j}", known[j] ** i - known[i] ** j
    for k in even:
        yield f"E X^{k} >= 0", known[k]
