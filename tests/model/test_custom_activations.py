"""Activations of a user: polynomials, SymPy formulas, callables; and what is refused."""

import math

import numpy as np
import pytest
import sympy as sp

import varprop as vp
from varprop.model import gaussian
from varprop.model.gaussian import error_of

T = sp.Symbol("t", real=True)
RNG = np.random.default_rng(11)


def test_polynomials_have_closed_moments_under_every_law():
    phi = vp.polynomial(0, 1, "1/3")
    assert phi.moment(2, vp.Uniform(0, 1)) == sp.Rational(1, 3) + sp.Rational(1, 6) + sp.Rational(1, 45)
    x = vp.RandomVariable("x", vp.Normal())
    assert vp.derive(vp.Variance(phi(x))).result == 1 + sp.Rational(2, 9)
    assert vp.activation("polynomial(0, 1, 1/3)") == phi
    assert vp.polynomial(0, 3, 0).parity == "odd" and vp.polynomial(1, 0, 2).parity == "even"


@pytest.mark.parametrize(
    ("formula", "name", "kinks"),
    [
        (sp.Max(T, 0), "relu", (0,)),
        (sp.Abs(T), "abs", (0,)),
        (sp.Piecewise((sp.exp(T) - 1, T < 0), (T, True)), "elu", (0,)),
        (sp.Min(sp.Max(T, -1), 1), "hardtanh", (-1, 1)),
        (T / (1 + sp.Abs(T)), "softsign", (0,)),
        (T / (1 + sp.exp(-T)), "silu", ()),
        (sp.Heaviside(T), "step", (0,)),
        (T * sp.Min(sp.Max(T + 3, 0), 6) / 6, "hardswish", (-3, 3)),
    ],
)
def test_formulas_are_split_into_the_registered_pieces(formula, name, kinks):
    made, known = vp.activation(formula), vp.activation(name)
    assert made.kinks == kinks
    x = np.array([-4.5, -2.2, -0.7, 0.4, 1.9, 5.0])
    np.testing.assert_allclose(made(x), known(x), rtol=1e-14, atol=1e-300)
    np.testing.assert_allclose(made.derivative(x), known.derivative(x), rtol=1e-13, atol=1e-300)
    assert made.parity in ("neither", known.parity)
    one, other = vp.gain(made), vp.gain(known)
    assert float(one.forward) == pytest.approx(float(other.forward), rel=1e-12)
    assert (one.precision == "closed form") is (other.precision == "closed form")


@pytest.mark.parametrize(
    ("function", "name", "kinks"),
    [
        (np.tanh, "tanh", ()),
        (lambda x: np.maximum(x, 0), "relu", (0.0,)),
        (lambda x: np.clip(x, -1, 1), "hardtanh", (-1.0, 1.0)),
        (lambda x: x * np.clip(x + 3, 0, 6) / 6, "hardswish", (-3.0, 3.0)),
        (lambda x: np.where(x > 0, x, x / 100), "leaky_relu", (0.0,)),
        (lambda x: (x > 0) * 1.0, "step", (0.0,)),
    ],
)
def test_callables_find_their_kinks_and_give_estimates(function, name, kinks):
    made, known = vp.gain(function), vp.gain(name)
    assert made.activation.at_kinks == kinks
    assert made.precision == "estimate"
    assert float(made.forward) == pytest.approx(float(known.forward), rel=1e-11)
    assert float(made.backward) == pytest.approx(float(known.backward), rel=1e-9)
    with pytest.raises(vp.MomentError, match="growth"):
        vp.derive(vp.Mean(made.activation(vp.RandomVariable("x", vp.Normal())) ** 2))
    grown = vp.activation(function, growth=1)
    assert float(vp.derive(vp.Mean(grown(vp.RandomVariable("x", vp.Normal())) ** 2)).result) == pytest.approx(
        float(known.second_moment), rel=1e-11
    )


def test_given_kinks_are_used():
    phi = vp.activation(lambda x: np.abs(x - 12.5), kinks=[12.5], name="shifted")
    found = gaussian.second_moment(phi, 12.0, 1.0)
    assert str(phi) == "shifted" and phi.kinks == (sp.Float(12.5),)
    assert float(found) == pytest.approx(1.25, rel=1e-12)
    assert vp.activation(lambda x: np.abs(x - 2.12345)).at_kinks == (2.12345,)


