"""Every activation: its value, derivative and exact facts agree with each other."""

import math
import pickle

import numpy as np
import pytest
import sympy as sp

import varprop as vp
from varprop.model.activations import NAMED, Formula, HomogeneousActivation
from varprop.model.activations.base import X as X_

ACTIVATIONS = [
    vp.identity,
    vp.relu,
    vp.relu2,
    vp.abs_,
    vp.step,
    vp.leaky_relu(),
    vp.leaky_relu("3/10"),
    vp.leaky_relu(-2),
]
POINTS = np.array([-1e300, -7.5, -1.0, -1e-300, 0.0, 1e-300, 0.25, 1.0, 3.0, 1e150])
EXPECTED = {
    "identity": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "relu2": lambda x: np.maximum(x, 0) ** 2,
    "abs": np.abs,
    "step": lambda x: (x > 0).astype(float),
    "leaky_relu(1/100)": lambda x: np.where(x > 0, x, x / 100),
    "leaky_relu(3/10)": lambda x: np.where(x > 0, x, 0.3 * x),
    "leaky_relu(-2)": lambda x: np.where(x > 0, x, -2 * x),
}
READY = sorted(set(NAMED) - {"polynomial"} | {"polynomial(1, -2, 3)"})  # a name may need parameters
FORMULAS = [name for name in READY if isinstance(vp.activation(name), Formula) and name != "swish"]
every = pytest.mark.parametrize("phi", ACTIVATIONS, ids=str)
X = vp.RandomVariable("x", "Normal()")


def test_every_registered_name_is_tested():
    names = {str(phi).partition("(")[0] for phi in ACTIVATIONS}
    assert names | set(FORMULAS) == set(READY) - {"prelu", "swish"}


@pytest.mark.parametrize("name", READY)
def test_numpy_and_sympy_agree(name):
    phi = vp.activation(name)
    points = np.array([-40.0, -7, -3.5, -2, -1, -0.3, -1e-6, 1e-6, 0.4, 1.5, 2.5, 4, 7, 40])
    for order, function in enumerate((phi.value, phi.derivative, phi.second_derivative)):
        for x, found in zip(points, function(points), strict=True):
            piece = sp.diff(phi.pieces[int(np.sum(x > phi.breaks))], X_, order)
            expected = float(piece.subs(X_, sp.Rational(float(x))).evalf(30))
            assert float(found) == pytest.approx(expected, rel=3e-14, abs=1e-300)


@every
def test_values(phi):
    np.testing.assert_allclose(phi(POINTS), EXPECTED[str(phi)](POINTS), rtol=1e-15)
    assert phi(2.0) == EXPECTED[str(phi)](np.array(2.0))
    assert phi([[1, -1], [0, 2]]).shape == (2, 2)
    assert np.isnan(phi(math.nan))
    assert np.isnan(phi.derivative(np.array([math.nan]))).all()


@every
def test_the_derivative_is_the_slope_off_zero_and_zero_at_zero(phi):
    x = np.array([-2.5, -0.4, 0.3, 1.7])
    step = 1e-6
    slope = (phi(x + step) - phi(x - step)) / (2 * step)
    np.testing.assert_allclose(phi.derivative(x), slope, atol=1e-8)
    assert phi.derivative(np.zeros(1)) == 0


@every
def test_parity_says_what_values_show(phi):
    x = np.array([0.3, 1.7, 42.0])
    odd, even = np.array_equal(phi(-x), -phi(x)), np.array_equal(phi(-x), phi(x))
    assert phi.parity == ("odd" if odd else "even" if even else "neither")


@every
@pytest.mark.parametrize("power", [1, 2, 3, 4])
def test_even_and_odd_parts(phi, power):
    x = np.array([-1.5, -0.25, 0.5, 2.0])
    z = vp.RandomVariable("z", "Normal()")
    plus, minus = phi(x) ** power, phi(-x) ** power
    odd = valued(phi.odd_part(power, z), z, x)
    np.testing.assert_allclose(odd, (plus - minus) / 2, rtol=1e-14, atol=1e-14)
    even = phi.even_part(power, z)
    if even is not None:
        np.testing.assert_allclose(valued(even, z, x), (plus + minus) / 2, rtol=1e-14)
        at_zero = float(valued(even, z, np.zeros(1))[0])
        assert bool(at_zero == phi(0.0) ** power) is phi.even_part_holds_at_zero
    else:
        assert phi.degree * power % 2 == 1


