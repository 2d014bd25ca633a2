"""One BLAS thread while samples are computed, so that their bits do not depend on how many there are."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

__all__ = ["one_blas_thread"]

_lock = threading.Lock()
_inside: set[object] = set()
_before: list[tuple[Any, int]] = []
"""Libraries with the threads they had."""


@cache
def _libraries() -> list[Any]:
    return list(ThreadpoolController().select(user_api="blas").lib_controllers)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep matrix products of this process on one thread; the first to enter sets it, the last restores it.

    A BLAS that splits a product among threads gives the entries at the seams to other kernels, which round
    differently on many processors. Whoever wants more cores gives an executor, whose chunks are whole.

    Example:
        >>> import numpy as np
        >>> with one_blas_thread():
        ...     np.ones((300, 300)) @ np.ones(300)  # doctest: +ELLIPSIS
        array([300., 300., ...
    """
    inside, own = object(), []
    try:  # an interrupt may come between any two lines: leaving undoes whatever entering has done
        for library in _libraries():
            if _by_thread(library):
                own.append((library, library.num_threads))
                library.set_num_threads(1)
        with _lock:
            _inside.add(inside)
            if not _before:
                _before.extend((library, library.num_threads) for library in _libraries())
            for library, _ in _before:
                _set(library, 1)
        yield
    finally:
        with _lock:
            _inside.discard(inside)
            _restore()
        for library, threads in own:
            library.set_num_threads(threads)


def _by_thread(library: Any) -> bool:
    """Whether every thread of Python has a number of its own."""
    return getattr(library, "threading_layer", "") == "openmp"


def _set(library: Any, threads: int) -> None:
    """Set the number of a whole process, which later versions let one thread of Python do at a time."""
    if not _by_thread(library):
        clear = getattr(library, "clear_controlling_thread", None)
        if clear:
            clear(force=True)
        library.set_num_threads(threads)
        if clear:
            clear(force=True)


def _restore() -> None:
    while _before and not _inside:
        _set(*_before[-1])
        _before.pop()


def _forked() -> None:
    """A child begins with what its parent had before, however many of its threads were inside."""
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    _inside.clear()
    _restore()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
