"""Every activation under normal laws: formula or enclosure, quadrature and simulation say one number."""

import math
from itertools import pairwise

import numpy as np
import pytest
import sympy as sp

import varprop as vp
from varprop.model import gaussian
from varprop.model.activations import NAMED, slope_of
from varprop.model.gaussian.closed import closed_form
from varprop.model.gaussian.inert import enclosed
from varprop.model.gaussian.spread import Spread, powers
from varprop.numerics import enclosures

OTHERS = ["elu(2)", "hardtanh(-2, 1)", "polynomial(0, 1, 1/3)"]
NAMES = [*sorted(set(NAMED) - {"polynomial", "swish", "prelu"}), *OTHERS]
QUANTITIES = {
    "mean": gaussian.mean,
    "second moment": gaussian.second_moment,
    "fourth moment": gaussian.fourth_moment,
    "variance": gaussian.variance,
    "slope second moment": gaussian.slope_second_moment,
    "curvature": gaussian.curvature,
}
LAWS = ((0.0, 1.0), (0.5, 1.3))
STDS = np.array([1e-8, 1e-4, 0.03, 0.5, 1, 3, 20.0, 1e4, 1e8])
STEEP = {"exp": 6, "square": 8, "relu2": 8, "polynomial(0, 1, 1/3)": 8}  # beyond, float64 ends
OPEN = {"erf", "gelu", "gelu_tanh", "mish", "sigmoid", "silu", "softplus", "softsign", "tanh"}
every = pytest.mark.parametrize("name", NAMES)


def integrands(phi):
    slope = slope_of(phi)
    return {
        "mean": phi.value,
        "second moment": lambda x: phi.value(x) ** 2,
        "fourth moment": lambda x: phi.value(x) ** 4,
        "slope second moment": (lambda x: 0 * x) if slope is None else lambda x: slope.value(x) ** 2,
    }


NODES, WEIGHTS = np.polynomial.legendre.leggauss(120)


def by_legendre(function, mean, std, kinks):
    """E g(X) by 120 nodes between kinks and whole deviations."""
    steps = mean + std * np.arange(-12, 13.0)
    ends = np.unique([*steps, *(kink for kink in kinks if steps[0] < kink < steps[-1])])
    total = 0.0
    for low, high in pairwise(ends):
        x = (high - low) / 2 * NODES + (high + low) / 2
        density = np.exp(-((x - mean) ** 2) / (2 * std**2)) / (std * math.sqrt(2 * math.pi))
        total += (high - low) / 2 * np.dot(WEIGHTS, function(x) * density)
    return total


@every
@pytest.mark.parametrize(("mean", "std"), LAWS)
def test_against_gauss_and_legendre(name, mean, std):
    phi = vp.activation(name)
    truth = {what: by_legendre(g, mean, std, phi.breaks) for what, g in integrands(phi).items()}
    truth["variance"] = truth["second moment"] - truth["mean"] ** 2
    for what, expected in truth.items():
        assert float(QUANTITIES[what](phi, mean, std)) == pytest.approx(expected, rel=1e-11, abs=1e-14)


@every
@pytest.mark.parametrize("mean", [0.0, 0.7, -2.0])
def test_closed_forms_and_quadrature_agree_within_their_errors_for_every_std(name, mean):
    phi = vp.activation(name)
    stds = STDS[: STEEP.get(name, len(STDS))]
    for what, quantity in QUANTITIES.items():
        found = quantity(phi, mean, stds)
        value, error = Spread(phi, np.full(len(stds), mean), stds).found(what)
        assert (np.abs(found.value - value) <= found.error + error + 1e-299).all(), what
        exists = closed_form(phi, what, mean == 0) is not None
        assert (found.precision == "closed form") is exists
        if what != "curvature":  # whose terms may cancel
            assert (found.error <= 1e-9 * np.abs(found.value) + 1e-14 * (what == "mean") + 1e-299).all(), what


def test_which_have_closed_forms():
    closed = {name for name in NAMES if closed_form(vp.activation(name), "second moment", False) is not None}
    assert closed == set(NAMES) - OPEN
    centered = {n for n in OPEN if closed_form(vp.activation(n), "second moment", True) is not None}
    assert centered == {"erf", "gelu"}


