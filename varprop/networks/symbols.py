"""The symbols inside specifications."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import sympy as sp

from varprop.networks.weights import FAN_IN, FAN_OUT

__all__ = ["symbols_in"]


def symbols_in(part: Any) -> frozenset[sp.Symbol]:
    """The symbols in a layer, a list of layers, a distribution or a size; not those that stand for fans.

    Example:
        >>> from varprop.networks.layers import Dense
        >>> symbols_in(Dense("m", weights="he_normal"))
        frozenset({m})
    """
    found: set[sp.Symbol] = set()
    waiting, seen = [part], set()
    while waiting:
        one = waiting.pop()
        if isinstance(one, sp.Basic):
            found |= one.free_symbols
        elif isinstance(one, tuple):
            waiting.extend(one)
        elif hasattr(one, "free_symbols"):
            found |= one.free_symbols
        elif is_dataclass(one) and id(one) not in seen:
            seen.add(id(one))
            waiting.extend(getattr(one, field.name) for field in fields(one))
    return frozenset(found) - {FAN_IN, FAN_OUT}
