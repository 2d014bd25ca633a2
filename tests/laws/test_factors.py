"""Inputs of every kind against quadrature over their density; laws given numbers, signs and rows."""

import itertools
import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from scipy import integrate, special, stats

import varprop as vp
from varprop import LawError, ParameterError, RandomVariable, law
from varprop.laws.bounds import berry_esseen
from varprop.laws.digits import Digits, with_error
from varprop.laws.sign_bounds import keller_klein, littlewood_offord

PLACES = np.array([-2.0, -0.3, 0.4, 1.5])


def dot(inputs, n=1, weights="Normal()"):
    return law(vp.dot(weights=weights, inputs=inputs, fan_in=n))


def phi(x):
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def truth(density, cuts, value=lambda x: x):
    """P(w g(x) <= z) for w ~ N(0, 1), by quadrature between the cuts."""

    def one(z):
        def inner(x):
            return density(x) * special.ndtr(z / abs(value(x))) if value(x) else density(x) * (z >= 0)

        return sum(
            integrate.quad(inner, a, b, epsabs=1e-13, epsrel=1e-12, limit=300, full_output=1)[0]
            for a, b in itertools.pairwise(cuts)
        )

    return np.array([one(z) for z in PLACES])


INPUTS = {
    "Laplace()": (lambda x: math.exp(-math.sqrt(2) * abs(x)) / math.sqrt(2), [-40, -1, 0, 1, 40]),
    "LogNormal(0, 1/4)": (
        lambda x: phi(2 * math.log(x)) * 2 / x if x > 0 else 0.0,
        [0, 0.05, 0.5, 1, 2, 5, 60],
    ),
    "StudentT(5)": (lambda x: stats.t(5).pdf(x), [-2000, -50, -5, -1, 0, 1, 5, 50, 2000]),
    "TruncatedNormal(-1, 2)": (
        lambda x: phi(x) / (special.ndtr(2) - special.ndtr(-1)),
        [-1, -0.3, 0, 0.3, 1, 2],
    ),
    "Mixture([Normal(variance=4), Uniform(0, 1)], weights=[1/4, 3/4])": (
        lambda x: phi(x / 2) / 8 + 0.75 * (0 <= x <= 1),
        [-24, -4, -1, -0.1, 0, 0.1, 1, 4, 24],
    ),
}


@pytest.mark.parametrize("inputs", INPUTS)
def test_a_normal_weight_times_an_input(inputs):
    density, cuts = INPUTS[inputs]
    found = dot(inputs).cdf(PLACES)
    assert np.abs(np.asarray(found) - truth(density, cuts)).max() < 1e-9 + found.error.max()


def test_a_frozen_distribution_of_scipy():
    found = dot(vp.FrozenScipy(stats.gamma(3))).cdf(PLACES)
    expected = truth(lambda x: x * x * math.exp(-x) / 2, [0, 0.1, 1, 4, 12, 60])
    assert np.abs(np.asarray(found) - expected).max() < 1e-10


@pytest.mark.parametrize(("name", "value"), [("tanh", math.tanh), ("sigmoid", special.expit)])
def test_activations_of_normal_inputs(name, value):
    found = dot(f"{name}(Normal())").cdf(PLACES)
    expected = truth(phi, [-12, -3, -1, -0.1, 0, 0.1, 1, 3, 12], value)
    assert np.abs(np.asarray(found) - expected).max() < 1e-10


def test_leaky_relu_and_its_negative_side():
    found = dot(vp.activation("leaky_relu(0.2)")(vp.Normal()))
    expected = truth(phi, [-12, -3, -1, -0.1, 0, 0.1, 1, 3, 12], lambda x: x if x > 0 else 0.2 * x)
    assert np.abs(np.asarray(found.cdf(PLACES)) - expected).max() < 1e-11


