"""Shapes of arrays to draw."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from varprop.errors import ParameterError, brief

__all__ = ["as_generator", "drawn_shape", "enough_memory"]

LARGEST = 2**63


def as_generator(rng: object) -> np.random.Generator:
    """Return the generator of a draw; a legacy RandomState, whose methods have the same names, is one.

    Raises:
        ParameterError: it is none.
    """
    if isinstance(rng, np.random.Generator | np.random.RandomState):
        return rng  # type: ignore[return-value]
    raise ParameterError(
        f"draw with rng={brief(rng, 60)}", "it is no generator", "Give np.random.default_rng(7)"
    )


def drawn_shape(shape: Any) -> tuple[int, ...]:
    """Return a shape as a tuple of whole numbers.

    Raises:
        ParameterError: it is no whole number or tuple of them, one is negative, or no array is so large.

    Example:
        >>> drawn_shape(3), drawn_shape((2, 0))
        ((3,), (2, 0))
    """
    try:
        sizes = (operator.index(shape),) if hasattr(shape, "__index__") else tuple(map(operator.index, shape))
    except TypeError:
        sizes = (-1,)
    total = 1
    for size in sizes:
        if size < 0:
            raise ParameterError(
                f"an array of shape {brief(shape)}",
                "a size is no whole number from 0 on",
                "Give an int, or a tuple of them",
            )
        total *= max(size, 1)
    if total * 8 >= LARGEST:
        raise ParameterError(f"an array of shape {brief(shape)}", "no array is so large", "Draw parts of it")
    return sizes


@contextmanager
def enough_memory(law: object, shape: tuple[int, ...], item: int = 8) -> Iterator[None]:
    """Say in words that a drawn array of numbers of so many bytes did not fit into memory.

    Raises:
        ParameterError: it did not.

    Example:
        >>> with enough_memory("a law", (10, 10)):
        ...     raise MemoryError
        Traceback (most recent call last):
        ...
        varprop.errors.ParameterError: draw from a law as an array of shape (10, 10): it needs 800 bytes, and
        these are not free. Draw parts of it, or use a smaller shape.
    """
    try:
        yield
    except MemoryError:
        raise ParameterError(
            f"draw from {law} as an array of shape {shape}",
            f"it needs {item * math.prod(shape):,} bytes, and these are not free",
            "Draw parts of it, or use a smaller shape.",
        ) from None
