"""Parameter domains: one declaration feeds validation, documentation and the generation of test cases."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from varprop.errors import ParameterError
from varprop.model.scalars import scalar

__all__ = ["Parameter"]


@dataclass(frozen=True)
class Parameter:
    r"""One real parameter: its name, its sign in formulas, where it may lie and where it usually lies.

    Args:
        name: the keyword of the constructor and the attribute of the instance.
        latex: how formulas write it.
        low: lower bound.
        high: upper bound.
        low_open: the lower bound itself is excluded.
        high_open: the upper bound itself is excluded.
        typical: a range of ordinary values, for examples and tests.
        integer: only whole numbers.
        infinite: infinite bounds are values too.

    Example:
        >>> variance = Parameter("variance", r"\sigma^2", low=0, low_open=True)
        >>> variance.validate("1/n", "Normal")
        1/n
        >>> print(variance)
        variance in (0, oo)
    """

    name: str
    latex: str
    low: sp.Expr | int = -sp.oo
    high: sp.Expr | int = sp.oo
    low_open: bool = False
    high_open: bool = False
    typical: tuple[float, float] = (-2.0, 2.0)
    integer: bool = False
    infinite: bool = False

    def __str__(self) -> str:
        left = "(" if self.low_open or self.low == -sp.oo else "["
        right = ")" if self.high_open or self.high == sp.oo else "]"
        kind = "integer " if self.integer else ""
        return f"{self.name} in {kind}{left}{self.low}, {self.high}{right}"

    def validate(self, value: object, owner: str) -> sp.Expr:
        """The exact scalar of `value`; a symbolic value is refused only where SymPy proves it outside.

        Args:
            value: anything `scalar` takes.
            owner: the class that asks, for the message.

        Raises:
            ParameterError: not a scalar, or outside the domain.
        """
        if self.infinite and isinstance(value, (float, sp.Expr)):
            for bound, is_open in ((self.low, self.low_open), (self.high, self.high_open)):
                if value == bound and not is_open:
                    return bound
        number = scalar(value, f"{owner}: {self.name}")
        if self._outside(number):
            raise ParameterError(f"{owner}({self.name}={number})", "outside its domain", f"Choose {self}.")
        return number

    def _outside(self, number: sp.Expr) -> bool:
        above = number - self.low if self.low != -sp.oo else sp.S.One
        below = self.high - number if self.high != sp.oo else sp.S.One
        return bool(
            (above.is_nonpositive if self.low_open else above.is_negative)
            or (below.is_nonpositive if self.high_open else below.is_negative)
            or (self.integer and number.is_integer is False)
        )