def valued(e, z, x):
    """Return an expression in one variable at numbers."""
    from varprop.model.expressions import Add, Apply, Product, Scalar

    if e is z:
        return x
    if isinstance(e, Scalar):
        return np.full(x.shape, float(e.value))
    if isinstance(e, Product):
        factors = [valued(base, z, x) ** power for base, power in e.factors]
        return float(e.coefficient) * np.prod(factors, axis=0)
    if isinstance(e, Add):
        return sum(valued(term, z, x) for term in e.terms)
    assert isinstance(e, Apply)
    return e.activation(valued(e.argument, z, x))


@every
def test_gates_and_zeros(phi):
    x = np.array([-3.0, -1e-9, 1e-9, 3.0])
    assert phi.gates is bool((phi(x[:2]) == 0).all() and (phi(x[2:]) != 0).all())
    assert phi.vanishes_only_at_zero is bool((phi(x) != 0).all())


DENSITIES = {
    vp.Normal(): lambda x: np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi),
    vp.Normal(mean=1, variance=2): lambda x: np.exp(-((x - 1) ** 2) / 4) / math.sqrt(4 * math.pi),
    vp.Uniform(-1, 2): lambda x: np.where((x > -1) & (x < 2), 1 / 3, 0),
    vp.Laplace(): lambda x: np.exp(-math.sqrt(2) * np.abs(x)) / math.sqrt(2),
}


@every
@pytest.mark.parametrize("power", [1, 2, 3, 4])
@pytest.mark.parametrize("law", DENSITIES, ids=str)
def test_moments_by_quadrature(phi, power, law):
    density = DENSITIES[law]
    expected = 0.0
    nodes, weights = np.polynomial.legendre.leggauss(400)
    for low, high in ((-40, -1), (-1, 0), (0, 2), (2, 40)):
        x = (high - low) / 2 * nodes + (high + low) / 2
        expected += (high - low) / 2 * np.dot(weights, phi(x) ** power * density(x))
    assert float(phi.moment(power, law)) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert float(vp.derive(vp.Mean(phi(vp.RandomVariable("x", law)) ** power)).result) == pytest.approx(
        expected, rel=1e-9, abs=1e-12
    )


@every
def test_applied_to_an_expression_a_distribution_and_numbers(phi):
    assert str(phi(X)) == f"{phi}(x)"
    law = phi(vp.Normal(variance=2))
    assert law.parent == vp.Normal(variance=2)
    draws = law.draw(np.random.default_rng(3), 5)
    np.testing.assert_array_equal(draws, phi(np.random.default_rng(3).standard_normal(5) * math.sqrt(2)))
    assert law.moment(2) == phi.moment(2, vp.Normal(variance=2))


@every
def test_identity_by_value(phi):
    assert pickle.loads(pickle.dumps(phi)) == phi
    assert len({*ACTIVATIONS, phi}) == len(ACTIVATIONS)
    assert phi.latex


def test_a_slope_may_be_a_symbol():
    phi = vp.leaky_relu("a")
    a = vp.symbol("a")
    assert sp.simplify(vp.derive(vp.Moment(phi(X), 2)).result - (1 + a**2) / 2) == 0
    assert phi.at({a: sp.Rational(1, 4)}) == vp.leaky_relu("1/4")
    assert vp.relu.at({a: 1}) is vp.relu
    assert vp.abs_.at({a: 1}) is vp.abs_


def test_special_slopes_are_the_named_functions_in_value():
    x = np.array([-2.0, 3.0])
    np.testing.assert_array_equal(vp.leaky_relu(0)(x), vp.relu(x))
    np.testing.assert_array_equal(vp.leaky_relu(1)(x), x)
    assert isinstance(vp.relu.slope, HomogeneousActivation)


def test_symmetry_of_a_transformed_distribution():
    assert vp.identity(vp.Normal()).symmetric
    assert vp.relu(vp.Normal()).symmetric is None


def test_text_names_activations():
    law = vp.parse_distribution("relu(Normal())", NAMED)
    assert law == vp.relu(vp.Normal())
