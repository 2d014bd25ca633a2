"""Initializers: the promised variance by a second way, and the drawn arrays against it."""

from __future__ import annotations

import itertools
import math
import pickle

import numpy as np
import pytest
import sympy as sp
from scipy import integrate, stats

import varprop as vp
from varprop.errors import ParameterError
from varprop.networks.catalogue import INITIALIZERS

ACTIVATIONS = {
    "identity": (lambda x: x, lambda x: 1.0),
    "relu": (lambda x: max(x, 0.0), lambda x: float(x > 0)),
    "leaky_relu(1/5)": (lambda x: x if x > 0 else 0.2 * x, lambda x: 1.0 if x > 0 else 0.2),
    "abs": (abs, lambda x: math.copysign(1.0, x)),
    "relu2": (lambda x: max(x, 0.0) ** 2, lambda x: 2 * max(x, 0.0)),
    "tanh": (math.tanh, lambda x: 1 - math.tanh(x) ** 2),
    "gelu": (
        lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
        lambda x: (1 + math.erf(x / math.sqrt(2))) / 2 + x * math.exp(-x * x / 2) / math.sqrt(2 * math.pi),
    ),
    "selu": (
        lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x)),
        lambda x: 1.0507009873554805 * (1 if x > 0 else 1.6732632423543772 * math.exp(x)),
    ),
}
SHAPES = {
    "dense": ({"shape": (120, 300)}, 300, 120),
    "dense, inputs first": ({"shape": (90, 400), "layout": "IO"}, 90, 400),
    "kernel": ({"shape": (64, 24, 3, 5)}, 360, 960),
    "kernel, channels last": ({"shape": (3, 3, 60, 80), "layout": "HWIO"}, 540, 720),
    "grouped, strided": ({"shape": (96, 12, 5, 5), "groups": 8, "stride": 2}, 300, 75),
    "depthwise": ({"shape": (1200, 1, 5, 5), "groups": 1200}, 25, 25),
}
SCHEMES = {
    "he_normal": {"mode": "fan_in"},
    "he_uniform": {"mode": "fan_out"},
    "glorot_normal": {"mode": "fan_avg"},
    "lecun_truncated_normal": {"mode": "fan_in", "multiplier": "3/2"},
}
COMBINATIONS = list(itertools.product(ACTIVATIONS, SHAPES, SCHEMES))
RANGES = {"normal": math.inf, "uniform": math.sqrt(3), "truncated_normal": 2 / 0.8796256610342398}


def gaussian_mean(function) -> float:
    def weighted(x: float) -> float:
        return function(x) * math.exp(-x * x / 2) / math.sqrt(2 * math.pi)

    return sum(integrate.quad(weighted, *ends, epsabs=1e-13)[0] for ends in ((-40, 0), (0, 40)))


def by_quadrature(activation: str, mode: str, multiplier: str, fan_in: int, fan_out: int) -> float:
    """The variance from its condition, written anew:

    share n_in v E phi^2 + (1 - share) n_out v E phi'^2 = m^2.
    """
    value, slope = ACTIVATIONS[activation]
    share = {"fan_in": 1, "fan_out": 0, "fan_avg": 0.5}[mode]
    forward = fan_in * gaussian_mean(lambda x: value(x) ** 2)
    backward = fan_out * gaussian_mean(lambda x: slope(x) ** 2)
    return float(sp.Rational(multiplier)) ** 2 / (share * forward + (1 - share) * backward)


def agrees(drawn: np.ndarray, variance: float, end: float, few: float = 5.0) -> bool:
    """Whether independent entries fit a variance, by its own standard error, and a range that they fill."""
    squares = drawn.ravel() ** 2
    error = squares.std() / math.sqrt(squares.size)
    right = abs(squares.mean() - variance) < few * error
    centered = abs(drawn.mean()) < few * drawn.std() / math.sqrt(drawn.size)
    largest = np.abs(drawn).max()
    return bool(right and centered and largest <= end and (end == math.inf or largest > 0.99 * end))


def test_there_are_more_than_sixty_combinations() -> None:
    assert len(COMBINATIONS) >= 60


@pytest.mark.parametrize(("activation", "shape", "scheme"), COMBINATIONS)
def test_variance_and_range_are_as_promised(activation: str, shape: str, scheme: str) -> None:
    given, fan_in, fan_out = SHAPES[shape]
    options = SCHEMES[scheme]
    made = vp.initializer(scheme, activation=activation, **given, **options)
    assert made.terms == fan_in
    expected = by_quadrature(activation, options["mode"], options.get("multiplier", "1"), fan_in, fan_out)
    assert float(made.variance) == pytest.approx(expected, rel=1e-10)
    end = RANGES[made.kind] * math.sqrt(expected)
    if made.kind != "normal":
        assert [float(e) for e in made.support] == pytest.approx([-end, end], rel=1e-10)
    drawn = made.draw(1)
    assert drawn.shape == given["shape"] and drawn.dtype == np.float64
    assert agrees(drawn, expected, end * (1 + 1e-12))


