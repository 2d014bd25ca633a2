"""Derive how mean and variance move through sums of products of random variables, and check every line."""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # type checkers take it as true; `typing` itself would be most of the import time
if TYPE_CHECKING:
    from varprop.errors import (
        VarpropError as VarpropError,
    )

__version__ = "0.1.0"

# Public name -> the module that defines it. Nothing is imported before its first use.
_HOME = {
    "VarpropError": "errors",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
