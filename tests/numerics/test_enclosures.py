"""Proven enclosures hold the truth also where the tails are most of what is not known."""

import pytest
import sympy as sp

from varprop.numerics.enclosures import enclose


@pytest.mark.parametrize(("power", "truth"), [(4, 3), (8, 105)])
def test_few_digits_still_hold_the_truth(power, truth):
    """With so few digits the integral ends where x^power still weighs something."""
    pytest.importorskip("flint")
    x = sp.Symbol("x", real=True)
    found = enclose([x**power], [], x, sp.S.Zero, sp.S.One, (sp.S.One, power), digits=2)
    assert abs(float(found.middle) - truth) <= found.radius <= 0.01 * truth