def test_each_broken_formula_is_caught() -> None:
    shape, n_in, n_out = (200, 300), 300, 200
    drawn = vp.he_normal(shape).draw(2)
    assert agrees(drawn, 2 / n_in, math.inf)
    for wrong in (
        1 / n_in,
        2 / n_out,
        2 / (n_in + n_out),
        math.sqrt(2 / n_in),
        2 / n_in / 0.3408 / 2,
        2.1 / n_in,
    ):
        assert not agrees(drawn, wrong, math.inf)
    uniform = vp.lecun_uniform(shape)
    end = math.sqrt(3 / n_in)
    assert agrees(uniform.draw(3), 1 / n_in, end)
    assert not agrees(uniform.draw(3), 1 / n_in, math.sqrt(1 / n_in))  # std taken for the half width
    assert not agrees(uniform.draw(3), end**2, end)
    cut = vp.he_normal(shape, truncate=2, corrected=False)
    assert not agrees(cut.draw(4), float(cut.promised), float(cut.support[1]))
    assert agrees(cut.draw(4), float(cut.variance), float(cut.support[1]))
    assert float(cut.variance / cut.promised) == pytest.approx(0.7737413035, rel=1e-9)
    tight = vp.he_normal(shape, truncate=2)
    assert not agrees(tight.draw(5), 2 / n_in, 2 * math.sqrt(2 / n_in))  # the range of the uncorrected one


@pytest.mark.parametrize("cut", [2, "1/3", 5])
def test_a_corrected_truncation_keeps_the_second_moment_exactly(cut: object) -> None:
    weights = vp.he_normal(("m", "n"), truncate=cut)
    assert vp.derive(vp.Variance(vp.dot(weights=weights, inputs=vp.relu(vp.Normal())))).result == 1
    c = float(sp.sympify(cut))
    kept = stats.truncnorm(-c, c).var()
    left = vp.he_normal(("m", "n"), truncate=cut, corrected=False)
    z = vp.dot(weights=left, inputs=vp.relu(vp.Normal()))
    assert float(vp.derive(vp.Variance(z)).result) == pytest.approx(kept, rel=1e-12)
    text = " ".join(left.to_text().split())
    assert f"normal of variance 2/n, then cut at {cut} standard deviations" in text
    assert f"variance {2 * kept:.6g}/n" in text and f"signal by {kept:.6g}" in text
    assert f"normal of variance {2 / kept:.6g}/n, then cut" in " ".join(weights.to_text().split())


@pytest.mark.parametrize("name", INITIALIZERS)
def test_every_name_makes_an_initializer_of_its_variance(name: str) -> None:
    asked = {"lecun": "1/n_in", "he": "2/n_in", "kaiming": "2/n_in"}.get(
        name.split("_", maxsplit=1)[0], "2/(n_in + n_out)"
    )
    made = vp.initializer(name, ("n_out", "n_in"))
    expected = "1/Max(n_in, n_out)" if name == "orthogonal" else asked
    assert str(sp.simplify(made.variance)) == expected
    assert made.at({"n_in": 30, "n_out": 20}).draw(0).shape == (20, 30)
    assert str(made) == f"{name}(O=n_out, I=n_in)"


@pytest.mark.parametrize(("activation", "squared"), [("relu", 2), ("identity", 1), ("abs", 1)])
def test_orthogonal_is_solved_for_its_gain_through_the_weak_sum_rule(activation: str, squared: int) -> None:
    made = vp.orthogonal((30, 20), activation=activation)
    assert made.derivation.result**2 == squared
    kinds = {assumption.kind for assumption in made.derivation.assumptions}
    assert "no correlation" in kinds
    assert not any("copies" in str(assumption) for assumption in made.derivation.assumptions)
    assert made.variance == sp.Rational(squared, 30)
    w = made.draw(7)
    assert np.allclose(w.T @ w, squared * np.eye(20))
    assert np.allclose(np.mean(w**2), float(made.variance))


