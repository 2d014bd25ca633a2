"""One BLAS thread while samples are computed, so that their bits do not depend on how many there are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

__all__ = ["one_blas_thread"]

_lock = threading.Lock()
_within: list[AbstractContextManager[Any]] = []
_entered = 0


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


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
    global _entered  # noqa: PLW0603
    with _lock:
        if not _entered:
            limit = _controller().limit(limits=1, user_api="blas")
            limit.__enter__()
            _within.append(limit)
        _entered += 1
    try:
        yield
    finally:
        with _lock:
            _entered -= 1
            if not _entered:
                _within.pop().__exit__(None, None, None)