@every
@pytest.mark.parametrize(("mean", "variance"), [("0", "1"), ("1/2", "9/4")])
def test_derivations_give_the_same_numbers(name, mean, variance):
    phi = vp.activation(name)
    x = vp.RandomVariable("x", vp.Normal(mean=mean, variance=variance))
    m, s = float(sp.Rational(mean)), math.sqrt(sp.Rational(variance))
    for power, what in ((1, "mean"), (2, "second moment"), (4, "fourth moment")):
        proof = vp.derive(vp.Mean(phi(x) ** power))
        assert proof.validity == "exact"
        assert float(proof.result) == pytest.approx(float(QUANTITIES[what](phi, m, s)), rel=1e-11, abs=1e-15)
        assert (proof.precision == "closed form") is (not proof.result.has(gaussian.GaussianMean))


@pytest.mark.parametrize("name", sorted(OPEN))
def test_enclosures_hold_what_quadrature_finds(name):
    pytest.importorskip("flint")
    phi = vp.activation(name)
    cases = ((1, "1/3", "2"), (2, "0", "1"), (4, "-1", "1/100"))
    for power, mean, variance in cases[1 : 2 if name == "gelu_tanh" else 3]:
        law = sp.Rational(mean), sp.Rational(variance)
        for of in (phi, slope_of(phi)):
            found = enclosed(of, power, 0, *law)
            spread = Spread(of, np.array([float(law[0])]), np.array([math.sqrt(law[1])]))
            value, error = spread.integral(*powers(of, power), "E")
            assert found is not None and found.radius <= 1e-14 * abs(float(found.middle))
            assert abs(float(found.middle) - value[0]) <= found.radius + error[0] + 1e-16 * abs(value[0])


@every
def test_majorants_hold(name):
    phi = vp.activation(name)
    x = np.concatenate([np.linspace(-60, 60, 20001), np.logspace(2, 12, 50), -np.logspace(2, 12, 50)])
    for of in (phi, slope_of(phi)):
        majorant = getattr(of, "majorant", None)
        if majorant is not None:
            constant, degree = majorant
            assert (np.abs(of.value(x)) <= float(constant) * (1 + np.abs(x)) ** degree).all()
    if phi.growth is not None:
        assert np.abs(phi.value(x) / (1 + np.abs(x)) ** phi.growth).max() < 10


def test_an_integrand_that_is_not_analytic_gets_no_proof():
    x = sp.Symbol("x", real=True)
    assert not enclosures.is_enclosable(sp.Abs(x - 1), x)
    assert not enclosures.is_enclosable(sp.Piecewise((x, x > 0), (0, True)), x)
    assert enclosed(vp.activation(lambda x: np.maximum(x, 0)), 2, 0, sp.S.Zero, sp.S.One) is None
    pytest.importorskip("flint")
    # |z - 0.3| as a root has a branch cut on the line; without the integrator's flag the ball is wrong
    found = enclosures.enclose(
        [sp.sqrt((x - sp.Rational(3, 10)) ** 2, evaluate=False)] * 2,
        [sp.Rational(3, 10)],
        x,
        sp.S.Zero,
        sp.S.One,
        (sp.Integer(2), 1),
        digits=10,
    )
    truth = 0.3 * math.erf(0.3 / math.sqrt(2)) + math.sqrt(2 / math.pi) * math.exp(-0.045)
    assert abs(float(found.middle) - truth) <= found.radius + 1e-15


@every
def test_simulation(name):
    """500,000 draws; five standard errors."""
    phi = vp.activation(name)
    draws = phi.value(0.2 + 0.8 * np.random.default_rng(5).standard_normal(500_000))
    for power, what in ((1, "mean"), (2, "second moment")):
        sample = draws**power
        error = sample.std() / math.sqrt(len(sample))
        assert abs(sample.mean() - float(QUANTITIES[what](phi, 0.2, 0.8))) <= 5 * error + 1e-12


@every
def test_curvature_is_the_rest_of_the_derivative_by_the_variance(name):
    phi = vp.activation(name)
    for mean, std in LAWS:
        h = 1e-4
        up, down = (
            float(gaussian.second_moment(phi, mean, math.sqrt(std**2 + sign * h))) for sign in (1, -1)
        )
        total = float(gaussian.slope_second_moment(phi, mean, std)) + float(
            gaussian.curvature(phi, mean, std)
        )
        assert total == pytest.approx((up - down) / (2 * h), rel=1e-6, abs=1e-7)