@pytest.mark.parametrize(
    ("inputs", "points"),
    [
        ("Rademacher()", {1: 0.5, -1: 0.5}),
        ("Constant(2)", {2: 1}),
        ("Bernoulli(1/4)", {0: 0.75, 1: 0.25}),
        ("Dropout(3/4)", {0: 0.25, 4 / 3: 0.75}),
        ("relu(Rademacher())", {0: 0.5, 1: 0.5}),
        ("Mixture([Constant(3), Rademacher()])", {3: 0.5, 1: 0.25, -1: 0.25}),
    ],
)
@pytest.mark.parametrize("n", [1, 3])
def test_inputs_of_few_values_by_counting(inputs, points, n):
    """Over all tuples of values the sum is normal with the variance of their squares, mean 1/2 each."""
    found = dot(inputs, n, "Normal(mean=1/2)")
    expected = np.zeros(len(PLACES))
    for values in itertools.product(points, repeat=n):
        size = math.sqrt(sum(x * x for x in values))
        chance = math.prod(points[x] for x in values)
        mean = sum(values) / 2
        expected += chance * (special.ndtr((PLACES - mean) / size) if size else (PLACES >= 0))
    assert np.abs(np.asarray(found.cdf(PLACES)) - expected).max() < 1e-13


def test_a_mixture_with_a_point_in_a_sum():
    """x = 0 or N(0, 1), each half of the time: a binomial number of products."""
    found = dot("Mixture([Constant(0), Laplace()])", 2)
    one, two = dot("Laplace()", 1), dot("Laplace()", 2)
    expected = (np.asarray(one.cdf(PLACES)) * 2 + np.asarray(two.cdf(PLACES)) + (PLACES >= 0)) / 4
    assert np.abs(np.asarray(found.cdf(PLACES)) - expected).max() < 1e-11
    assert found.atoms == ((0.0, pytest.approx(0.25)),)
    assert found.log_mean == -math.inf
    assert float(found.std) == pytest.approx(1.0)


def test_terms_of_two_kinds_beside_a_bias():
    """Laplace inputs, a product of normals and a bias: the variances add, the transforms multiply."""
    z = (
        RandomVariable("v", "Normal()") * RandomVariable("x", "Laplace()")
        + RandomVariable("w", "Normal()") * RandomVariable("y", "Normal()")
        + RandomVariable("b", "Normal(variance=1/4)")
    )
    found = law(z)
    t = 0.8
    of_laplace = integrate.quad(
        lambda x: math.sqrt(2) * math.exp(-math.sqrt(2) * x - (t * x) ** 2 / 2), 0, 50
    )[0]
    expected = of_laplace / math.sqrt(1 + t * t) * math.exp(-t * t / 8)
    assert float(found.characteristic_function(t).real) == pytest.approx(expected, abs=1e-9)
    assert found.characteristic_error(t) < 1e-12
    assert found.std == pytest.approx(1.5)
    assert float(found.cdf(0)) == pytest.approx(0.5, abs=1e-13)


