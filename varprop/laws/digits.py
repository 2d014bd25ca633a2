"""Numbers that carry a bound on their own error."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from varprop.errors import ParameterError

__all__ = ["Digits", "DigitsArray", "fraction", "numbers", "with_error"]

Array: TypeAlias = NDArray[np.float64]


class Digits(float):
    """A float with a bound on its absolute error; arithmetic with it gives plain floats.

    Attributes:
        error: the bound.

    Example:
        >>> half = Digits(0.5, 1e-15)
        >>> half + 1, half.error
        (1.5, 1e-15)
    """

    __slots__ = ("error",)
    error: float

    def __new__(cls, value: float, error: float = 0.0) -> Digits:
        made = super().__new__(cls, value)
        made.error = float(error)
        return made

    def __reduce__(self) -> tuple[type[Digits], tuple[float, float]]:
        return type(self), (float(self), self.error)

    def __repr__(self) -> str:
        return float.__repr__(self)


class DigitsArray(np.ndarray[Any, np.dtype[np.float64]]):
    """An array with a bound on the absolute error of each entry; what is computed from it is a plain array.

    Attributes:
        error: the bounds, an array of the same shape.

    Example:
        >>> both = with_error(np.array([0.5, 0.25]), np.array([1e-15, 2e-15]))
        >>> both.error.max(), type(both + 1).__name__
        (np.float64(2e-15), 'ndarray')
    """

    error: Array

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **settings: Any) -> Any:
        plain = [value.view(np.ndarray) if isinstance(value, DigitsArray) else value for value in inputs]
        if any(isinstance(target, DigitsArray) for target in settings.get("out", ())):
            return NotImplemented
        return getattr(ufunc, method)(*plain, **settings)

    def __getitem__(self, key: Any) -> Any:
        return with_error(self.view(np.ndarray)[key], self.error[key])

    def __reduce__(self) -> tuple[Any, ...]:
        return with_error, (np.array(self), self.error)


def with_error(value: Any, error: Any) -> Any:
    """The value with its error: `Digits` for one number, `DigitsArray` for an array.

    Example:
        >>> with_error(0.5, 1e-15).error
        1e-15
    """
    values = np.asarray(value, dtype=np.float64)
    errors = np.broadcast_to(np.asarray(error, dtype=np.float64), values.shape)
    if values.ndim == 0:
        return Digits(float(values), float(errors))
    made = np.array(values).view(DigitsArray)
    made.error = np.array(errors)
    return made


def numbers(value: object, what: str) -> Array:
    """The value as an array of floats, infinities allowed.

    Raises:
        ParameterError: not real numbers, or nan among them.
    """
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.array(None)
    if array.dtype.kind == "O" and array.size:
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError, OverflowError):
            array = np.array(None)
    if array.dtype.kind not in "iuf":
        raise ParameterError(f"{what}={value!r:.60}", "not a number or an array of numbers", "Give floats.")
    array = array.astype(np.float64)
    if np.isnan(array).any():
        raise ParameterError(f"{what}={value!r:.60}", "nan is no place on the line", "Drop or fill it first.")
    return array


def fraction(value: Any) -> Fraction:
    """A float as the decimal that it prints, so that 0.1 + 0.2 - 0.3 is 0; a rational number as it is.

    Other SymPy numbers to thirty digits: millions of such factors keep those of a float.

    Example:
        >>> fraction(0.1)
        Fraction(1, 10)
    """
    if isinstance(value, sp.Rational):
        return Fraction(int(value.p), int(value.q))
    if isinstance(value, sp.Expr):
        return Fraction(str(sp.N(value, 30)))
    return Fraction(repr(float(value)))