def arc_cosine(degree, rho):
    """E of two steps or two ReLUs. Cho, Saul 2009."""
    angle = math.acos(rho)
    if degree == 0:
        return (math.pi - angle) / (2 * math.pi)
    return (math.sin(angle) + (math.pi - angle) * rho) / (2 * math.pi)


@pytest.mark.parametrize("rho", [-1, -0.6, 0, 0.3, 0.9, 1])
def test_cross_moments_in_closed_form(rho):
    law = [0, 0], [[1, rho], [rho, 1]]
    for name, truth in (
        ("relu", arc_cosine(1, rho)),
        ("step", arc_cosine(0, rho)),
        ("erf", 2 / math.pi * math.asin(2 * rho / 3)),
        ("sin", math.exp(-1) * math.sinh(rho)),
        ("exp", math.exp(1 + rho)),
        ("square", 1 + 2 * rho**2),
    ):
        found = gaussian.cross_moment(name, *law)
        assert float(found) == pytest.approx(truth, rel=1e-11, abs=1e-13)
    assert float(gaussian.slope_cross_moment("relu", *law)) == pytest.approx(arc_cosine(0, rho), abs=1e-12)


@every
def test_cross_moments_at_the_ends(name):
    phi = vp.activation(name)
    same = gaussian.cross_moment(phi, [0.3, 0.3], [[0.49, 0.49], [0.49, 0.49]])
    apart = gaussian.cross_moment(phi, [0.3, 0.3], [[0.49, 0], [0, 0.49]])
    assert float(same) == pytest.approx(float(gaussian.second_moment(phi, 0.3, 0.7)), rel=1e-10)
    assert float(apart) == pytest.approx(float(gaussian.mean(phi, 0.3, 0.7)) ** 2, rel=1e-10, abs=1e-14)


def test_cross_moments_by_simulation():
    rng = np.random.default_rng(8)
    covariance = np.array([[1.0, 0.5], [0.5, 2.0]])
    pairs = rng.multivariate_normal([0.5, -0.25], covariance, 400_000)
    for name in ("tanh", "elu", "hardswish"):
        phi = vp.activation(name)
        for function, quantity in (
            (phi.value, gaussian.cross_moment),
            (phi.derivative, gaussian.slope_cross_moment),
        ):
            sample = function(pairs[:, 0]) * function(pairs[:, 1])
            error = sample.std() / math.sqrt(len(sample))
            found = float(quantity(phi, [0.5, -0.25], covariance))
            assert abs(sample.mean() - found) <= 5 * error


def test_shapes():
    assert gaussian.mean("tanh", np.zeros((3, 1)), np.ones(4)).value.shape == (3, 4)
    assert gaussian.mean("relu", 0, 1).value.shape == () and float(gaussian.variance("relu", 1.5, 0)) == 0
    found = gaussian.cross_moment("tanh", np.zeros((5, 2)), np.eye(2))
    assert found.value.shape == (5,) and found.error.shape == (5,)


def test_gaussian_means_in_formulas():
    v = sp.Symbol("v", positive=True)
    e = gaussian.gaussian_mean(vp.tanh, 2, sp.S.Zero, v)
    assert e.is_positive and e.free_symbols == {v} and "GaussianMean(tanh**2, 0, v)" in str(e)
    numeric = sp.lambdify(v, 2 * e + 1)
    np.testing.assert_allclose(
        numeric(np.array([1.0, 4.0])), 1 + 2 * gaussian.second_moment("tanh", 0, [1, 2]).value
    )
    slope = sp.diff(e, v).xreplace({v: sp.S.One})
    h = sp.Rational(1, 1000)
    near = (e.xreplace({v: 1 + h}) - e.xreplace({v: 1 - h})) / (2 * h)
    assert float(slope) == pytest.approx(float(near), rel=1e-5)
    stored = vp.from_json(vp.to_json(vp.derive(vp.Mean(vp.tanh(vp.RandomVariable("x", "Normal()")) ** 2))))
    assert float(stored.result) == pytest.approx(0.39429449039784, rel=1e-13)
    solved = vp.solve(
        vp.Equal(vp.Variance(vp.dot(weights="Normal(variance=v)", inputs="tanh(Normal())", fan_in="n")), 1),
        "v",
    )
    assert float(solved.result.subs(vp.symbol("n"), 100)) == pytest.approx(0.01 / 0.39429449039784, rel=1e-12)
