"""E phi(X)^k X^j as an inert SymPy function: printed, differentiated, evaluated, stored; and closed forms."""

from __future__ import annotations

import importlib.util
import pickle
import re

import numpy as np
import pytest
import sympy as sp
from sympy.core.function import ArgumentIndexError

import varprop as vp
from varprop.errors import ParameterError
from varprop.model.gaussian import GaussianMean
from varprop.model.gaussian.inert import gaussian_mean

M, S2 = sp.Symbol("m", real=True), sp.Symbol("v", positive=True)
TANH = vp.activation("tanh")
NODES, WEIGHTS = np.polynomial.legendre.leggauss(200)


def quadrature(phi: vp.Activation, power: int, times: int, mean: float, variance: float) -> float:
    """The same by Gauss-Legendre panels between the kinks."""
    std = np.sqrt(variance)
    low, high = mean - 11 * std, mean + 11 * std
    edges = np.unique([low, *(float(k) for k in phi.breaks if low < k < high), mean, high])
    half = np.diff(edges)[:, None] / 2
    x = (edges[:-1, None] + half * (NODES + 1)).ravel()
    density = np.exp(-((x - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
    return float(np.sum((half * WEIGHTS).ravel() * density * phi(x) ** power * x**times))


def test_it_is_printed_as_what_it_is() -> None:
    plain, raised = gaussian_mean(TANH, 1, M, S2, 1), gaussian_mean(TANH, 2, sp.S.Zero, S2, 4)
    assert str(plain) == "GaussianMean(tanh*x, m, v)"
    assert str(raised) == "GaussianMean(tanh**2*x**4, 0, v)"
    assert r"N \sim \mathcal{N}\left(m, v\right)" in sp.latex(plain)
    assert sp.latex(raised**2).endswith(r"\right)^{2}")
    assert "N^{4}" in sp.latex(raised)


def test_derivatives_are_differences() -> None:
    for power, times in ((1, 0), (2, 1)):
        whole = gaussian_mean(TANH, power, M, S2, times)
        for name in (M, S2):
            slope = whole.diff(name).subs({M: 0.4, S2: 1.3}).evalf()
            ends = [
                whole.subs({M: 0.4, S2: 1.3, name: value}).evalf()
                for value in ((0.399, 0.401) if name is M else (1.299, 1.301))
            ]
            by_hand = [
                quadrature(TANH, power, times, *((e, 1.3) if name is M else (0.4, e)))
                for e in ((0.399, 0.401) if name is M else (1.299, 1.301))
            ]
            assert float(ends[1] - ends[0]) == pytest.approx(by_hand[1] - by_hand[0], rel=1e-8)
            assert float(slope) == pytest.approx((by_hand[1] - by_hand[0]) / 0.002, rel=1e-5)


def test_it_is_evaluated_to_any_digits_and_by_numpy() -> None:
    whole = gaussian_mean(TANH, 2, M, S2)
    assert whole.is_nonnegative
    assert gaussian_mean(TANH, 1, M, S2).is_nonnegative is None
    number = whole.subs({M: sp.Rational(1, 3), S2: 2})
    assert abs(number.evalf(30) - number.evalf(40)) < 1e-29
    function = sp.lambdify((M, S2), whole)
    means, variances = np.array([0.0, 1.0, -2.0]), np.array([0.5, 1.0, 4.0])
    expected = [quadrature(TANH, 2, 0, m, v) for m, v in zip(means, variances, strict=True)]
    np.testing.assert_allclose(function(means, variances), expected, rtol=1e-9)
    assert whole.evalf() == whole


def test_its_error_needs_numbers() -> None:
    whole = gaussian_mean(TANH, 2, M, S2)
    with pytest.raises(ParameterError, match="depends on symbols"):
        _ = whole.uncertainty
    error, kind = whole.subs({M: 0, S2: 1}).uncertainty
    assert 0 < error < 1e-9
    assert kind in ("enclosure", "estimate")
    cubed = vp.activation(lambda x: np.tanh(x) ** 3, growth=0, name="cubed")
    error, kind = gaussian_mean(cubed, 1, sp.S.One, S2).subs(S2, 2).uncertainty
    assert (error < 1e-6, kind) == (True, "estimate")


def test_it_survives_a_process_border() -> None:
    whole = gaussian_mean(TANH, 2, M, S2)
    again = pickle.loads(pickle.dumps(whole))
    assert again == whole
    assert "tanh" in sp.srepr(again)


@pytest.mark.parametrize(
    ("phi", "power", "times"),
    [
        ("erf", 1, 1),
        ("erf", 1, 0),
        ("gelu", 1, 0),
        ("sin", 2, 1),
        ("cos", 1, 2),
        (sp.Symbol("x") * sp.sin(2 * sp.Symbol("x") + 1), 1, 0),
        (sp.sin(sp.Symbol("x")) * sp.cos(3 * sp.Symbol("x")), 1, 1),
        (sp.sin(sp.Symbol("x")) ** 2 - 1, 2, 0),
        (sp.exp(-(sp.Symbol("x") ** 2) / 2 + sp.Symbol("x") / 3) * sp.Symbol("x"), 1, 1),
        (sp.Symbol("x") ** 2 * sp.exp(sp.Symbol("x") / 2), 2, 0),
        (sp.Abs(sp.Symbol("x") - 1) + sp.Heaviside(sp.Symbol("x")), 2, 1),
        (sp.sign(sp.Symbol("x")) * sp.Symbol("x") ** 3, 1, 0),
    ],
)
def test_closed_forms_are_quadrature(phi: object, power: int, times: int) -> None:
    made = vp.activation(phi)
    law = vp.Normal(mean=sp.Rational(1, 2), variance=sp.Rational(3, 2))
    found = made.moment(power, law, times)
    assert not found.has(GaussianMean)
    assert float(found) == pytest.approx(quadrature(made, power, times, 0.5, 1.5), rel=1e-10)


@pytest.mark.parametrize(
    ("phi", "power", "times"),
    [
        (sp.exp(sp.Symbol("x") ** 2 / 20), 1, 0),
        (sp.sin(sp.Symbol("x") ** 2), 1, 0),
        (sp.sin(sp.Symbol("x")) * sp.exp(-(sp.Symbol("x") ** 2)), 1, 1),
        (sp.tanh(sp.Symbol("x")) + 1, 2, 0),
    ],
)
def test_what_has_no_closed_form_here_is_still_right(phi: sp.Expr, power: int, times: int) -> None:
    made = vp.activation(phi, growth=0)
    value = gaussian_mean(made, power, sp.Rational(1, 2), sp.Rational(3, 2), times)
    assert float(value.evalf()) == pytest.approx(quadrature(made, power, times, 0.5, 1.5), rel=1e-9)


def test_a_line_of_a_derivation_says_how_exact_its_number_is() -> None:
    z = vp.RandomVariable("z", vp.Normal(mean=1, variance=2))
    proof = vp.derive(vp.Mean(TANH(z) ** 2))
    value = quadrature(TANH, 2, 0, 1.0, 2.0)
    text = proof.to_text(100)
    shown, kind, error = re.search(r"= ([0-9.]+), error (at most|about) (\S+)", text).groups()  # type: ignore[union-attr]
    assert float(shown) == pytest.approx(value, rel=1e-12)
    assert kind == "at most" or importlib.util.find_spec("flint") is None
    proven = gaussian_mean(TANH, 2, sp.S.One, sp.Integer(2)).uncertainty[0] + 1e-15 * value
    exact = gaussian_mean(TANH, 2, sp.S.One, sp.Integer(2)).evalf(30)
    assert abs(sp.Float(shown, 30) - exact) <= float(error)
    assert proven * (1 - 1e-9) <= float(error) <= 2 * proven or kind == "about"


def test_a_mean_that_is_no_number_yet_has_no_error_to_tell() -> None:
    z = vp.RandomVariable("z", vp.Normal(variance="v"))
    proof = vp.derive(vp.Mean(TANH(z) ** 2))
    assert proof.result.has(GaussianMean)
    assert [note for step in proof for note in step.notes] == []
    numbers = vp.derive(vp.Mean(vp.relu(z + vp.RandomVariable("y", "Normal()")) ** 2))
    assert [note for step in numbers for note in step.notes] == []


def test_it_is_differentiated_by_mean_and_variance_alone() -> None:
    v = sp.Symbol("v", positive=True)
    mean = gaussian_mean(vp.tanh, 2, sp.S.Zero, v)
    assert pickle.loads(pickle.dumps(mean)) == mean
    with pytest.raises(ArgumentIndexError):
        mean.fdiff(2)
    step = sp.Rational(1, 10**4)
    slope, ends = mean.fdiff(5).xreplace({v: sp.S.One}), [mean.xreplace({v: 1 + s * step}) for s in (-1, 1)]
    assert float(slope) == pytest.approx(float((ends[1] - ends[0]) / (2 * step)), rel=1e-7)
    with pytest.raises(vp.ParameterError, match="depends on symbols"):
        _ = mean.uncertainty
    with pytest.raises(vp.ParameterError, match="not positive"):
        sp.lambdify(v, mean)(-1.0)


@pytest.mark.parametrize("far", ["1e20", "1e300"])
def test_kinks_beyond_sight_keep_the_closed_form(far):
    gain = vp.gain(f"hardtanh(-{far}, {far})")
    assert gain.precision == "closed form"
    assert float(gain.forward) == pytest.approx(1.0, rel=1e-15) == float(gain.backward)
