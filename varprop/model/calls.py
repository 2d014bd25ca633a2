"""Calls with the wrong arguments, answered in words: what is missing, and what is taken."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from varprop.errors import ParameterError

__all__ = ["explained", "refuse_misfit"]

Callee = TypeVar("Callee", bound=Callable[..., Any])


def refuse_misfit(
    name: str, signature: inspect.Signature, given: tuple[object, ...], named: Mapping[str, object]
) -> None:
    """Raise if the arguments do not fit the signature.

    Args:
        name: what was called.
        signature: what it takes.
        given: the arguments by position.
        named: the arguments by name.

    Raises:
        ParameterError: one is missing, unexpected or one too many.
    """
    try:
        signature.bind(*given, **named)
    except TypeError as wrong:
        takes = ", ".join(signature.parameters) or "no arguments"
        raise ParameterError(f"{name}(...)", str(wrong), f"It takes {takes}.") from None


def explained(callee: Callee) -> Callee:
    """Return a function, method or class that says what it takes when it is called with other arguments.

    Example:
        >>> @explained
        ... def double(number):
        ...     return 2 * number
        >>> double(3)
        6
        >>> double()
        Traceback (most recent call last):
        ...
        varprop.errors.ParameterError: double(...): missing a required argument: 'number'. It takes number.
    """
    if isinstance(callee, type):
        callee.__init__ = explained(callee.__init__)  # type: ignore[misc]
        return callee
    path = callee.__qualname__.split(".")
    name = path[-2] if path[-1].startswith("__") else path[-1]
    is_method = next(iter(inspect.signature(callee).parameters), "") in ("self", "cls")

    @functools.wraps(callee)
    def call(*given: object, **named: object) -> object:
        try:
            return callee(*given, **named)
        except TypeError:
            signature = inspect.signature(callee)
            own = list(signature.parameters.values())[is_method:]
            refuse_misfit(name, signature.replace(parameters=own), given[is_method:], named)
            raise

    return cast(Callee, call)
