"""Bounds that hold for every distribution that meets their hypotheses; each refuses to speak outside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import sympy as sp

from varprop.errors import LawError, ParameterError
from varprop.model.scalars import scalar
from varprop.render import Bullets, Document, Documented, Math, Text

__all__ = [
    "Bound",
    "Hypothesis",
    "berry_esseen",
    "cantelli",
    "chebyshev",
    "holds",
    "paley_zygmund",
    "positive",
    "require",
    "stated",
    "vysochanskii_petunin",
]

Status: TypeAlias = Literal["proven", "refuted", "unknown"]


@dataclass(frozen=True)
class Hypothesis:
    """What a theorem needs, and whether it is so.

    Args:
        text: the hypothesis.
        status: "proven", "refuted" or "unknown".
        reason: what proves or refutes it, or what would prove it.
    """

    text: str
    status: Status = "proven"
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.text}: {self.status}" + (f" ({self.reason})" if self.reason else "")


@dataclass(frozen=True)
class Bound(Documented):
    """A bound on a probability, or on a distance of distribution functions.

    Args:
        theorem: its name.
        event: what is bounded.
        side: "at most" or "at least".
        value: the bound, exact or to all digits of a float; `float(bound)` converts it.
        formula: the bound in symbols.
        source: who proved it, and where.
        hypotheses: all of them, proven.
    """

    theorem: str
    event: str
    side: Literal["at most", "at least"]
    value: sp.Expr
    formula: str
    source: str
    hypotheses: tuple[Hypothesis, ...]

    def __float__(self) -> float:
        return float(self.value)

    def document(self) -> Document:
        """Return the statement with its hypotheses."""
        statement = Text(
            f"{self.event} is {self.side} ", Math(sp.latex(self.value), f"{float(self):.6g}"), "."
        )
        why = Text(f"{self.theorem}: {self.formula}. Source: {self.source}.")
        return Document([statement, why, Bullets(map(str, self.hypotheses))])

    def __str__(self) -> str:
        return f"{self.event} is {self.side} {float(self):.6g} [{self.theorem}]"


def require(theorem: str, hypotheses: Iterable[Hypothesis]) -> tuple[Hypothesis, ...]:
    """The hypotheses, all proven.

    Raises:
        LawError: one is not; the message names it.
    """
    given = tuple(hypotheses)
    for hypothesis in given:
        if hypothesis.status != "proven":
            raise LawError(
                f"the bound of {theorem}",
                f"its hypothesis fails: {hypothesis.text} is {hypothesis.status}",
                hypothesis.reason or "Use a bound that does not need it.",
            )
    return given


def positive(value: object, what: str, zero: bool = False) -> sp.Expr:
    number = scalar(value, what)
    if not number.is_number or number.is_negative or (number.is_zero and not zero):
        raise ParameterError(f"{what} = {number}", "outside its domain", f"Choose a number {what} > 0.")
    return number


def holds(text: str, condition: object, reason: str = "") -> Hypothesis:
    return Hypothesis(text, "proven") if condition else Hypothesis(text, "refuted", reason)


def chebyshev(variance: object, t: object) -> Bound:
    """P(|z - E z| >= t) <= Var z / t^2.

    Args:
        variance: of z, finite.
        t: above 0.

    Raises:
        ParameterError: a number is outside its domain.

    Example:
        >>> float(chebyshev(variance=1, t=2))
        0.25

    Source: Chebyshev, Des valeurs moyennes, 1867.
    """
    v, far_off = positive(variance, "variance", zero=True), positive(t, "t")
    return Bound(
        "Chebyshev",
        f"P(|z - E z| >= {far_off})",
        "at most",
        sp.Min(1, v / far_off**2),
        "variance / t^2",
        "Chebyshev 1867",
        (Hypothesis("the variance is finite"),),
    )


def cantelli(variance: object, t: object) -> Bound:
    """P(z - E z >= t) <= Var z / (Var z + t^2).

    Args:
        variance: of z, finite.
        t: above 0.

    Raises:
        ParameterError: a number is outside its domain.

    Example:
        >>> cantelli(variance=1, t=2).value
        1/5

    Source: Cantelli, Sui confini della probabilita, 1928.
    """
    v, far_off = positive(variance, "variance", zero=True), positive(t, "t")
    return Bound(
        "Cantelli",
        f"P(z - E z >= {far_off})",
        "at most",
        v / (v + far_off**2),
        "variance / (variance + t^2)",
        "Cantelli 1928",
        (Hypothesis("the variance is finite"),),
    )


def vysochanskii_petunin(variance: object, t: object, *, unimodal: bool | Hypothesis | None) -> Bound:
    """P(|z - E z| >= t) <= 4 Var z / (9 t^2) for a unimodal z and t^2 >= 8 Var z / 3.

    Normal weights of mean zero make z unimodal for any inputs.

    Args:
        variance: of z, finite.
        t: above 0.
        unimodal: whether z is: True, False, or None if nothing is known.

    Raises:
        LawError: z is not known to be unimodal, or t is too small.

    Example:
        >>> vysochanskii_petunin(variance=1, t=3, unimodal=True).value
        4/81

    Source: Vysochanskii, Petunin, Justification of the 3 sigma rule for unimodal distributions, 1980.
    """
    v, far_off = positive(variance, "variance", zero=True), positive(t, "t")
    shape = unimodal if isinstance(unimodal, Hypothesis) else stated("z is unimodal", unimodal)
    far = holds("t^2 >= 8 variance / 3", bool(far_off**2 >= 8 * v / 3), "Chebyshev holds for smaller t.")
    hypotheses = require("Vysochanskii and Petunin", (Hypothesis("the variance is finite"), shape, far))
    return Bound(
        "Vysochanskii and Petunin",
        f"P(|z - E z| >= {far_off})",
        "at most",
        4 * v / (9 * far_off**2),
        "4 variance / (9 t^2)",
        "Vysochanskii, Petunin 1980",
        hypotheses,
    )


def stated(text: str, value: bool | None) -> Hypothesis:
    status: Status = "unknown" if value is None else "proven" if value else "refuted"
    return Hypothesis(text, status)


def paley_zygmund(second_moment: object, fourth_moment: object, share: object) -> Bound:
    """P(z^2 >= share E z^2) >= (1 - share)^2 (E z^2)^2 / E z^4: z is not small too often.

    Args:
        second_moment: E z^2, above 0.
        fourth_moment: E z^4.
        share: in [0, 1].

    Raises:
        LawError: the share is outside [0, 1], or no distribution has these moments.

    Example:
        >>> paley_zygmund(1, 3, "1/4").value
        3/16

    Source: Paley, Zygmund, On some series of functions (3), 1932.
    """
    second = positive(second_moment, "second_moment")
    fourth, part = positive(fourth_moment, "fourth_moment"), positive(share, "share", zero=True)
    hypotheses = require(
        "Paley and Zygmund",
        (
            holds("0 <= share <= 1", bool(part <= 1), "Choose a share of at most 1."),
            holds("E z^4 >= (E z^2)^2", bool(fourth >= second**2), "Correct the moments."),
        ),
    )
    return Bound(
        "Paley and Zygmund",
        f"P(z^2 >= {part} E z^2)",
        "at least",
        (1 - part) ** 2 * second**2 / fourth,
        "(1 - share)^2 (E z^2)^2 / E z^4",
        "Paley, Zygmund 1932",
        hypotheses,
    )


IDENTICAL, GENERAL = sp.Rational(4690, 10000), sp.Rational(5583, 10000)


def berry_esseen(
    variances: object,
    third_moments: object,
    *,
    n: object = None,
    independent: bool | Hypothesis | None = True,
) -> Bound:
    """sup |P(z - E z <= x std z) - Phi(x)| <= C sum_i E|y_i - E y_i|^3 / (Var z)^(3/2) of independent y_i.

    C = 0.4690 for n terms of one law, else 0.5583. It bounds how normal z is; no digit here rests on it.

    Args:
        variances: of a term, or one per term.
        third_moments: E|y_i - E y_i|^3, likewise.
        n: the number of terms of one law.
        independent: whether the terms are.

    Raises:
        LawError: the terms are not known to be independent.
        ParameterError: the numbers do not fit together.

    Example:
        >>> round(float(berry_esseen(1, 1, n=100)), 4)
        0.0469

    Source: Shevtsova, On the absolute constants in the Berry-Esseen inequality and its structural and
        nonuniform improvements, 2013 (both constants).
    """
    alike = n is not None
    if alike:
        count = positive(n, "n")
        v, rho = positive(variances, "variance"), positive(third_moments, "third_moment")
        ratio = [rho / v ** sp.Rational(3, 2)]
        total = IDENTICAL * ratio[0] / sp.sqrt(count)
    else:
        each = [positive(v, "variance", zero=True) for v in _listed(variances)]
        thirds = [positive(r, "third_moment", zero=True) for r in _listed(third_moments)]
        if len(each) != len(thirds) or not any(each):
            raise ParameterError(
                "berry_esseen", "variances and third moments do not fit", "Give one of each per term."
            )
        ratio = [r / v ** sp.Rational(3, 2) for v, r in zip(each, thirds, strict=True) if v]
        total = GENERAL * sp.Add(*thirds) / sp.Add(*each) ** sp.Rational(3, 2)
    given = (
        independent
        if isinstance(independent, Hypothesis)
        else stated("the terms are independent", independent)
    )
    lyapunov = holds(
        "E|y|^3 >= (Var y)^(3/2)", all(float(r) >= 1 - 1e-12 for r in ratio), "Correct the moments."
    )
    hypotheses = require("Berry and Esseen", (given, lyapunov))
    return Bound(
        "Berry and Esseen",
        "sup_x |P(z - E z <= x std z) - Phi(x)|",
        "at most",
        sp.Min(1, total),
        f"{'0.4690' if alike else '0.5583'} sum E|y - E y|^3 / (Var z)^(3/2)",
        "Shevtsova 2013",
        hypotheses,
    )


def _listed(value: object) -> Sequence[object]:
    if isinstance(value, str) or not isinstance(value, (Sequence, np.ndarray)) or not len(value):
        raise ParameterError(f"{value!r:.60}", "not a list of numbers", "Give one number per term.")
    return list(value)