def writes(x):
    x += 1
    return x


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (math.tanh, "fails on an array"),
        (np.sqrt, "it is nan"),
        (lambda x: x.sum(), r"returns shape \(\)"),
        (lambda x: np.array([1.0, 2.0]), "returns shape"),
        (lambda x: 1j * x, "not real numbers"),
        (lambda x: np.cumsum(x).reshape(x.shape) / x.shape[-1] if x.ndim else x, "depend on the shape"),
        (lambda x: x / 0, "it is"),
        (lambda x: "text", "returns shape"),
        (lambda x: 1 / 0, "ZeroDivisionError"),
        (writes, "changes the array"),
        (sp.log(T), "it is nan"),
        (T * sp.Symbol("u"), "2 symbols"),
        (sp.Integer(3), "0 symbols"),
        (lambda x: np.exp(x * x), "grow slower"),
        (lambda x: np.exp(x * x / 3.9), "not found"),
        (sp.exp(T**2), "grow slower"),
        (1 / T, "it is inf"),
        (sp.tan(T), "does not settle"),
        (lambda x: RNG.normal(size=np.shape(x)), "depend on the shape"),
        (None, "no name, formula or function"),
        (["relu"], "no name, formula or function"),
    ],
)
def test_what_is_refused(given, message):
    with pytest.raises(vp.VarpropError, match=message):
        vp.gain(given)


@pytest.mark.parametrize("growth", [-1, 1.5, True, "x"])
def test_bad_growth(growth):
    with pytest.raises(vp.ParameterError, match="growth"):
        vp.activation(np.tanh, growth=growth)


@pytest.mark.parametrize("kinks", [["a"], "ab", 3, [math.nan], [math.inf], [None], [1j]])
def test_bad_kinks(kinks):
    with pytest.raises(vp.VarpropError, match="kink"):
        vp.activation(np.tanh, kinks=kinks)


def test_kinks_are_sorted_and_stand_once():
    assert vp.activation(np.tanh, kinks=[1, -2, 1.0]).kinks == (-2, 1)


@pytest.mark.parametrize("given", ["relu", "leaky_relu(0.01)", vp.relu, vp.elu])
@pytest.mark.parametrize("setting", [{"kinks": [0]}, {"kinks": []}, {"growth": 0}, {"name": "mine"}])
def test_a_name_brings_its_own_settings(given, setting):
    with pytest.raises(vp.ParameterError, match=f"its own {next(iter(setting))}"):
        vp.activation(given, **setting)


def test_a_formula_brings_its_own_kinks():
    with pytest.raises(vp.ParameterError, match="its own kinks"):
        vp.activation(sp.tanh(T), kinks=[0])


@pytest.mark.parametrize(
    ("mean", "std"), [(0, -1), (math.nan, 1), (0, math.inf), ([1, 2], [1, 2, 3]), ("a", 1)]
)
def test_bad_laws(mean, std):
    with pytest.raises(vp.ParameterError, match="moments of tanh"):
        gaussian.mean("tanh", mean, std)


@pytest.mark.parametrize(
    "covariance",
    [[[1, 2], [2, 1]], [[1, 0.1], [0.2, 1]], [[-1, 0], [0, 1]], [[1, 0]], [[math.nan, 0], [0, 1]]],
)
def test_bad_covariances(covariance):
    with pytest.raises(vp.ParameterError, match="cross moments of tanh"):
        gaussian.cross_moment("tanh", [0, 0], covariance)


def test_kinks_and_jumps_are_found_where_they_are() -> None:
    assert vp.activation(lambda x: np.maximum(x - 1 / 3, 0)).at_kinks == pytest.approx((1 / 3,), abs=1e-14)
    jump = vp.activation(lambda x: np.where(x > 1 / 3, 1.0, 0.0))
    assert jump.at_kinks == pytest.approx((1 / 3,), abs=1e-15)
    share = math.erfc(1 / 3 / math.sqrt(2)) / 2
    assert float(vp.gain(jump).digits("forward")) == pytest.approx(share**-0.5, rel=1e-12)
    assert vp.gain(jump).backward == sp.oo  # a jump is no slope
    bent = vp.gain(lambda x: np.maximum(x - 1 / 3, 0))
    assert float(bent.digits("backward")) == pytest.approx(share**-0.5, rel=1e-12)
    both = vp.activation(lambda x: np.where(x > 0.7, np.exp(x), -x * x))  # a jump, and another slope
    assert both.at_kinks == (0.7,)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.sqrt(np.abs(x)),  # E phi'^2 is infinite
        lambda x: np.tanh(1000 * x),  # steeper than differences can see: E phi'^2 = 531.9
        lambda x: np.tanh(1000 * (x - 0.0052)),
    ],
)
def test_slopes_that_differences_miss_are_no_numbers(function) -> None:
    with pytest.raises(vp.MomentError, match="does not settle"):
        vp.gain(function)


