"""Distributions with tails heavier than the normal one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from varprop.errors import ParameterError
from varprop.model.distributions.arguments import variance_of
from varprop.model.distributions.base import Array, Shape, known
from varprop.model.distributions.families import AroundMean, Continuous, raw_from_central
from varprop.model.domains import Parameter
from varprop.model.scalars import ScalarLike

__all__ = ["Exponential", "Laplace", "LogNormal", "StudentT"]


@dataclass(frozen=True, init=False, repr=False)
class Laplace(AroundMean):
    """The Laplace distribution, density exp(-|x - mean| / b) / (2 b) with 2 b^2 = variance.

    Args:
        mean: the mean.
        variance: the variance; 1 if neither it nor `std` is given.
        std: the standard deviation, instead of the variance.

    Raises:
        ParameterError: the variance is not positive, or both `variance` and `std` are given.

    Example:
        >>> Laplace(variance="v").moment(4), Laplace(variance=2).absolute_moment(3)
        (6*v**2, 6)

    Source: Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 2, chapter 24.
    """

    def _central_moment(self, k: int) -> sp.Expr:
        return sp.Integer(0) if k % 2 else sp.factorial(k) * (self.variance / 2) ** (k // 2)

    def _positive_part_moment(self, k: int) -> sp.Expr:
        b = sp.sqrt(self.variance / 2)
        beyond = sp.factorial(k) * b**k / 2
        if self.mean.is_nonpositive:
            return beyond * sp.exp(self.mean / b)
        if self.mean.is_nonnegative:
            return self.moment(k) - (-1) ** k * beyond * sp.exp(-self.mean / b)
        return self._refuse_moment(
            f"E max(X, 0)^{k}", "the sign of the mean is not known", "Declare it on the symbol."
        )

    def _draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        mean, variance = self._numbers()
        return rng.laplace(mean, np.sqrt(variance / 2), shape)


@dataclass(frozen=True, init=False, repr=False)
class Exponential(Continuous):
    """The exponential distribution, density exp(-x / mean) / mean for x > 0.

    Args:
        mean: the mean, which is also the standard deviation.

    Raises:
        ParameterError: the mean is not positive.

    Example:
        >>> Exponential("m").moment(3), Exponential("m").variance
        (6*m**3, m**2)

    Source: Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 1, chapter 19.
    """

    parameters = (Parameter("mean", r"\mu", low=0, low_open=True, typical=(0.2, 3)),)
    mean: sp.Expr

    def __init__(self, mean: ScalarLike = 1) -> None:
        self._set(mean=mean)

    def _moment(self, k: int) -> sp.Expr:
        return sp.factorial(k) * self.mean**k

    def _cumulant(self, k: int) -> sp.Expr:
        return sp.factorial(k - 1) * self.mean**k

    @property
    def symmetric(self) -> bool:
        return False

    @property
    def support(self) -> tuple[sp.Expr, sp.Expr]:
        return sp.Integer(0), sp.oo

    def _draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        (mean,) = self._numbers()
        return rng.exponential(mean, shape)


@dataclass(frozen=True, init=False, repr=False)
class StudentT(Continuous):
    r"""center + width T, with T of Student's t distribution; the moment of order k exists only for k < dof.

    E T^k = dof^(k/2) \prod_{i=1}^{k/2} (2i - 1)/(dof - 2i) for even k.

    Args:
        dof: the degrees of freedom.
        center: the median, and the mean where it exists.
        width: the factor in front of T; 1 if neither it nor `variance` is given.
        variance: the variance of the whole, instead of the width; needs dof > 2.

    Raises:
        ParameterError: a parameter outside its domain, or a variance that does not exist.

    Example:
        >>> StudentT(dof=5, variance="v").moment(4)
        9*v**2
        >>> StudentT(dof="4 + a").moment(4)
        3*(a + 4)**2/(a*(a + 2))
        >>> StudentT(dof=3).moment(4)
        Traceback (most recent call last):
        ...
        varprop.errors.MomentError: E X^4 of StudentT(dof=3): it does not exist. Choose dof > 4.

    Source: Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 2, chapter 28.
    """

    parameters = (
        Parameter("dof", r"\nu", low=0, low_open=True, typical=(8.5, 30)),
        Parameter("center", r"\mu", typical=(-2, 2)),
        Parameter("width", "b", low=0, low_open=True, typical=(0.3, 2)),
    )
    dof: sp.Expr
    center: sp.Expr
    width: sp.Expr

    def __init__(
        self,
        dof: ScalarLike,
        center: ScalarLike = 0,
        width: ScalarLike | None = None,
        *,
        variance: ScalarLike | None = None,
    ) -> None:
        self._set(dof=dof, center=center, width=_student_width(dof, width, variance))

    def moment_exists(self, k: int) -> bool | None:
        """True for k < dof, False for k >= dof, None if SymPy cannot tell."""
        return True if k == 0 else known((self.dof - k).is_positive)

    def why_no_moment(self, k: int) -> tuple[str, str]:
        if self.moment_exists(k) is False:
            return "it does not exist", f"Choose dof > {k}."
        missing = f"whether it exists depends on {self.dof}"
        return missing, f"Write dof so that it exceeds {k}, such as dof='{k} + a' with a positive a."

    def _moment(self, k: int) -> sp.Expr:
        return raw_from_central(self.center, self._around_center, k)

    def _central_moment(self, k: int) -> sp.Expr:
        return self._around_center(k)

    def _around_center(self, k: int) -> sp.Expr:
        if k % 2:
            return sp.Integer(0)
        ratios = (sp.Integer(2 * i - 1) / (self.dof - 2 * i) for i in range(1, k // 2 + 1))
        return self.width**k * self.dof ** (k // 2) * sp.prod(ratios)

    def _positive_part_moment(self, k: int) -> sp.Expr:
        if not self.center.is_zero:
            self._refuse_moment(f"E max(X, 0)^{k}", "no closed form is known", "Choose center=0.")
        half = sp.Rational(1, 2)
        gammas = sp.gamma((k + 1) * half) * sp.gamma((self.dof - k) * half) / sp.gamma(self.dof * half)
        return self.width**k * self.dof ** (k * half) * gammas / (2 * sp.sqrt(sp.pi))

    @property
    def symmetric(self) -> bool | None:
        return known(self.center.is_zero)

    @property
    def support(self) -> tuple[sp.Expr, sp.Expr]:
        return -sp.oo, sp.oo

    def _draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        dof, center, width = self._numbers()
        return center + width * rng.standard_t(dof, shape)

    def _arguments(self) -> dict[str, Any]:
        return {"dof": self.dof, "center": self.center, "width": None if self.width == 1 else self.width}


def _student_width(dof: object, width: object, variance: object) -> object:
    if variance is None:
        return 1 if width is None else width
    degrees = StudentT.parameters[0].validate(dof, "StudentT")
    if width is not None:
        raise ParameterError("StudentT", "both width and variance are given", "Give one of the two.")
    if not (degrees - 2).is_positive:
        raise ParameterError(
            f"StudentT(dof={degrees}, variance=...)",
            "a variance exists only for dof > 2",
            "Give a width instead.",
        )
    domain = Parameter("variance", r"\sigma^2", low=0, low_open=True)
    return sp.sqrt(domain.validate(variance, "StudentT") * (degrees - 2) / degrees)


@dataclass(frozen=True, init=False, repr=False)
class LogNormal(Continuous):
    """exp of a normal variable; all moments exist, and they do not determine the distribution.

    E X^k = exp(k log_mean + k^2 log_variance / 2).

    Args:
        log_mean: the mean of log X.
        log_variance: the variance of log X; 1 if neither it nor `log_std` is given.
        log_std: the standard deviation of log X.

    Raises:
        ParameterError: the variance is not positive, or both `log_variance` and `log_std` are given.

    Example:
        >>> LogNormal(log_variance="v").moment(2)
        exp(2*v)

    Source: Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 1, chapter 14.
    """

    parameters = (
        Parameter("log_mean", r"\mu", typical=(-1, 1)),
        Parameter("log_variance", r"\sigma^2", low=0, low_open=True, typical=(0.02, 0.1)),
    )
    log_mean: sp.Expr
    log_variance: sp.Expr

    def __init__(
        self,
        log_mean: ScalarLike = 0,
        log_variance: ScalarLike | None = None,
        *,
        log_std: ScalarLike | None = None,
    ) -> None:
        self._set(log_mean=log_mean, log_variance=variance_of("LogNormal", log_variance, log_std, 1, "log_"))

    def _moment(self, k: int) -> sp.Expr:
        return sp.exp(k * self.log_mean + k**2 * self.log_variance / 2)

    @property
    def symmetric(self) -> bool:
        return False

    @property
    def support(self) -> tuple[sp.Expr, sp.Expr]:
        return sp.Integer(0), sp.oo

    def _draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        log_mean, log_variance = self._numbers()
        return rng.lognormal(log_mean, np.sqrt(log_variance), shape)
