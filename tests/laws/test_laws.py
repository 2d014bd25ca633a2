"""Laws against quadrature, closed forms, second routes and simulation."""

import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, special, stats

import varprop as vp
from varprop import Axis, LawError, ParameterError, RandomVariable, law

X = np.array([-3.0, -1.0, -0.2, 1e-6, 0.1, 0.7, 2.0, 5.0])
W = "Normal(variance=1/n)"


def dot(inputs, n=1, weights=W):
    return law(vp.dot(weights=weights, inputs=inputs, fan_in="n"), at={"n": n})


def agrees(found, truth, rounding=1e-12):
    assert (np.abs(np.asarray(found) - truth) <= found.error + rounding).all()


def quad(*given, **settings):
    """QUADPACK without its warnings: the tests compare to looser tolerances than it is asked for."""
    return integrate.quad(*given, **settings, full_output=1)[:2]


def phi(x):
    return np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def given_x(density, low, high, x, mean=0.0):
    """P(w x <= x) by quadrature over the logarithm of the input, w ~ N(mean, 1)."""

    def inner(v, z, sign):
        u = sign * math.exp(v)
        return density(u) * abs(u) * special.ndtr((z - mean * u) / abs(u)) if low <= u <= high else 0.0

    def one(z):
        total = 0.0
        for sign, end in ((1, high), (-1, -low)):
            top = math.log(end) if end > 0 else -40.0
            nearest = math.log(low) if sign > 0 and low > 0 else -40.0
            cuts = sorted(
                {nearest, top, *(c for c in (-15.0, -8.0, -3.0, -1.0, 1.0, 2.5) if nearest < c < top)}
            )
            total += sum(quad(inner, a, b, (z, sign), epsabs=1e-14, limit=200)[0] for a, b in pairwise(cuts))
        return total

    return np.array([one(z) for z in x])