@pytest.mark.parametrize(
    ("shape", "layout"), [((6, 2, 2, 3), "OIHW"), ((2, 3, 2, 6), "HWIO"), ((4, 9), "IO")]
)
def test_an_orthogonal_kernel_has_orthonormal_rows_per_output(shape: tuple[int, ...], layout: str) -> None:
    kernel = vp.orthogonal(shape, layout=layout).draw(0)
    rows = np.moveaxis(kernel, layout.index("O"), 0).reshape(shape[layout.index("O")], -1)
    gram = rows @ rows.T if rows.shape[0] <= rows.shape[1] else rows.T @ rows
    assert np.allclose(gram, np.eye(len(gram)))


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4)])
def test_entries_of_an_orthogonal_matrix_are_uncorrelated(shape: tuple[int, int]) -> None:
    drawn = vp.Orthogonal(*shape, gain=2).draw(np.random.default_rng(0), 40_000).reshape(40_000, -1)
    second = drawn.T @ drawn / len(drawn)
    assert np.allclose(second, np.eye(15 if shape != (4, 4) else 16) * 4 / max(shape), atol=0.06)


def test_it_is_the_law_of_the_weights_of_an_expression() -> None:
    made = vp.he_normal(("m", "n"))
    assert vp.derive(vp.Variance(vp.dot(weights=made, inputs=vp.relu(vp.Normal())))).result == 1
    matrix = vp.RandomVector("W", made)
    i = matrix.variable.axes[1]
    x = vp.RandomVariable("x", vp.Unknown(mean=0, variance="s"), axes=i)
    assert str(vp.derive(vp.Variance(vp.sum_over(i, matrix * x))).result) == "2*s"
    kernel = vp.lecun_uniform((8, 4, 3, 3))
    assert vp.derive(vp.Variance(vp.dot(weights=kernel, inputs=vp.Normal()))).result == 1
    j, k = vp.Axis("j", 4), vp.Axis("k", 9)
    free = vp.RandomVariable("W", vp.lecun_normal((4, 9)), axes=(j, k))
    assert free.distribution == vp.Normal(variance="1/9")
    with pytest.raises(ParameterError, match="sizes"):
        vp.RandomVariable("W", vp.lecun_normal((4, 9)), axes=(k, j))
    with pytest.raises(ParameterError, match="a row of"):
        vp.dot(weights=made, inputs=vp.Normal(), fan_in=3)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3)])
def test_orthogonal_weights_of_an_expression_agree_with_simulation(shape: tuple[int, int]) -> None:
    z = vp.dot(weights=vp.orthogonal(shape, activation=vp.relu), inputs=vp.relu(vp.Normal()))
    assert vp.derive(vp.Variance(z)).result == sp.Rational(shape[1], max(shape))
    proof = vp.derive(vp.Variance(z))
    assert vp.check(vp.Variance(z), equals=proof.result, budget=0.2, seed=3).verdict == "agrees"
    assert vp.check(vp.Variance(z), equals=proof.result * 1.1, budget=0.2, seed=3).verdict == "disagrees"
    assert str(vp.from_json(vp.to_json(proof)).result) == str(proof.result)


def test_orthogonal_weights_go_along_the_axis_that_inputs_bring() -> None:
    x = vp.RandomVector("x", vp.Empirical([[1.0, 2.0, 5.0], [0.0, 1.0, 7.0], [3.0, 3.0, 1.0]]))
    squares = (30 + 50 + 19) / 3
    z = vp.dot(weights=vp.orthogonal((3, 3)), inputs=x)
    assert float(vp.derive(vp.Variance(z)).result) == pytest.approx(squares / 3)


def test_the_lectures_line_is_this_draw() -> None:
    lecture = np.random.RandomState(5).randn(40, 30) * np.sqrt(2 / 30)
    np.testing.assert_allclose(vp.he_normal((40, 30)).draw(np.random.RandomState(5)), lecture, rtol=1e-15)
    modern = np.random.default_rng(5).standard_normal((40, 30)) * np.sqrt(2 / 30)
    np.testing.assert_allclose(vp.he_normal((40, 30)).draw(5), modern, rtol=1e-15)


def test_seeds_are_those_a_numpy_user_expects() -> None:
    made = vp.glorot_uniform((3, 4))
    first = made.draw(11)
    for same in (np.random.default_rng(11), np.random.SeedSequence(11), np.random.PCG64(11), np.int64(11)):
        np.testing.assert_array_equal(made.draw(same), first)
    rng = np.random.default_rng(11)
    assert not np.array_equal(made.draw(rng), made.draw(rng))
    assert not np.array_equal(made.draw(), made.draw())
    assert made.draw(11, shape=5).shape == (5, 3, 4)
    assert made.draw(11, dtype=np.float32).dtype == np.float32
    for bad in (True, -1, 1.5, "11", np.random, [None]):
        with pytest.raises(ParameterError, match="no generator and no seed"):
            made.draw(bad)


