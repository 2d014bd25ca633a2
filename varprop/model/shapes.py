"""Shapes of arrays to draw."""

from __future__ import annotations

import operator
from typing import Any

from varprop.errors import ParameterError, brief

__all__ = ["drawn_shape"]

LARGEST = 2**63


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
