"""The arithmetic of a machine in one word: equal words, equal bits."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np

from varprop.simulation.threads import one_blas_thread

__all__ = ["fingerprint"]

SIZE = 256


@cache
def fingerprint() -> str:
    """A hash of a fixed small computation: normals, elementary functions, matrix products, sums.

    Runs of one seed and plan give the same bits wherever this word is the same; elsewhere the last digits
    may differ, since matrix products and elementary functions round differently on other processors.

    Example:
        >>> len(fingerprint())
        12
    """
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(1)))
    a, b = rng.standard_normal((2, 48, SIZE))
    c = a.astype(np.float32)
    with one_blas_thread():
        products = (a @ b.T, c @ b.T.astype(np.float32))
    parts = (
        a,
        np.exp(a),
        np.log1p(a * a),
        np.sqrt(np.abs(a)),
        np.log(np.abs(c)),
        np.sin(c),
        np.cos(c),
        *products,
        np.einsum("bi,bi->b", a, b),
        a.sum(axis=0),
        rng.standard_gamma(0.7, SIZE),
        rng.standard_exponential(SIZE),
    )
    digest = hashlib.sha256()
    for part in parts:
        digest.update(np.ascontiguousarray(part, dtype="<f8").tobytes())
    return digest.hexdigest()[:12]