def test_forward_and_backward_factors() -> None:
    for shape, forward, backward in (((256, 512), 1, "1/2"), ((512, 256), 1, 2)):
        assert vp.he_normal(shape).factors() == (forward, sp.Rational(backward))
    both = vp.glorot_normal((256, 512)).factors()
    assert both == (sp.Rational(4, 3), sp.Rational(2, 3)) and sum(both) == 2
    strided = vp.he_normal((64, 64, 3, 3), stride=2, mode="fan_out")
    assert strided.factors().backward == 1
    assert vp.he_normal(
        (64, 64, 3, 3), stride=2, mode="fan_out", fans="rule"
    ).factors().backward == sp.Rational(1, 4)
    halved = vp.orthogonal((40, 20)).factors()
    assert halved == (sp.Rational(1, 2), 1)


def test_the_share_runs_between_the_two_conditions() -> None:
    shape = ("n_out", "n_in")
    n_in, n_out = vp.symbol("n_in"), vp.symbol("n_out")
    assert vp.lecun_normal(shape, mode="1/3").variance.equals(1 / (n_in / 3 + 2 * n_out / 3))
    assert vp.he_normal(shape, multiplier="m").variance == 2 * vp.symbol("m") ** 2 / n_in
    prelu = vp.he_normal(shape, activation=vp.leaky_relu("a"))
    assert prelu.variance.equals(2 / (n_in * (1 + vp.symbol("a") ** 2)))
    assert prelu.at({"a": "1/2", "n_in": 8, "n_out": 3}).variance == sp.Rational(1, 5)


def test_an_orthogonal_matrix_keeps_the_second_moment_that_it_is_given() -> None:
    found = vp.orthogonal((8, 8), activation="hardtanh(-1, 2)", q=4)
    handed_on = float(vp.gain("hardtanh(-1, 2)", q=4).second_moment)
    assert 8 * float(found.variance) * handed_on == pytest.approx(4, rel=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "selu"])
def test_the_second_moment_of_the_argument_matters(activation: str) -> None:
    value, _ = ACTIVATIONS[activation]
    for q in (0.01, 4):
        made = vp.he_normal((20, 50), activation=activation, q=q)
        expected = q / 50 / gaussian_mean(lambda x, std=q**0.5: value(std * x) ** 2)
        assert float(made.variance) == pytest.approx(expected, rel=1e-10)
        assert float(made.factors().forward) == pytest.approx(1, rel=1e-10)
    assert float(vp.he_normal((20, 50), activation="selu").variance) == pytest.approx(1 / 50, rel=1e-12)
    text = vp.he_normal((20, 50), activation="tanh").to_text()
    assert "GaussianMean(tanh**2, 0, 1) = 0.394294490398" in text
    symbolic = vp.he_normal((20, 50), activation="tanh", q="q")
    assert str(symbolic.variance) == "q/(50*GaussianMean(tanh**2, 0, q))"
    assert float(symbolic.at({"q": 4}).variance) == float(
        vp.he_normal((20, 50), activation="tanh", q=4).variance
    )


def test_it_is_a_value_and_shows_what_it_solves() -> None:
    made = vp.he_normal((512, 784))
    assert made == vp.he_normal((512, 784)) and hash(made) == hash(pickle.loads(pickle.dumps(made)))
    text = made.document().to_text()
    assert "Solved: n_in*v/2 = 1 gives v = 2/n_in (exact, closed form)" in text
    assert "variance 1/392" in text
    assert vp.check(made.equation.left, equals=1, at={"n_in": 16, "v": "2/16"}, seed=1).verdict == "agrees"
    assert made.to_html() and made.to_latex()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: vp.he_normal((0, 3)), "at least 1"),
        (lambda: vp.he_normal(512), "no tuple of sizes"),
        (lambda: vp.he_normal((512,)), "rank 1"),
        (lambda: vp.initializer("he_norml", (3, 4)), "Did you mean 'he_normal'"),
        (lambda: vp.initializer(3, (3, 4)), "none of this name"),
        (lambda: vp.he_normal((3, 4), mode="fan_inn"), "Did you mean 'fan_in'"),
        (lambda: vp.he_normal((3, 4), mode=1.5), "outside its domain"),
        (lambda: vp.he_normal((3, 4), multiplier=0), "outside its domain"),
        (lambda: vp.he_normal((3, 4), multiplier=float("nan")), "not a finite number"),
        (lambda: vp.he_normal((3, 4), q=-1), "outside its domain"),
        (lambda: vp.he_normal((3, 4), activation="rellu"), "Did you mean relu"),
        (lambda: vp.he_normal((3, 4), activation=3), "formula or function"),
        (lambda: vp.he_uniform((3, 4), truncate=2), "only a normal law is truncated"),
        (lambda: vp.he_normal((3, 4), truncate=-2), "outside its domain"),
        (lambda: vp.he_normal((3, 4), fans="torch"), "Use 'true' or 'rule'"),
        (lambda: vp.orthogonal((3, 4), mode="fan_in"), "fixed by orthogonality"),
        (lambda: vp.he_normal(vp.Connectivity((3, 4)), layout="IO"), "says layout"),
        (lambda: vp.he_normal(("n", 4)).draw(0), "n has no value"),
    ],
)
def test_bad_input_is_refused(make, message: str) -> None:
    with pytest.raises((ParameterError, vp.ParseError), match=message):
        make()