@pytest.mark.parametrize(
    ("function", "square"),
    [
        (lambda x: np.sin(5 * x), 12.5 * (1 + math.exp(-50))),
        (lambda x: np.abs(np.sin(5 * x)), 12.5 * (1 + math.exp(-50))),
        (lambda x: np.sign(x) * np.abs(x) ** 1.5, 2.25 * math.sqrt(2 / math.pi)),
        (lambda x: x**3, 27.0),
    ],
)
def test_errors_of_slopes_by_differences_cover(function, square) -> None:
    found = vp.gain(function)
    apart = abs(float(found.slope_second_moment) - square)
    assert apart <= error_of(found.slope_second_moment) <= 1e-6 * square


def test_formulas_without_a_bounded_slope_are_refused() -> None:
    with pytest.raises(vp.ParameterError, match="no limit at 0"):
        vp.activation(sp.sqrt(sp.Abs(T)))


def test_formulas_are_split_where_their_kinks_are_found() -> None:
    gate = vp.activation(T * sp.Heaviside(T - 1))
    assert gate.kinks == (1,) and gate(np.array([0.5, 2.0])).tolist() == [0.0, 2.0]
    assert vp.activation(sp.Piecewise((T, T > 1), (T, T > 0), (0, True))).kinks == (0,)  # none at 1
    assert vp.activation(sp.Max(T - 1, 0)).parity == "neither"


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        (sp.Piecewise((T, T > 1)), "cannot be split"),
        (sp.Max(T, sp.sin(T)), "kinks are not found. Give a callable"),
        (sp.Abs(sp.sin(T)), "kinks are not found. Give a callable"),
        (sp.Piecewise((T, sp.sin(T) > 0), (0, True)), "not found|not finitely many"),
    ],
)
def test_formulas_that_are_not_split_are_refused(formula, message) -> None:
    with pytest.raises(vp.ParameterError, match=message):
        vp.activation(formula)


def test_callables_with_too_many_kinks_name_the_way_out() -> None:
    with pytest.raises(vp.ParameterError, match="Give kinks="):
        vp.activation(lambda x: np.abs(np.sin(30 * x)))
    folded = vp.activation(lambda x: np.abs(np.sin(30 * x)), kinks=[0])
    assert folded.at_kinks == (0.0,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("relu(1, 2)", "takes no parameters"),
        ("elu(1, 2)", "too many positional arguments. It takes alpha"),
        ("elu(alpha=1)", "no name"),
        ("1 + 2", "no name"),
        ("polynomial()", "or there are none"),
        ("polynomial(a)", "no number"),
    ],
)
def test_texts_that_are_no_activation(text: str, message: str) -> None:
    with pytest.raises(vp.VarpropError, match=message):
        vp.activation(text)
    assert vp.activation(vp.elu) == vp.elu()


@pytest.mark.parametrize("what", ["second_moment", "fourth_moment", "slope_second_moment", "curvature"])
def test_at_a_point_a_moment_is_the_value_there(what: str) -> None:
    x = np.array([-1.5, 0.25, 2.0])
    t = np.tanh(x)
    exact = {
        "second_moment": t**2,
        "fourth_moment": t**4,
        "slope_second_moment": (1 - t**2) ** 2,
        "curvature": -2 * t**2 * (1 - t**2),
    }[what]
    found = getattr(gaussian, what)("tanh", x, 0.0)
    np.testing.assert_allclose(found.value, exact, rtol=1e-13)


def test_what_a_transformed_law_knows() -> None:
    law = vp.tanh(vp.Normal(variance="v"))
    assert law.symmetric and law.at({"v": 4}) == vp.tanh(vp.Normal(variance=4))
    assert law.support == (-sp.oo, sp.oo) and law.atom_at_zero is None and "tanh" in law.latex()
    unknown = vp.activation(lambda x: x**3, name="cubic")(vp.Normal())
    with pytest.raises(vp.MomentError, match="no bound on the growth of cubic"):
        unknown.moment(2)
    assert unknown.moment_exists(2) is None and "growth of cubic" in unknown.why_no_moment(2)[0]
    heavy = vp.relu2(vp.StudentT(3))
    assert heavy.why_no_moment(2) == vp.StudentT(3).why_no_moment(4)


def test_pairs_that_do_not_fit_are_refused_and_fixed_ones_multiplied() -> None:
    with pytest.raises(vp.ParameterError, match="no arrays of numbers"):
        gaussian.cross_moment("tanh", ["a", 0], np.eye(2))
    with pytest.raises(vp.ParameterError, match="do not fit together"):
        gaussian.cross_moment("tanh", np.zeros((3, 2)), np.zeros((4, 2, 2)))
    fixed = gaussian.cross_moment("tanh", [0.5, -1], np.zeros((2, 2)))
    assert float(fixed) == pytest.approx(math.tanh(0.5) * math.tanh(-1), rel=1e-15)


