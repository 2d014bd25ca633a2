"""Bounds on sums of given numbers with random signs: how often they cancel, and how often they do not."""

from __future__ import annotations

import math

import numpy as np
import sympy as sp

from varprop.errors import ParameterError
from varprop.laws.bounds import Bound, holds, positive, require, stated
from varprop.laws.digits import numbers
from varprop.laws.law import Array

__all__ = ["keller_klein", "littlewood_offord"]

MOST_TERMS = 10**6


def _magnitudes(values: object) -> Array:
    array = np.abs(numbers(values, "magnitudes"))
    if array.ndim != 1 or not 1 <= len(array) <= MOST_TERMS or not np.isfinite(array).all():
        raise ParameterError(
            f"magnitudes={values!r:.60}",
            f"not a list of 1 to {MOST_TERMS:,} finite numbers",
            "Give |w_i x_i|.",
        )
    found: Array = array
    return found


SIGNS = "the signs are fair and independent"


def littlewood_offord(magnitudes: object, length: object, *, signs: bool | None = True) -> Bound:
    """P(sum_i s_i a_i in any open interval of a length) <= C(k, k/2) / 2^k, k the number of |a_i| >= length
    / 2.

    Args:
        magnitudes: the a_i.
        length: of the interval, above 0.
        signs: whether the s_i are fair and independent.

    Raises:
        LawError: no |a_i| reaches half the length, or the signs are not known to be fair.

    Example:
        >>> littlewood_offord([999.99, 1000, 100.99, 101], length=0.1).value
        3/8

    Source: Erdos, On a lemma of Littlewood and Offord, 1945.
    """
    array, wide = np.abs(_magnitudes(magnitudes)), float(positive(length, "length"))
    k = int((2 * array >= wide).sum())
    reach = holds("some |a_i| >= length / 2", k > 0, f"The largest |a_i| is {array.max():g}.")
    hypotheses = require("Erdos, Littlewood and Offord", (stated(SIGNS, signs), reach))
    if k <= 1000:
        value: sp.Expr = sp.Rational(math.comb(k, k // 2), 2**k)
    else:
        # C(2m, m) / 4^m < 1 / sqrt(pi (m + 1/4)), by less than 1e-7 of it; an odd k has the value of k + 1.
        value = 1 / sp.sqrt(sp.pi * (sp.Integer((k + 1) // 2) + sp.Rational(1, 4)))
    return Bound(
        "Erdos, Littlewood and Offord",
        f"P(sum in an open interval of length {wide:g})",
        "at most",
        value,
        f"C(k, k/2) / 2^k with k = {k} terms of at least half the length",
        "Erdos 1945",
        hypotheses,
    )


def keller_klein(magnitudes: object, *, signs: bool | None = True) -> Bound:
    """P(|sum_i s_i a_i| <= sqrt(sum_i a_i^2)) >= 1/2 for any numbers a_i and fair independent signs s_i.

    So for independent symmetric weights and any inputs, z^2 <= sum_i (w_i x_i)^2 at least every second time.

    Args:
        magnitudes: the a_i.
        signs: whether the s_i are fair and independent.

    Raises:
        LawError: the signs are not known to be fair.

    Example:
        >>> keller_klein([3, 1, 1]).event
        'P(|sum| <= 3.31662)'

    Source: Keller, Klein, Proof of Tomaszewski's conjecture on randomly signed sums, 2022.
    """
    norm = math.hypot(*_magnitudes(magnitudes))
    hypotheses = require("Keller and Klein", (stated(SIGNS, signs),))
    return Bound(
        "Keller and Klein",
        f"P(|sum| <= {norm:g})",
        "at least",
        sp.Rational(1, 2),
        "1/2",
        "Keller, Klein 2022 (announced 2020)",
        hypotheses,
    )