REFUSED = {
    "a symbol inside": (lambda: dot("Exponential(mean=m)"), "depends on m.*at="),
    "no density": (lambda: dot("Mixture([Unknown(mean=0, variance=1), Normal()])"), "moments only|density"),
    "a slow density": (lambda: dot("LogNormal(0, 400)"), "did not converge"),
    "more than 10^12 terms": (lambda: dot("Laplace()", 10**13), r"10\^12"),
    "uniform given nothing": (
        lambda: law(vp.dot(weights="Uniform(-1, 1)", inputs="Normal()", fan_in=3), given={"x": [1, 2, 3]}),
        "not normal",
    ),
    "too few numbers": (
        lambda: law(vp.dot(weights="Normal()", inputs="Normal()", fan_in=3), given={"x": [1, 2]}),
        "as many as",
    ),
    "signs and normals given numbers": (
        lambda: law(
            RandomVariable("s", "Rademacher()") * RandomVariable("x", "Normal()")
            + RandomVariable("w", "Normal()"),
            given={"x": 2},
        ),
        "mixes random signs and normal weights",
    ),
    "two weights given numbers": (
        lambda: law(
            RandomVariable("v", "Normal()")
            * RandomVariable("w", "Normal()")
            * RandomVariable("x", "Normal()"),
            given={"x": 2},
        ),
        "no sum of independent weights",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_law_covers_is_refused(case):
    ask, message = REFUSED[case]
    with pytest.raises((LawError, vp.VarpropError), match=message):
        ask()


# ---- given numbers


def test_signs_of_given_sizes_are_exact():
    z = vp.dot(weights="Rademacher()", inputs="Normal()", fan_in=4)
    sizes = [999.99, 1000, 100.99, 101]
    found = law(z, given={"x": sizes})
    exact = [Fraction(str(a)) for a in sizes]
    sums = [
        sum(s * a for s, a in zip(signs, exact, strict=True))
        for signs in itertools.product((1, -1), repeat=4)
    ]
    assert float(found.probability(-0.02, 0.02)) == sum(abs(s) <= Fraction("0.02") for s in sums) / 16
    assert [place for place, _ in found.atoms] == [float(s) for s in sorted(set(sums))]


def test_numbers_given_to_a_term_without_weight():
    b, w, x = (RandomVariable(name, "Normal()") for name in "bwx")
    found = law(w * x + b, given={"b": 3, "x": 2})
    assert (found.mean, found.std) == (3, 2)
    assert str(found.text).endswith("given b, x")
    assert law(w * x, given={w: 3, x: 2}).atoms == ((6.0, 1.0),)


# ---- bounds that the structure does not reach


def test_berry_and_esseen_for_unlike_terms():
    """Two-point terms: E|y|^3 = v^(3/2); the bound and the truth by enumeration."""
    sizes = np.arange(1, 11, dtype=float)
    bound = berry_esseen(list(sizes**2), list(sizes**3))
    std = math.sqrt((sizes**2).sum())
    assert float(bound) == pytest.approx(0.5583 * (sizes**3).sum() / std**3)
    sums = np.sort([np.dot(s, sizes) for s in itertools.product((-1, 1), repeat=10)])
    steps = np.arange(1, len(sums) + 1) / len(sums)
    distance = np.abs(steps - special.ndtr(sums / std)).max()
    assert 0 < distance <= float(bound)
    for variances, thirds in (([1, 2], [1]), ([], []), ("ab", [1]), ([0], [0])):
        with pytest.raises(ParameterError):
            berry_esseen(variances, thirds)


@pytest.mark.parametrize("k", [1001, 1002, 10**5, 10**6])
def test_littlewood_and_offord_for_many_terms(k):
    bound = float(littlewood_offord(np.ones(k), 2))
    with_logs = math.lgamma(k + 1) - math.lgamma(k // 2 + 1) - math.lgamma(k - k // 2 + 1) - k * math.log(2)
    exact = float(Fraction(math.comb(k, k // 2), 2**k)) if k < 2000 else math.exp(with_logs)
    assert exact * (1 - 1e-8) <= bound <= exact * (1 + 1e-6)
    assert k >= 2000 or exact <= bound


def test_sizes_near_the_end_of_float64():
    assert keller_klein([1e200, 1e200]).event == "P(|sum| <= 1.41421e+200)"


# ---- numbers with errors


def test_numbers_with_errors_travel():
    both = with_error([0.5, 0.25], [1e-15, 2e-15])
    again = pickle.loads(pickle.dumps(both))
    assert again.tolist() == [0.5, 0.25]
    assert again.error.tolist() == [1e-15, 2e-15]
    assert repr(Digits(0.5, 1e-9)) == "0.5"
    target = with_error([0.0, 0.0], [0.0, 0.0])
    with pytest.raises(TypeError):
        np.add(both, 1, out=target)  # its errors would be lost