CASES = {
    "normal": ("Normal()", phi, -12, 12),
    "normal with a mean": ("Normal(mean=1)", lambda u: phi(u - 1), -11, 13),
    "uniform": ("Uniform(0, 1)", lambda u: 1.0, 0, 1),
    "uniform off zero": ("Uniform(1/2, 2)", lambda u: 1 / 1.5, 0.5, 2),
    "uniform around zero": ("Uniform(-1, 2)", lambda u: 1 / 3, -1, 2),
    "modulus": ("abs(Normal())", lambda u: 2 * phi(u), 0, 12),
    "exponential": ("Exponential()", lambda u: math.exp(-u), 0, 60),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("mean", [0, 1])
def test_one_product_against_quadrature(case, mean):
    inputs, density, low, high = CASES[case]
    found = dot(inputs, weights=f"Normal(mean={mean})")
    agrees(found.cdf(X), given_x(density, low, high, X, mean), 3e-12)


def test_laplace_is_the_sum_of_two():
    two = dot("Normal()", 2)
    assert two.method == "Laplace law"
    assert float(two.cdf(-1.0)) == pytest.approx(math.exp(-math.sqrt(2)) / 2, rel=1e-15)


@pytest.mark.parametrize("n", [1, 3, 8])
def test_variance_gamma_against_its_density(n):
    """The tail is the integral of Bessel's density."""
    found = dot("Normal()", n)
    inside = quad(lambda x: float(found.pdf(x)), 0.4, 30, epsabs=1e-13, limit=200)[0]
    assert inside == pytest.approx(float(found.survival(0.4) - found.survival(30)), abs=1e-12)
    assert found.survival(0.4).error < 1e-14


def test_even_n_has_an_elementary_tail():
    """n = 4: P(z > x) = exp(-u) (2 + u) / 4, u = x / std."""
    x = np.array([0.0, 0.3, 4.0, 300.0])
    logs = dot("Normal()", 4).logsf(x)
    u = x * 2
    agrees(logs, -u + np.log((2 + u) / 4), 1e-12)


@pytest.mark.parametrize(
    ("n", "mean", "method"),
    [
        (1, 0.5, "mixture of variance-gamma laws"),
        (2, 1.0, "mixture of variance-gamma laws"),
        (7, 0.25, "mixture of variance-gamma laws"),
        (6, 0.0, "variance-gamma law"),
        (40, 1.0, "inversion of the moment generating function"),
    ],
)
def test_sums_of_products_given_the_length_of_the_inputs(n, mean, method):
    """z = |x| N, and |x|^2 is a noncentral chi-square variable; formulas end at x = 12."""
    found = dot(f"Normal(mean={mean})", n, weights="Normal()")
    assert found.method == method

    def average(g, x):
        top = math.log(n * (1 + mean**2) + 2 * x + 60) + 1

        def inner(v):
            u = math.exp(v)
            density = stats.ncx2.pdf(u, n, n * mean**2) if mean else stats.chi2.pdf(u, n)
            return density * u * g(x / math.sqrt(u), math.sqrt(u))

        return quad(inner, -60 / n - 5, top, epsabs=0, epsrel=1e-12, limit=400)[0]

    x = np.array([1e-5, 0.4, 0.6, 3.0, 11.99, 12.01, 30.0])
    tails = np.array([average(lambda score, _: special.ndtr(-score), one) for one in x])
    densities = np.array([average(lambda score, std: phi(score) / std, one) for one in x])
    agrees(found.logsf(x), np.log(tails), 1e-10)
    agrees(found.logpdf(-x), np.log(densities), 1e-10)
    assert found.logsf(x).error.max() < 1e-12


def test_products_and_rectified_products_of_one_width_in_a_sum():
    """w x + v relu(h): half of the time one product, half of the time two; another width is another law."""
    x, z = np.array([0.2, 1.0, 5.0]), "Normal()"
    both = law(vp.dot(weights=z, inputs=z, fan_in=1) + vp.dot(weights=z, inputs="relu(Normal())", fan_in=1))
    assert both.method == "mixture of variance-gamma laws"
    one, two = (vp.law(vp.dot(weights=z, inputs=z, fan_in=n)).survival(x) for n in (1, 2))
    agrees(both.survival(x), (one + two) / 2, 1e-15)
    assert both.log_mean == pytest.approx((dot(z, 1, z).log_mean + dot(z, 2, z).log_mean) / 2, abs=1e-14)
    wider = law(vp.dot(weights="Normal(std=2)", inputs=z, fan_in=1) + vp.dot(weights=z, inputs=z, fan_in=1))
    assert wider.method == "inversion of the moment generating function"


@pytest.mark.parametrize("mean", [1, 30])
def test_rectified_inputs_of_weights_with_a_mean(mean):
    """Half of the time 0, else w h: P(z <= x) = 1(x >= 0) / 2 + int_0^oo phi(h) Phi(x / h - mean) dh."""
    found = dot("relu(Normal())", weights=f"Normal(mean={mean})")
    x = np.array([-2.0, -1e-3, 0.0, 1e-3, 0.3, 5.0, 90.0])
    below = given_x(phi, 0, 12, x, mean)
    agrees(found.cdf(x), below + (x >= 0) / 2, 1e-13)
    assert found.cdf(x).error.max() < 1e-12
    far = quad(lambda h: phi(h) * special.ndtr(mean - 9 * mean / h), 1e-3, 40, epsabs=0, limit=200)[0]
    agrees(found.logsf(9.0 * mean), math.log(far), 1e-7)


def test_rectified_inputs_are_a_binomial_mixture():
    n = 5
    parts = [dot("Normal()", k, weights="Normal(variance=1/5)").survival(0.3) for k in range(1, n + 1)]
    mixed = sum(math.comb(n, k) / 2**n * p for k, p in enumerate(parts, start=1))
    found = dot("relu(Normal())", n)
    agrees(found.survival(0.3), mixed)
    assert found.atoms == ((0.0, pytest.approx(2.0**-n)),)
    assert float(found.cdf(0) - found.cdf(-1e-200)) == pytest.approx(2.0**-n, rel=1e-10)


def test_a_row_of_normals_against_nested_quadrature():
    a, b, c = (RandomVariable(name, "Normal()") for name in "abc")
    two, three = law(a * b), law(a * b * c)
    truth = 2 * quad(lambda u: phi(u) * float(two.cdf(0.4 / u)), 1e-12, 12, epsabs=1e-11, limit=200)[0]
    assert float(three.cdf(0.4)) == pytest.approx(truth, abs=1e-10)
    assert float(three.log_mean) == pytest.approx(-1.5 * (np.euler_gamma + math.log(2)))


def test_sums_of_rows_of_three_against_two_routes():
    """Conditioning on the last factor of both terms gives independent normals times products."""
    i = Axis("i", 2)
    z = vp.sum_over(i, math.prod(RandomVariable(name, "Normal()", axes=i) for name in "abc"))
    found = law(z)
    drawn = found.sample(40_000, seed=5)
    share = float((drawn <= 0.5).mean())
    assert abs(share - float(found.cdf(0.5))) < 4 * math.sqrt(share * (1 - share) / 40_000)
    assert found.cdf(0.5).error < 1e-12
    assert float(found.characteristic_function(0.7).real) == pytest.approx(
        (2 * quad(lambda u: phi(u) / math.sqrt(1 + (0.7 * u) ** 2), 0, 12)[0]) ** 2, abs=1e-12
    )


@pytest.mark.parametrize(
    "inputs", ["Normal(mean=1/2)", "Uniform(0, 1)", "relu(Normal())", "Laplace()", "Dropout(1/2)"]
)
@pytest.mark.parametrize("n", [3, 40])
def test_sums_against_simulation(inputs, n):
    found = dot(inputs, n)
    size = 1_000 if inputs == "Laplace()" else 8_000
    drawn = np.sort(found.sample(size, seed=11))
    steps = np.arange(size + 1) / size
    up, down = np.asarray(found.cdf(drawn)), np.asarray(found.cdf(np.nextafter(drawn, -np.inf)))
    distance = max(
        np.abs(up - steps[1:]).max() if not found.atoms else 0,
        (steps[:-1] - up).max(),
        (down - steps[1:]).max(),
    )
    assert distance < 2.2 / math.sqrt(size)  # Kolmogorov: once in 8,000


@pytest.mark.parametrize("n", [1, 2, 30, 10**4, 10**12])
@pytest.mark.parametrize(
    "inputs", ["Normal()", "Normal(mean=1)", "Uniform(0, 1)", "relu(Normal())", "Uniform(1, 2)"]
)
def test_every_n_has_digits_and_a_bound(inputs, n):
    found = dot(inputs, n)
    x = found.std * np.array([-6.0, -1.0, 0.3, 2.0, 30.0])
    cdf = found.cdf(x)
    assert (np.diff(cdf) >= 0).all()
    assert cdf.error.max() < 1e-10
    assert np.isfinite(found.logsf(x)).all()
    if n >= 10**4:
        assert np.abs(np.asarray(cdf) - special.ndtr(x / found.std)).max() < 2 / n


def test_third_cumulant_shows_at_a_million_terms():
    """Edgeworth's first term for terms with a mean: F - Phi = -k3 (x^2 - 1) phi(x) / 6 + O(1/n)."""
    n = 10**6
    found = law(vp.dot(weights="Normal(mean=1)", inputs="Uniform(0, 1)", fan_in=n))
    variance, third = 1 / 3 + 1 / 12, 3 * (1 / 4 - 1 / 6)
    x = found.mean + found.std
    gap = float(found.cdf(x)) - float(special.ndtr(1.0))
    assert gap == pytest.approx(0.0, abs=3e-7)
    gap = float(found.cdf(found.mean)) - 0.5
    assert gap == pytest.approx(third / variance**1.5 / math.sqrt(n) / 6 / math.sqrt(2 * math.pi), rel=1e-3)


def test_rows_of_a_table_and_numbers_given():
    table = vp.read_table("iris")
    z = vp.dot(weights="Normal(variance=1/4)", inputs=vp.RandomVector("x", table))
    norms = np.sqrt((table.data**2).sum(axis=1) / 4)
    agrees(law(z).cdf(2.0), float(special.ndtr(2.0 / norms).mean()))
    w = vp.dot(weights="Normal(mean=1, variance=2)", inputs="Uniform(0, 1)", fan_in=3)
    known = law(w, given={"x": [1.0, -2.0, 3.0]})
    assert (known.mean, known.std) == (2.0, pytest.approx(math.sqrt(28)))
    assert known.method == "normal law"


def test_signed_sums_are_exact():
    signs = [RandomVariable(f"s{k}", "Rademacher()") for k in range(4)]
    z = sum(s * m for s, m in zip(signs, (999.99, 1000, 100.99, 101), strict=True))
    assert law(z).probability(-0.02, 0.02) == 0.25
    n = 1000
    i = Axis("i", n)
    walk = law(vp.sum_over(i, RandomVariable("s", "Rademacher()", axes=i)))
    assert float(walk.probability(0, 0)) == pytest.approx(math.comb(n, n // 2) / 2**n, rel=1e-11)


def test_quantiles_invert_and_bound_their_error():
    for found in (dot("Normal()"), dot("Laplace()"), dot("Uniform(0, 1)", 7), dot("relu(Normal())", 2)):
        p = np.array([1e-8, 0.1, 0.3, 0.5, 0.9999])
        q = found.quantile(p)
        assert (np.asarray(found.cdf(q)) >= p - 1e-12).all()
        assert (np.asarray(found.cdf(np.asarray(q) - 1e-6 - q.error)) <= p).all()
    assert dot("relu(Normal())").quantile([0, 0.25, 0.5, 0.75, 1]).tolist()[1:4] == [
        pytest.approx(0, abs=1e-15),
        0,
        0,
    ]


def test_small_probabilities_keep_their_digits():
    narrow = dot("Uniform(0, 1)", 4).probability(1.0, 1.0 + 1e-9)
    density = float(dot("Uniform(0, 1)", 4).pdf(1.0))
    assert float(narrow) == pytest.approx(density * 1e-9, rel=1e-7)
    assert narrow.error < 1e-12 * narrow
    far = dot("Normal()", 2).probability(400, 500)
    assert float(far) == pytest.approx(math.exp(-400 * math.sqrt(2)) / 2, rel=1e-12)


def test_log_means():
    assert float(dot("Uniform(0, 1)").log_mean) == pytest.approx(
        -1 - (np.euler_gamma + math.log(2)) / 2, rel=1e-12
    )
    assert dot("relu(Normal())").log_mean == -math.inf
    given = law(vp.dot(weights="Normal(mean=1)", inputs="Normal(mean=1)", fan_in=10**8))
    assert float(given.log_mean) == pytest.approx(math.log(1e8) - 1.5e-8, rel=1e-13)


def test_numbers_behave_like_floats_and_keep_their_error():
    value = dot("Normal()", 3).cdf(0.4)
    assert isinstance(value, float) and value.error > 0
    assert pickle.loads(pickle.dumps(value)).error == value.error
    values = dot("Normal()", 3).cdf([0.4, 0.5])
    assert type(values + 1) is np.ndarray and values[1].error == values.error[1]
    assert repr(dot("Normal()", 3)) == "Law(sum_i w_i*x_i: variance-gamma law)"
    assert "quantile" in dot("Normal()", 3).to_text()


def test_scale_is_no_limit():
    for variance in ("1e-200", "1e200"):
        found = law(vp.dot(weights=vp.Normal(variance=float(variance)), inputs="Uniform(0, 1)", fan_in=3))
        plain = law(vp.dot(weights="Normal()", inputs="Uniform(0, 1)", fan_in=3))
        x = 1.3 * math.sqrt(float(variance))
        assert float(found.survival(x)) == pytest.approx(float(plain.survival(1.3)), rel=1e-12)


X0 = RandomVariable("x", "Normal()")
REFUSED = {
    "moments only": (lambda: dot("Unknown()"), "moments only.*vp.bounds"),
    "a symbol": (lambda: law(vp.dot(weights=W, inputs="Normal()", fan_in="n")), "depends on n.*at="),
    "a power": (lambda: law(X0 * X0), "enters as a power"),
    "a shared factor": (
        lambda: law(X0 * RandomVariable("a", "Normal()") + X0 * RandomVariable("b", "Normal()")),
        "x enters more",
    ),
    "a shared copy": (
        lambda: law(vp.dot(weights="Normal()", inputs=vp.RandomVector("x", "Normal()", size=3)) * X0),
        "composed",
    ),
    "two uniforms": (
        lambda: law(RandomVariable("u", "Uniform(0,1)") * RandomVariable("v", "Uniform(0,1)")),
        "no normal weight",
    ),
    "given a stranger": (lambda: law(X0, given={"y": 1}), "no such variable.*x"),
    "given nan": (lambda: law(X0 * RandomVariable("w", "Normal()"), given={"x": math.nan}), "nan"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_known_is_refused(case):
    ask, message = REFUSED[case]
    with pytest.raises((LawError, ParameterError), match=message):
        ask()


@pytest.mark.parametrize("bad", [math.nan, "x", None, [1, [2]], 1j, True])
def test_bad_places(bad):
    with pytest.raises(ParameterError):
        dot("Normal()").cdf(bad)


def test_bad_probabilities_and_sizes():
    found = dot("Normal()")
    for bad in (-0.1, 1.1, math.nan):
        with pytest.raises(ParameterError):
            found.quantile(bad)
    for bad in (0, -1, 2.5, "3", True):
        with pytest.raises(ParameterError, match="number of draws"):
            found.sample(bad)
    with pytest.raises(ParameterError, match="low is above high"):
        found.probability(1, 0)
    with pytest.raises(ParameterError, match="no random expression"):
        law(3)


def test_a_law_without_variance():
    """Student's t with two degrees of freedom: no variance, yet probabilities; Cauchy inputs too."""
    heavy = dot("StudentT(1)", 1)
    assert float(heavy.cdf(0)) == pytest.approx(0.5, abs=1e-9)
    truth = given_x(lambda u: 1 / (math.pi * (1 + u * u)), -1e13, 1e13, [0.7])[0]
    assert float(heavy.cdf(0.7)) == pytest.approx(truth, abs=1e-9)
