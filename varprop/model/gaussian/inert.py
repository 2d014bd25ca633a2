"""GaussianMean: E phi(X)^k X^m of a normal X where no closed form is known, as a function in formulas."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any, ClassVar

import mpmath
import numpy as np
import sympy as sp
from sympy.core.function import ArgumentIndexError

from varprop.errors import MomentError, ParameterError
from varprop.model.activations.base import Activation, X
from varprop.model.activations.formula import Formula, normal_moment
from varprop.model.decimals import decimal
from varprop.model.distributions import Normal
from varprop.model.distributions.base import Precision
from varprop.model.gaussian.spread import GaussianValue, Spread, powers
from varprop.numerics.enclosures import Enclosure, Majorant, NotEnclosed, available, enclose, is_enclosable
from varprop.numerics.quadrature import EPSILON, FAR

__all__ = ["ActivationAtom", "GaussianMean", "enclosed", "error_of", "gaussian_mean", "precision_of"]


UNSETTLED = 1e-6
"""A relative error estimate above this means that a quadrature has not found its number."""
DOUBLE, STEP = 68, 96
"""SymPy asks for a few bits more than the 53 of a double when it wants one."""


class ActivationAtom(sp.AtomicExpr):
    """An activation as an argument of a SymPy function; equal for equal activations."""

    _known: ClassVar[dict[int, Activation]] = {}
    _places: ClassVar[dict[Activation, int]] = {}
    names_a_function = True
    is_commutative = True
    is_number = True

    activation: Activation

    def __new__(cls, activation: Activation) -> ActivationAtom:
        atom: ActivationAtom = sp.AtomicExpr.__new__(cls)
        place = cls._places.setdefault(activation, len(cls._places))
        cls._known[place] = atom.activation = activation
        return atom

    @property
    def place(self) -> int:
        """A number that generated code can hold instead."""
        return self._places[self.activation]

    @classmethod
    def at_place(cls, place: int) -> Activation:
        """The activation of that number."""
        return cls._known[int(place)]

    def _hashable_content(self) -> tuple[Any, ...]:
        return (self.activation.name, self.place)

    def __reduce__(self) -> Any:
        return type(self), (self.activation,)

    def __getnewargs__(self) -> tuple[Activation]:
        return (self.activation,)

    def _sympystr(self, printer: Any) -> str:
        return self.activation.name

    def _sympyrepr(self, printer: Any) -> str:
        return f"ActivationAtom({self.activation.name!r})"

    def _latex(self, printer: Any) -> str:
        return self.activation.latex

    def _code(self, printer: Any) -> str:
        return str(self.place)

    _pythoncode = _numpycode = _scipycode = _mpmathcode = _code


class GaussianMean(sp.Function):
    """E phi(X)^power X^times for X of N(mean, variance): inert, with derivatives and digits.

    It takes part in formulas: it can be substituted into, differentiated by mean and variance, solved around,
    and turned into NumPy code by lambdify. `evalf` gives digits that are proven where python-flint is
    installed and phi is registered, and estimated otherwise; `precision` says which.

    Args:
        atom: the activation, as an ActivationAtom.
        power: k, a whole number from 1 on.
        times: m, a whole number from 0 on.
        mean: the mean.
        variance: the variance, positive.

    Example:
        >>> from varprop import tanh
        >>> e = gaussian_mean(tanh, 2, sp.S.Zero, sp.Symbol("v", positive=True))
        >>> e, e.xreplace({sp.Symbol("v", positive=True): sp.S.One}).evalf(12)
        (GaussianMean(tanh**2, 0, v), 0.394294490398)
    """

    nargs = 5
    is_real = True

    @property
    def activation(self) -> Activation:
        """phi."""
        return self.args[0].activation  # type: ignore[no-any-return]

    @property
    def law(self) -> tuple[int, int, sp.Expr, sp.Expr]:
        """power, times, mean and variance."""
        _, power, times, mean, variance = self.args
        return int(power), int(times), mean, variance

    @property
    def precision(self) -> Precision:
        """What its digits are: "closed form" if only SymPy cannot find those of the formula."""
        if self._formula() is not None:
            return "closed form"
        return "enclosure" if available() and _can_enclose(self.activation) else "estimate"

    def _formula(self) -> sp.Expr | None:
        power, times, mean, variance = self.law
        return _by_formula(self.activation, power, times, mean, variance)

    @property
    def uncertainty(self) -> tuple[float, Precision]:
        """How far its digits may be off at double precision, and whether that is proven.

        Raises:
            ParameterError: mean or variance is no number.
        """
        power, times, mean, variance = self.law
        if not (mean.is_number and variance.is_number):
            raise ParameterError(
                f"the error of {self}", "it depends on symbols", "Substitute numbers for them"
            )
        if self._formula() is not None:
            return 2 * EPSILON * abs(float(self)), "closed form"
        found = self.enclosure()
        if found is not None:
            return found.radius, "enclosure"
        rough = _numbers(self.activation, power, times, float(mean), float(sp.sqrt(variance)))
        return float(rough.error), "estimate"

    def enclosure(self, digits: int = 15) -> Enclosure | None:
        """An interval that is proven to hold it, if mean and variance are numbers; None if there is none."""
        return enclosed(self.activation, *self.law, digits)

    def _eval_is_nonnegative(self) -> bool | None:
        power, times, _, _ = self.law
        return True if power % 2 == 0 and times % 2 == 0 else None

    def _eval_is_positive(self) -> bool | None:
        return self._eval_is_nonnegative()

    def _eval_evalf(self, prec: int) -> sp.Expr | None:
        power, times, mean, variance = self.law
        if not (mean.is_number and variance.is_number):
            return None
        return sp.Float(digits_of(self.activation, power, times, mean, variance, prec), precision=prec)

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        power, times, mean, variance = self.law

        def shifted(more: int) -> sp.Expr:
            return gaussian_mean(self.activation, power, mean, variance, times + more)

        slope = (shifted(1) - mean * self) / variance
        if argindex == 4:
            return slope
        if argindex == 5:  # by Stein: half the second derivative by the mean
            return (shifted(2) - 2 * mean * shifted(1) + (mean**2 - variance) * self) / (2 * variance**2)
        raise ArgumentIndexError(self, argindex)

    @staticmethod
    def _imp_(place: int, power: int, times: int, mean: Any, variance: Any) -> Any:
        phi = ActivationAtom.at_place(place)
        with np.errstate(invalid="ignore"):  # a negative variance is refused as nan
            std = np.sqrt(variance)
        return _numbers(phi, int(power), int(times), mean, std).value

    def _sympystr(self, printer: Any) -> str:
        power, times, mean, variance = self.law
        name = self.activation.name
        shown = f"{name}**{power}" if power > 1 else name
        if times:
            shown += f"*x**{times}" if times > 1 else "*x"
        return f"GaussianMean({shown}, {printer._print(mean)}, {printer._print(variance)})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        power, times, mean, variance = self.law
        shown = self.activation.latex + (f"^{{{power}}}" if power > 1 else "") + r"\left(N\right)"
        if times:
            shown += " N" + (f"^{{{times}}}" if times > 1 else "")
        law = rf"N \sim \mathcal{{N}}\left({printer._print(mean)}, {printer._print(variance)}\right)"
        text = rf"\operatorname{{E}}_{{{law}}}\left[{shown}\right]"
        return rf"\left({text}\right)^{{{exp}}}" if exp else text


def gaussian_mean(phi: Activation, power: int, mean: sp.Expr, variance: sp.Expr, times: int = 0) -> sp.Expr:
    """E phi(X)^power X^times for X of N(mean, variance): in closed form, or else as a GaussianMean.

    Raises:
        MomentError: it does not exist.

    Example:
        >>> from varprop import erf, tanh
        >>> gaussian_mean(erf, 2, sp.S.Zero, sp.S.One), gaussian_mean(tanh, 3, sp.S.Zero, sp.S.One)
        (2*asin(2/3)/pi, 0)
    """
    mean, variance = sp.sympify(mean), sp.sympify(variance)
    if phi.parity in ("odd", "even") and mean.is_zero and (power * (phi.parity == "odd") + times) % 2:
        return sp.S.Zero
    with suppress(MomentError):
        return phi.moment(power, Normal(mean=mean, variance=variance), times)
    return GaussianMean(ActivationAtom(phi), sp.Integer(power), sp.Integer(times), mean, variance)


def precision_of(formula: sp.Expr) -> Precision:
    """The worst kind of number in a formula: its GaussianMeans may be enclosures or estimates."""
    kinds = {mean.precision for mean in formula.atoms(GaussianMean)} - {"closed form"}
    return "estimate" if "estimate" in kinds else "enclosure" if kinds else "closed form"


def error_of(formula: sp.Expr) -> float:
    """How far the digits of a formula of numbers may be off, to first order in its GaussianMeans.

    Example:
        >>> error_of(sp.sqrt(2))
        0.0
    """
    total = 0.0
    for mean in formula.atoms(GaussianMean):
        size = sp.Dummy("size", positive=True)
        slope = sp.diff(formula.xreplace({mean: size}), size).xreplace({size: mean})
        total += abs(float(slope)) * mean.uncertainty[0]
    return total


def _majorant(phi: Activation) -> Majorant | None:
    return phi.majorant if isinstance(phi, Formula) else None


@lru_cache(maxsize=1024)
def _can_enclose(phi: Activation) -> bool:
    pieces = phi.pieces
    return (
        pieces is not None
        and _majorant(phi) is not None
        and all(is_enclosable(piece, X) for piece in pieces)
        and all(kink.is_number for kink in phi.kinks)
    )


@lru_cache(maxsize=4096)
def enclosed(
    phi: Activation, power: int, times: int, mean: sp.Expr, variance: sp.Expr, digits: int = 15
) -> Enclosure | None:
    """A proven interval for E phi(X)^power X^times; None without python-flint or for other phi."""
    if not (available() and _can_enclose(phi)):
        return None
    majorant = _majorant(phi)
    assert majorant is not None and phi.pieces is not None
    pieces = [piece**power * X**times for piece in phi.pieces]
    bound = (majorant[0] ** power, majorant[1] * power + times)
    rough = _numbers(phi, power, times, float(mean), float(sp.sqrt(variance)))
    scale = max(abs(float(rough.value)), 1e-290)
    try:
        return enclose(pieces, phi.kinks, X, mean, variance, bound, digits, scale)
    except NotEnclosed:
        return None


def _numbers(phi: Activation, power: int, times: int, mean: Any, std: Any) -> GaussianValue:
    """E phi(X)^power X^times by quadrature, broadcast."""
    m, s = np.broadcast_arrays(np.asarray(mean, dtype=np.float64), np.asarray(std, dtype=np.float64))
    if not (np.isfinite(m).all() and np.isfinite(s).all() and (s > 0).all()):
        raise ParameterError(f"E {phi}(X)^{power}", "a mean or variance is no finite number, or not positive")

    spread = Spread(phi, m.ravel(), s.ravel())
    if power == 1 and times == 0:
        value, error = spread.mean_of()
    else:
        asked = f"E phi^{power} X^{times}" if times else f"E phi^{power}"
        value, error = spread.integral(*powers(phi, power, times), asked)
    return GaussianValue(value.reshape(m.shape)[()], error.reshape(m.shape)[()], "estimate")


@lru_cache(maxsize=4096)
def _by_formula(phi: Activation, power: int, times: int, mean: sp.Expr, variance: sp.Expr) -> sp.Expr | None:
    """The closed form of numbers so far apart that SymPy loses its digits; None where there is none."""
    if not (mean.is_number and variance.is_number):
        return None
    return normal_moment(phi, power, times, mean, variance, everywhere=True)


@lru_cache(maxsize=4096)
def digits_of(
    phi: Activation, power: int, times: int, mean: sp.Expr, variance: sp.Expr, bits: int
) -> mpmath.mpf:
    """E phi(X)^power X^times with about `bits` bits: by formula, by an enclosure, or else by quadrature."""
    if bits > DOUBLE and bits % STEP:  # SymPy asks again and again, for a few more
        return digits_of(phi, power, times, mean, variance, bits + STEP - bits % STEP)
    digits = max(15, int(bits * 0.302) + 2)
    formula = _by_formula(phi, power, times, mean, variance)
    if formula is not None:
        return mpmath.mpf(decimal(formula, digits + -digits % STEP)._mpf_)
    found = enclosed(phi, power, times, mean, variance, digits)
    with mpmath.workprec(bits + 10):
        if found is not None:
            return mpmath.mpf(found.middle._mpf_)
        rough = _numbers(phi, power, times, float(mean), float(sp.sqrt(variance)))
        if float(rough.error) > max(UNSETTLED * abs(float(rough.value)), UNSETTLED**1.5):
            raise MomentError(
                f"E {phi}(X)^{power} for X of N({mean}, {variance})",
                f"the quadrature does not settle: {rough.value:.6g}, error about {rough.error:.1g}",
                "It may not exist; or give the kinks of the activation: vp.activation(f, kinks=[...])",
            )
        if bits <= DOUBLE or phi.pieces is None:
            return mpmath.mpf(float(rough.value))
    return _by_mpmath(phi, power, times, mean, variance, bits, abs(float(rough.value)) or 1.0)


def _by_mpmath(
    phi: Activation, power: int, times: int, mean: sp.Expr, variance: sp.Expr, bits: int, size: float
) -> mpmath.mpf:
    """More digits than a float, without proof: mpmath's quadrature between kinks and unit steps.

    It ends where the integrand is below the digits of `size`, which lies far out for a phi that grows fast.
    """
    with mpmath.workprec(bits + 20):
        m, s = (
            mpmath.mpf(sp.Float(number, int(bits * 0.302) + 15)._mpf_) for number in (mean, sp.sqrt(variance))
        )
        reach, functions = int((2 * 0.7 * (bits + 20)) ** 0.5) + 2, _in_mpmath(phi, power, times)

        def tail(z: int) -> mpmath.mpf:
            return abs(functions[0 if z < 0 else -1](m + s * z)) * mpmath.npdf(z)

        while reach < FAR and max(tail(-reach), tail(reach)) > size * mpmath.mpf(2) ** -(bits + 10):
            reach += 1
        kinks = [(mpmath.mpf(sp.Float(kink, int(bits * 0.302) + 15)._mpf_) - m) / s for kink in phi.kinks]
        total = mpmath.mpf(0)
        ends = [-reach, *(min(max(kink, -reach), reach) for kink in kinks), reach]
        for function, low, high in zip(functions, ends[:-1], ends[1:], strict=True):
            steps = sorted({low, high, *(k for k in range(-reach, reach + 1) if low < k < high)})
            if low < high:
                total += mpmath.quad(lambda z, f=function: f(m + s * z) * mpmath.npdf(z), steps)
        return +total


def _in_mpmath(phi: Activation, power: int, times: int) -> list[Callable[..., Any]]:
    return [sp.lambdify(X, piece**power * X**times, "mpmath") for piece in phi.pieces or ()]
