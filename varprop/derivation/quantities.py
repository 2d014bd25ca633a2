"""Inert quantities over expressions: they state, and compute nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import sympy as sp
from sympy.core.cache import cacheit

from varprop.errors import ExpressionError, ParameterError, brief
from varprop.model.calls import explained
from varprop.model.expressions import LARGEST_POWER, Expression, as_expression
from varprop.model.printing import to_latex, to_text
from varprop.model.scalars import scalar

__all__ = [
    "CentralMoment",
    "Claims",
    "Covariance",
    "Cumulant",
    "Equal",
    "Kurtosis",
    "Mean",
    "Moment",
    "Quantity",
    "Skewness",
    "Variance",
    "nouns",
]


class Quantity(sp.AtomicExpr):
    """A number that belongs to a random expression, stated but not computed.

    SymPy sees an atom: only `xreplace` may change a line that holds one.

    Attributes:
        expressions: what it is a quantity of.
        order: the order of a moment or cumulant, else None.
    """

    is_commutative = True
    is_real = True
    text: ClassVar[str] = "{0}"
    tex: ClassVar[str] = "{0}"
    expressions: tuple[Expression, ...]
    order: int | None

    def __new__(cls, *expressions: object, order: int | None = None) -> Quantity:
        quantity: Quantity = super().__new__(cls)
        quantity.expressions = tuple(as_expression(expression) for expression in expressions)
        quantity.order = order
        return quantity

    @property
    def expression(self) -> Expression:
        """The expression of a quantity that has just one."""
        return self.expressions[0]

    @classmethod
    def class_key(cls) -> tuple[int, int, str]:
        return 2, 1, cls.__name__  # after symbols, so that a line reads n*Var[w]

    def _hashable_content(self) -> tuple[Any, ...]:
        places = tuple((e.order, e.serial) for e in self.expressions)
        return (self.order or 0, places)

    @cacheit  # type: ignore[untyped-decorator]
    def sort_key(self, order: Any = None) -> tuple[Any, ...]:
        # Text, since SymPy compares it with the text of a power of a quantity.
        parts = [(*e.order[0], *e.order[1:], e.serial) for e in self.expressions]
        text = " ".join(f"{k:020d}" for k in (self.order or 0, *itertools.chain.from_iterable(parts)))
        return self.class_key(), (1, (text,)), sp.S.One.sort_key(), sp.S.One

    def __reduce__(self) -> tuple[Callable[..., Quantity], tuple[Any, ...]]:
        return _restore, (type(self), self.expressions, self.order)

    def __reduce_ex__(self, protocol: Any) -> tuple[Callable[..., Quantity], tuple[Any, ...]]:
        return self.__reduce__()

    def __copy__(self) -> Quantity:
        return self

    def __deepcopy__(self, memo: object) -> Quantity:
        return self

    def _sympystr(self, printer: Any) -> str:
        return self.text.format(*map(to_text, self.expressions), order=self.order)

    _sympyrepr = _sympystr

    def _latex(self, printer: Any, **_: Any) -> str:
        return self.tex.format(*map(to_latex, self.expressions), order=self.order)

    def over(self, *expressions: Expression) -> Quantity:
        """Return the same kind of quantity of other expressions."""
        return _restore(type(self), expressions, self.order)


def _restore(cls: type[Quantity], expressions: tuple[Expression, ...], order: int | None) -> Quantity:
    return Quantity.__new__(cls, *expressions, order=order)


class Mean(Quantity):
    """The mean E[e].

    Args:
        expression: a random expression, or a number.

    Raises:
        ParameterError: neither of the two.

    Examples:
        >>> from varprop.model.variables import RandomVariable
        >>> Mean(RandomVariable("x", "Normal()") ** 2)
        E[x**2]
    """

    text, tex = "E[{0}]", r"\operatorname{{E}}\left[{0}\right]"

    @explained
    def __new__(cls, expression: object) -> Quantity:
        return Quantity.__new__(cls, expression)


class Variance(Quantity):
    """The variance Var[e] = E[e**2] - E[e]**2.

    Args:
        expression: a random expression, or a number.

    Raises:
        ParameterError: an argument is neither random nor a number.

    Examples:
        >>> from varprop.model.variables import RandomVariable
        >>> Variance(RandomVariable("x", "Normal()"))
        Var[x]

    Source: Stuart, Ord, Kendall's Advanced Theory of Statistics I, 1994, section 2.14.
    """

    is_nonnegative = True
    text, tex = "Var[{0}]", r"\operatorname{{Var}}\left[{0}\right]"

    @explained
    def __new__(cls, expression: object) -> Quantity:
        return Quantity.__new__(cls, expression)


class Covariance(Quantity):
    """The covariance Cov[a, b] = E[a b] - E[a] E[b].

    Args:
        left: a random expression, or a number.
        right: the same.

    Raises:
        ParameterError: an argument is neither random nor a number.

    Examples:
        >>> from varprop.model.variables import RandomVariable
        >>> x = RandomVariable("x", "Normal()")
        >>> Covariance(x, x**2)
        Cov[x, x**2]

    Source: Stuart, Ord, Kendall's Advanced Theory of Statistics I, 1994, section 3.27.
    """

    text, tex = "Cov[{0}, {1}]", r"\operatorname{{Cov}}\left[{0}, {1}\right]"

    @explained
    def __new__(cls, left: object, right: object) -> Quantity:
        return Quantity.__new__(cls, left, right)


class CentralMoment(Quantity):
    """The central moment E[(e - E e)**k].

    Args:
        expression: a random expression, or a number.
        order: a whole number from 1 on.

    Raises:
        ParameterError: an argument is neither random nor a number, or the order is none.

    Examples:
        >>> from varprop.model.variables import RandomVariable
        >>> CentralMoment(RandomVariable("x", "Normal()"), 3)
        mu_3[x]

    Source: Stuart, Ord, Kendall's Advanced Theory of Statistics I, 1994, section 3.3.
    """

    text, tex = "mu_{order}[{0}]", r"\mu_{{{order}}}\left[{0}\right]"

    @explained
    def __new__(cls, expression: object, order: object) -> Quantity:
        return Quantity.__new__(cls, expression, order=_order(order, cls.__name__))


class Cumulant(Quantity):
    """The cumulant of order k: the k-th derivative at 0 of log E[exp(t e)].

    Args:
        expression: a random expression, or a number.
        order: a whole number from 1 on.

    Raises:
        ParameterError: an argument is neither random nor a number, or the order is none.

    Examples:
        >>> from varprop.model.variables import RandomVariable
        >>> Cumulant(RandomVariable("x", "Normal()"), 4)
        kappa_4[x]

    Source: Stuart, Ord, Kendall's Advanced Theory of Statistics I, 1994, section 3.12.
    """

    text, tex = "kappa_{order}[{0}]", r"\kappa_{{{order}}}\left[{0}\right]"

    @explained
    def __new__(cls, expression: object, order: object) -> Quantity:
        return Quantity.__new__(cls, expression, order=_order(order, cls.__name__))


class Skewness(Quantity):
    """The skewness mu_3 / Var**(3/2).

    Args:
        expression: a random expression, or a number.

    Raises:
        ParameterError: an argument is neither random nor a number.

    Examples:
        >>> from varprop.model.variables import RandomVariable
        >>> Skewness(RandomVariable("x", "Normal()"))
        Skew[x]

    Source: Stuart, Ord, Kendall's Advanced Theory of Statistics I, 1994, section 3.31.
    """

    text, tex = "Skew[{0}]", r"\operatorname{{Skew}}\left[{0}\right]"

    @explained
    def __new__(cls, expression: object) -> Quantity:
        return Quantity.__new__(cls, expression)


class Kurtosis(Quantity):
    """The kurtosis mu_4 / Var**2, which is 3 for a normal variable.

    Args:
        expression: a random expression, or a number.

    Raises:
        ParameterError: an argument is neither random nor a number.

    Examples:
        >>> from varprop.model.variables import RandomVariable
        >>> Kurtosis(RandomVariable("x", "Normal()"))
        Kurt[x]

    Source: Stuart, Ord, Kendall's Advanced Theory of Statistics I, 1994, section 3.32.
    """

    text, tex = "Kurt[{0}]", r"\operatorname{{Kurt}}\left[{0}\right]"

    @explained
    def __new__(cls, expression: object) -> Quantity:
        return Quantity.__new__(cls, expression)


@explained
def Moment(expression: object, order: object) -> Quantity:
    """State the raw moment E[e**k], which is the mean of a power.

    Args:
        expression: a random expression.
        order: a whole number from 1 on.

    Raises:
        ParameterError: the order is not a whole number of at least 1.

    Examples:
        >>> from varprop.model.variables import RandomVariable
        >>> Moment(RandomVariable("x", "Normal()"), 4)
        E[x**4]
    """
    return Mean(as_expression(expression) ** _order(order, "Moment"))


def _order(order: object, what: str) -> int:
    if isinstance(order, (int, sp.Integer)) and not isinstance(order, bool) and 1 <= order <= LARGEST_POWER:
        return int(order)
    raise ParameterError(
        f"{what} of order {brief(order)}",
        "an order is a whole number of at least 1",
        f"Give one from 1 to {LARGEST_POWER}",
    )


def nouns(line: sp.Expr) -> list[Quantity]:
    """Return the quantities that stand in a line, in a fixed order."""
    return sorted(line.atoms(Quantity), key=lambda noun: noun.sort_key())


@explained
@dataclass(frozen=True)
class Equal:
    """The claim that two lines of quantities and numbers are equal; nothing is evaluated.

    Args:
        left: a quantity, or a SymPy expression of quantities.
        right: the same, or a number.
        any_dependence: whether the claim holds however the places of a variable of unknown distribution
            depend on each other.

    Examples:
        >>> from varprop.model.variables import RandomVariable
        >>> print(Equal(Variance(RandomVariable("x", "Normal()")), -1))
        Var[x] = -1
    """

    left: sp.Expr
    right: sp.Expr
    any_dependence: bool = field(default=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        for side in ("left", "right"):
            given = getattr(self, side)
            if isinstance(given, Expression):
                raise ExpressionError(
                    f"Equal with {given}",
                    "a random expression is no number",
                    "State vp.Mean(...) or vp.Variance(...)",
                )
            quantity = isinstance(given, sp.Expr) and given.has(Quantity)
            object.__setattr__(
                self, side, given if quantity else scalar(given, f"the {side} side of a claim")
            )

    @property
    def claims(self) -> Claims:
        """The equations to be checked: this one."""
        return Claims((self,))

    def __str__(self) -> str:
        return f"{self.left} = {self.right}"

    def latex(self) -> str:
        """Return the claim as LaTeX."""
        return f"{sp.latex(self.left)} = {sp.latex(self.right)}"


class Claims(tuple[Equal, ...]):
    """The equations something rests on; `thing.claims` and `thing.claims()` are the same."""

    __slots__ = ()

    def __call__(self) -> Claims:
        return self
