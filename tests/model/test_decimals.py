"""Digits of exact numbers whose parts are far apart: parameters from 1e-300 to 1e300."""

import math

import mpmath
import numpy as np
import pytest
import sympy as sp

import varprop as vp
from varprop.cli import main
from varprop.model import gaussian
from varprop.model.decimals import cancels, decimal, in_floats, rounded, short

HUGE = sp.Integer(10) ** 300


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((sp.exp(1 / HUGE) - 1) * HUGE, 1),
        (HUGE**2 * (sp.exp(1 / HUGE) + sp.exp(-1 / HUGE) - 2), 1),
        (sp.exp(HUGE**2 / 2) * sp.erfc(HUGE / sp.sqrt(2)) * HUGE * sp.sqrt(sp.pi), math.sqrt(2)),
        (sp.erf(HUGE) + sp.erfc(-HUGE), 3),
        (sp.exp(-HUGE), 0),
        (sp.sqrt(2), math.sqrt(2)),
    ],
)
def test_nothing_is_lost_between_the_ends_of_floats(value, expected):
    assert float(decimal(value)) == pytest.approx(expected, rel=1e-15)


def test_exponentials_are_those_of_mpmath():
    exponent = -(sp.Integer(10) ** 9) / 7
    with mpmath.workdps(40):
        exact = mpmath.exp(-(mpmath.mpf(10) ** 9) / 7)
        assert abs(mpmath.mpf(decimal(sp.exp(exponent), 30)._mpf_) / exact - 1) < mpmath.mpf(10) ** -29


def test_zero_is_not_what_is_only_small():
    assert cancels(sp.sqrt(2) * sp.sqrt(3) - sp.sqrt(6) + sp.sin(1) ** 2 + sp.cos(1) ** 2 - 1)
    assert not cancels(sp.exp(1 / HUGE) - 1)
    with pytest.raises(vp.MomentError, match="do not settle"):
        decimal(sp.sin(1) ** 2 + sp.cos(1) ** 2 - 1)


def test_numbers_as_text():
    assert [rounded(part, 4) for part in (HUGE**2 / 3, 1 / HUGE**2, sp.S.Zero, -sp.oo)] == [
        "3.333e+599",
        "1e-600",
        "0",
        "-inf",
    ]
    assert short(HUGE / 3) == str(HUGE / 3) and short(3 * HUGE) == "3e+300"
    assert in_floats(HUGE**2) == sp.Float(HUGE**2, 20)


@pytest.mark.parametrize(
    ("exponent", "q"),
    [(-300, 1), (-150, "1e16"), (-12, 1), (-12, "1e16"), (12, 1), (150, "1e-16"), (300, 1), (300, "1e16")],
)
def test_gains_of_extreme_parameters_are_those_of_their_limits(exponent, q):
    """A CELU is a ReLU where it is narrow and the identity where it is wide, and so on."""
    a, wide = f"1e{exponent}", exponent > 0
    relu, identity = vp.gain("relu", q), vp.gain("identity", q)
    found = vp.gain(f"celu({a})", q)
    limit = identity if wide else relu
    for kind in ("forward", "centered", "backward"):
        assert float(getattr(found, kind)) == pytest.approx(float(getattr(limit, kind)), rel=1e-11)
    leaky = vp.gain(f"leaky_relu(-{a})", q)
    steep = math.sqrt(2) * 10.0**-exponent if wide else math.sqrt(2)
    assert float(leaky.forward) == pytest.approx(steep, rel=1e-11)
    clipped = vp.gain(f"hardtanh(-{a}, {a})", q)
    ratio = 10.0**-exponent * math.sqrt(float(sp.sympify(q)))
    assert float(clipped.forward) == pytest.approx(1.0 if wide else ratio, rel=1e-11)


@pytest.mark.parametrize(
    "name", ["celu(1e-300)", "celu(1e300)", "hardtanh(-1e300, 1e300)", "leaky_relu(-1e300)"]
)
def test_pages_and_records_of_extreme_parameters(name, capsys):
    assert main(["gain", name]) == 0
    assert "should not" not in capsys.readouterr().err
    assert main(["gain", name, "--json"]) == 0


@pytest.mark.parametrize(
    "name", ["leaky_relu(1e309)", "celu(1e-320)", "hardtanh(-1e400, 1)", "polynomial(1, 1e309)"]
)
def test_parameters_beyond_floats_are_refused(name):
    with pytest.raises(vp.ParameterError, match="beyond the range of float64"):
        vp.gain(name)


def test_moments_of_extreme_parameters():
    """Powers beyond float64 are infinite in arrays, as NumPy's own; all else keeps its digits."""
    std = np.array([1e-8, 1.0, 1e3])
    steep = gaussian.second_moment("leaky_relu(1e150)", 0, std)
    np.testing.assert_allclose(steep.value, 0.5e300 * std**2, rtol=1e-14)
    assert steep.precision == "closed form"
    assert gaussian.fourth_moment("leaky_relu(-1e300)", 0, 1.0).value == math.inf
    narrow = gaussian.second_moment("celu(1e-12)", 0.0, np.full(100, 2.0))
    np.testing.assert_allclose(narrow.value, 2.0, rtol=1e-13)
    tall = gaussian.mean("elu(1e12)", 0, std)
    for s, value in zip(std, tall.value, strict=True):
        with mpmath.workdps(50):
            q = mpmath.mpf(s) ** 2
            below = mpmath.exp(q / 2) * mpmath.erfc(s / mpmath.sqrt(2)) / 2 - mpmath.mpf(1) / 2
            exact = 10**12 * below + mpmath.sqrt(q / (2 * mpmath.pi))
        assert value == pytest.approx(float(exact), rel=1e-12)


def test_weights_after_extreme_parameters_are_drawn():
    made = vp.he_normal((400, 300), activation="celu(1e300)")
    assert float(made.variance * 300) == pytest.approx(1.0, rel=1e-12)
    assert made.draw(1).std() == pytest.approx(300**-0.5, rel=0.02)
