"""The arguments of a distribution, whatever they nest: scalars, distributions, tuples, mappings, flags."""

from __future__ import annotations

import inspect
from abc import ABCMeta
from collections.abc import Mapping
from functools import cache
from typing import Any

import sympy as sp

from varprop.errors import ParameterError
from varprop.model.calls import refuse_misfit
from varprop.model.domains import Parameter
from varprop.model.scalars import substitute

__all__ = ["Called", "defaults_of", "latex_of", "replaced", "scalars_in", "text_of", "variance_of"]


class Called(ABCMeta):
    """A class that says what it takes when it is called with other arguments."""

    @property
    def __signature__(cls) -> inspect.Signature:
        own = inspect.signature(cls.__init__)  # type: ignore[misc]
        return own.replace(parameters=list(own.parameters.values())[1:])

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__call__(*args, **kwargs)
        except TypeError:
            refuse_misfit(cls.__name__, cls.__signature__, args, kwargs)
            raise


def scalars_in(value: Any) -> list[sp.Expr]:
    """All scalars inside an argument or a distribution."""
    if isinstance(value, sp.Expr):
        return [value]
    if hasattr(value, "_arguments"):
        value = value._arguments()
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple) else ()
    return [scalar for part in parts for scalar in scalars_in(part)]


def replaced(value: Any, exact: Mapping[sp.Symbol, sp.Expr]) -> Any:
    """The same argument with symbols replaced."""
    if isinstance(value, sp.Expr):
        return substitute(value, exact)
    if hasattr(value, "_arguments"):
        return value.at(exact)
    if isinstance(value, Mapping):
        return {key: replaced(part, exact) for key, part in value.items()}
    return tuple(replaced(part, exact) for part in value) if isinstance(value, tuple) else value


def text_of(value: Any) -> str:
    """An argument as the text that `parse_distribution` reads."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {text_of(part)}" for key, part in value.items()) + "}"
    return "[" + ", ".join(map(text_of, value)) + "]" if isinstance(value, tuple) else str(value)


def latex_of(value: Any) -> str:
    """An argument as a formula."""
    if hasattr(value, "_arguments"):
        return str(value.latex())
    if isinstance(value, tuple):
        return r"\left[" + ", ".join(map(latex_of, value)) + r"\right]"
    return str(sp.latex(value)) if isinstance(value, sp.Basic) else rf"\text{{{value}}}"


@cache
def defaults_of(cls: type) -> dict[str, Any]:
    """The defaults of a constructor, by keyword."""
    return {name: parameter.default for name, parameter in inspect.signature(cls).parameters.items()}


def variance_of(owner: str, variance: object, std: object, default: object, prefix: str = "") -> object:
    """The variance of a constructor that takes either `variance` or `std`.

    Raises:
        ParameterError: both are given, or `std` is not a positive scalar.
    """
    if std is None:
        return default if variance is None else variance
    if variance is not None:
        missing = f"both {prefix}variance and {prefix}std are given"
        raise ParameterError(owner, missing, "Give one of the two.")
    domain = Parameter(f"{prefix}std", r"\sigma", low=0, low_open=True)
    return domain.validate(std, owner) ** 2