@pytest.mark.parametrize("formula", [sp.floor(sp.Symbol("x")), sp.Mod(sp.Symbol("x"), 1)], ids=str)
def test_a_formula_without_a_derivative_is_asked_for_as_a_function(formula: sp.Expr) -> None:
    with pytest.raises(vp.ParameterError, match=r"has no formula. Give it as a vectorized function"):
        vp.gain(formula)


@pytest.mark.parametrize(("name", "slope"), [("erf", 1.0), ("gelu", 2.0), ("gelu'", 2.0)])
def test_a_formula_is_what_it_is_not_what_it_is_called(name, slope) -> None:
    phi = vp.activation(slope * sp.Symbol("x") ** 3, name=name)
    assert float(gaussian.second_moment(phi, 0, 1)) == pytest.approx(15 * slope**2, rel=1e-14)
    assert vp.gain(phi).slope_second_moment == 27 * slope**2
    assert float(gaussian.mean(phi, 1, 1)) == pytest.approx(4 * slope, rel=1e-14)


def test_a_formula_called_identity_acts_on_the_signal() -> None:
    """E (z^3)^2 = 15 for z of N(0, 1): the last layer of one input makes 15 of 1."""
    cube = vp.activation(sp.Symbol("x") ** 3, growth=3, name="identity")
    layers = [vp.Dense(1, weights="lecun_normal"), cube, vp.Dense(1, weights="lecun_normal")]
    rows = vp.propagate(vp.Network(layers, fan_in=1), given=[1.0]).rows
    assert [float(row.second_moment) for row in rows] == pytest.approx([1, 1, 15, 15])
    assert [float(row.gradient) for row in rows] == pytest.approx([27, 27, 1, 1])


@pytest.mark.parametrize(
    ("factor", "stretch", "name"), [(1, 1, "erf"), (3, 1.5, "erf"), (-2, -0.5, "erf"), (2, 3, "gelu")]
)
def test_multiples_of_gates_are_closed_forms_too(factor, stretch, name) -> None:
    x, base = sp.Symbol("x"), vp.activation(name)
    a, b = sp.Rational(factor), sp.Rational(stretch)
    written = a * (sp.erf(b * x) if name == "erf" else b * x * (1 + sp.erf(b * x / sp.sqrt(2))) / 2)
    by_values = vp.activation(lambda u: factor * base.value(stretch * u))
    for mean in (0.0, 0.7):
        for ask in (gaussian.mean, gaussian.second_moment):
            found, expected = ask(written, mean, 1.3), ask(by_values, mean, 1.3)
            assert float(found) == pytest.approx(float(expected), rel=1e-12)
            assert found.precision == ("closed form" if mean == 0 or ask is gaussian.mean else "estimate")
    assert vp.gain(written).precision == "closed form"


@pytest.mark.parametrize(
    "text",
    ["erf(x)**2", "x*erf(x)", "erf(x) + 1", "erf(x) + exp(x)", "erf(x**2)", "erf(x + 1)", "erf(x)*erf(2*x)"],
)
def test_what_only_resembles_a_gate_has_no_form_of_it(text) -> None:
    phi = vp.activation(sp.sympify(text))
    found = gaussian.second_moment(phi, 0, 0.8)
    assert found.precision == "estimate"
    assert float(found) == pytest.approx(float(gaussian.second_moment(phi.value, 0, 0.8)), rel=1e-11)


def test_formulas_have_no_symbol_of_their_own_and_the_growth_of_polynomials():
    growths = [(T**2, 2), (sp.Max(T, T**3), 3), (sp.Heaviside(T), 0), (sp.sin(T), None)]
    assert [vp.activation(formula).growth for formula, _ in growths] == [growth for _, growth in growths]
    assert vp.activation(T**2, growth=5).growth == 5
    x = vp.RandomVariable("x", vp.Normal())
    assert vp.derive(vp.Mean(vp.activation(T**2)(x) ** 2)).result == 3


@pytest.mark.parametrize("formula", [T**2, sp.Max(T, 0), sp.tanh(T), sp.sin(T)])
def test_networks_of_formulas_are_followed_in_numbers(formula):
    """Dense layers of variance 1/n before and after: E z^2 = E phi(N)^2 behind both."""
    net = vp.Network([vp.Dense(8), vp.activation(formula), vp.Dense(4)], fan_in=4)
    last = vp.propagate(net, input=vp.Normal())[-1]
    expected = gaussian.second_moment(vp.activation(formula), 0, 1)
    assert float(last.second_moment) == pytest.approx(float(expected), rel=1e-12)
    open_width = vp.Network([vp.Dense("n"), vp.activation(formula), vp.Dense(4)], fan_in="n")
    with pytest.raises(vp.DerivationError, match="all symbols in the network and its input"):
        vp.propagate(open_width, input=vp.Normal())