def test_pages_of_initializers_say_what_they_know() -> None:
    assert "n_in = " not in vp.he_normal(("n_out", "n_in")).to_text()
    assert "n_in = 4, n_out = 3" in vp.he_normal((3, 4)).to_text()
    assert "as the frameworks' rule" in vp.he_normal((3, 4), fans="rule").to_text()
    wide = vp.orthogonal((9, 4))
    assert wide.factors() == (sp.Rational(4, 9), 1) and "n_in < n_out" in wide.to_text()
    assert "n_in < n_out" not in vp.orthogonal((4, 4)).to_text()
    w = np.stack([wide.draw(seed) for seed in range(200)])
    assert (w**2).sum(axis=2).mean() == pytest.approx(4 / 9)  # Var z for Var x = 1: exact in every draw


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": int}, "holds no fractions"),
        ({"dtype": complex}, "holds no fractions"),
        ({"dtype": "float7"}, "holds no fractions"),
    ],
)
def test_weights_are_drawn_into_floats_alone(options: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        vp.he_normal((3, 4)).draw(0, **options)
    same = vp.he_normal((3, 4)).draw(0)
    assert np.array_equal(vp.he_normal((3, 4)).draw(0, dtype="float32"), same.astype(np.float32))
    with pytest.raises(ParameterError, match="Use True or False"):
        vp.he_normal((3, 4), truncate=2, corrected="no")  # type: ignore[arg-type]


def test_what_is_known_of_an_orthogonal_matrix() -> None:
    weights = vp.orthogonal((4, 9), activation="relu")
    drawn = np.stack([weights.draw(seed) for seed in range(300)])
    low, high = map(float, weights.support)
    assert (low, high) == (-math.sqrt(2), math.sqrt(2))
    assert low <= drawn.min() and drawn.max() <= high
    assert float(weights.std) == pytest.approx(drawn.std(), rel=0.02)
    assert weights.entry_moment(2) == weights.variance == sp.Rational(2, 9)
    assert weights.moment_exists(9) and weights.precision == "closed form"
    assert repr(weights) == str(weights) == "orthogonal(O=4, I=9)" and "4" in weights.latex()
    assert weights.claims == weights.derivation.claims


def test_activations_of_unknown_tails_are_solved_with_their_moments() -> None:
    cubic = vp.activation(lambda x: x**3, name="cubic")  # E phi^2 = 15, E phi'^2 = 27
    for mode, square, fan in (("fan_in", 15, 4), ("fan_out", 27, 3)):
        made = vp.he_normal((3, 4), activation=cubic, mode=mode)
        assert float(made.variance) == pytest.approx(1 / (square * fan), rel=1e-8)
        assert made.precision == "estimate"
    with pytest.raises(ParameterError, match="derivative is 0 almost everywhere"):
        _ = vp.he_normal((3, 4), activation="step", mode="fan_out").variance
    with pytest.raises(ParameterError, match="second moment 0, which no weights make up for"):
        _ = vp.he_normal((3, 4), activation=lambda x: 0 * x).variance


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("he_norml", "Did you mean 'he_normal'"),
        ("zzz", "The names are lecun_normal"),
        (vp.orthogonal((3, 4)), "depend on each other"),
        ("Normal(mean=1)", "Center the weights"),
    ],
)
def test_layers_refuse_other_weights(weights: object, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        vp.Dense(3, weights=weights)
    taken = vp.Dense(3, weights=vp.he_uniform(("n_out", "n_in")))
    assert taken.weights == vp.Dense(3, weights="Uniform(variance=2/n_in)").weights
