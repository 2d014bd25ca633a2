"""Everything a law can be asked, against plain formulas and sums."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import integrate, special

import varprop as vp
from varprop import Axis, LawError, RandomVariable, law

T = np.array([0.0, 0.3, 2.0])


def dot(inputs, n=1, weights="Normal()"):
    return law(vp.dot(weights=weights, inputs=inputs, fan_in=n))


def test_transforms_of_sums():
    """E exp(i t w x) = E exp(-t^2 x^2 / 2): 1/sqrt(1 + t^2), a half of that and 1/2, erf."""
    normal, relu, pixel = (dot(x, 3) for x in ("Normal()", "relu(Normal())", "Uniform(0, 1)"))
    one = 1 / np.sqrt(1 + T * T)
    with np.errstate(invalid="ignore"):
        part = np.where(T > 0, special.erf(T / math.sqrt(2)) * math.sqrt(math.pi / 2) / T, 1)
    for found, term in ((normal, one), (relu, (1 + one) / 2), (pixel, part)):
        value = found.characteristic_function(T)
        assert np.abs(value - term**3).max() < 1e-13
        assert (np.abs(value - term**3) <= found.characteristic_error(T) + 1e-15).all()
    with pytest.raises(vp.ParameterError, match="finite t"):
        normal.characteristic_function(math.inf)


def test_a_discrete_law_by_its_four_sums():
    found = law(RandomVariable("a", "Rademacher()") + RandomVariable("b", "Rademacher()") * 3)
    sums = np.array([-4.0, -2.0, 2.0, 4.0])
    assert found.quantile([0.1, 0.25, 0.26, 0.5, 0.9, 1]).tolist()[:5] == [-4, -4, -2, -2, 4]
    assert (
        np.abs(found.characteristic_function(T) - np.exp(1j * T[:, None] * sums).mean(axis=1)).max() < 1e-15
    )
    assert float(found.log_mean) == pytest.approx(np.log(np.abs(sums)).mean(), rel=1e-15)
    assert found.pdf(2.0) == 0
    assert (found.mean, found.std) == (0, pytest.approx(math.sqrt(10)))
    assert (
        law(RandomVariable("a", "Rademacher()") + RandomVariable("b", "Rademacher()")).log_mean == -math.inf
    )


def test_many_products_have_the_density_of_their_variance_gamma_law():
    """Above 60 terms by inversion, below by Bessel's function; both are the cosine transform."""
    for n in (60, 61):
        found, x = dot("Normal()", n), 3.0
        truth = integrate.quad(
            lambda t, n=n: math.cos(3 * t) * (1 + t * t) ** (-n / 2) / math.pi, 0, 8, limit=200
        )
        assert float(found.pdf(x)) == pytest.approx(truth[0], rel=1e-9)
        assert float(found.logpdf(x)) == pytest.approx(math.log(truth[0]), abs=1e-9)


def test_a_moved_product_has_another_log_mean():
    """E log|w x + 1| over x of E log|N + 1/|x|| + log|x|, by quadrature."""
    found = law(RandomVariable("w", "Normal()") * RandomVariable("x", "Normal()") + 1)
    grid = np.linspace(-40, 4, 4001)
    x = np.exp(grid)
    weights = 2 * np.exp(-x * x / 2) / math.sqrt(2 * math.pi) * x * (grid[1] - grid[0])
    from varprop.laws.moments import log_size

    truth = float(weights @ (log_size(1 / np.maximum(x, 1e-12)) + np.log(x)))
    assert abs(float(found.log_mean) - truth) <= found.log_mean.error + 1e-9


def test_an_atom_beside_a_tiny_continuous_part():
    """Dropout keeps one of 10^6 inputs: P(z > t) is P(kept) Phi(-t / size)."""
    found = dot("Dropout(1/1000000)", weights="Normal(std=1/1000000)")
    assert float(found.survival(1.0)) == pytest.approx(1e-6 * special.ndtr(-1), rel=1e-12)
    assert float(found.cdf(-1e-9)) == pytest.approx(0.5e-6, rel=1e-6)


def test_draws_by_quantiles_where_the_sum_is_too_long():
    found = dot("Normal()", 10**8, "Normal(variance=1/10**8)")
    drawn = np.sort(found.sample(20_000, seed=3))
    distance = np.abs(special.ndtr(drawn) - np.arange(1, 20_001) / 20_000).max()
    assert distance < 2.2 / math.sqrt(20_000)
    with pytest.raises(LawError, match="too many terms"):
        dot("Dropout(1/10000000)", 10**7).sample(10)
    with pytest.raises(LawError, match=r"10\^9 numbers"):
        dot("Normal()", 10**5).sample(10**6)


def test_three_values_are_enumerated():
    """Two copies of a three-point law: nine pairs."""
    i = Axis("i", 2)
    x = RandomVariable(
        "x", "Mixture([Constant(0), Constant(1), Constant(5)], weights=[1/2, 1/4, 1/4])", axes=i
    )
    found = law(vp.sum_over(i, x))
    chances = {0: 0.5, 1: 0.25, 5: 0.25}
    expected = {}
    for a, b in itertools.product(chances, repeat=2):
        expected[a + b] = expected.get(a + b, 0) + chances[a] * chances[b]
    assert {place: float(p) for place, p in found.atoms} == pytest.approx(expected)
    j = Axis("j", 2**21)
    many = RandomVariable("x", "Mixture([Constant(0), Constant(1), Constant(5)])", axes=j)
    with pytest.raises(LawError, match="two values, or fewer terms"):
        law(vp.sum_over(j, many))


def test_bounds_need_what_they_name():
    w, x = RandomVariable("w", "Normal(mean=1)"), RandomVariable("x", "Uniform(0, 1)")
    assert "Vysochanskii" in str(vp.bounds(w * x, 3).refused)
    with pytest.raises(LawError, match="terms with a mean"):
        vp.bounds(w * x, event="normal")
    two = RandomVariable("v", "Normal()") * x + RandomVariable("b", "Normal()")
    with pytest.raises(LawError, match="not of one law"):
        vp.bounds(two, event="normal")
    relu = vp.dot(weights="Normal()", inputs="relu(Normal())", fan_in=9)
    bound = float(vp.bounds(relu, event="normal").best)
    third = 2 * math.sqrt(2 / math.pi) * math.sqrt(2 / math.pi)  # E|w|^3 E relu(h)^3
    assert bound == pytest.approx(0.469 * third / math.sqrt(1 / 8) / 3, rel=1e-6)
    with pytest.raises(LawError, match="depends on n"):
        vp.bounds(vp.dot(weights="Normal()", inputs="Normal()", fan_in="n"), 2)


def test_probabilities_that_floats_cannot_hold_are_exact():
    """Of a sum of 200 variables on -1, 0, 1: 0.333... as a float moves P(sum = 0) beyond its bound."""
    third = vp.Mixture([vp.Constant(k) for k in (-1, 0, 1)], ["1/3"] * 3)
    axis = Axis("i", 200)
    found = law(vp.sum_over(axis, RandomVariable("x", third, axes=axis)))
    ways = [math.factorial(200) // (math.factorial(k) ** 2 * math.factorial(200 - 2 * k)) for k in range(101)]
    [chance] = [p for place, p in found.atoms if place == 0]
    assert abs(Fraction(float(chance)) - Fraction(sum(ways), 3**200)) <= Fraction(chance.error)
    root = vp.Mixture([vp.Constant(k) for k in (-1, 0, 1)], ["sqrt(2)/2", "1/4", "3/4 - sqrt(2)/2"])
    found = law(vp.sum_over(axis, RandomVariable("x", root, axes=axis)))
    assert found.atoms[0][1] == pytest.approx(2.0**-100, rel=1e-13, abs=0)


@pytest.mark.parametrize("mean", [-2, -4, -9])
def test_inputs_that_are_rarely_positive(mean):
    """Their moments by recurrence lose all digits: below -8 the variance became negative."""
    density = math.exp(-mean * mean / 2) / math.sqrt(2 * math.pi)
    below = [special.ndtr(mean), density + mean * special.ndtr(mean)]
    truth = density * integrate.quad(lambda x: x * x * math.exp(mean * x - x * x / 2), 0, 40, epsabs=0)[0]
    assert math.isclose(truth, below[0] + mean * below[1], rel_tol=1e-6)
    found = dot(f"relu(Normal(mean={mean}))", 10**6)
    assert found.std == pytest.approx(1e3 * math.sqrt(truth), rel=2e-15, abs=0)
    one = dot(f"relu(Normal(mean={mean}))")
    chance = (
        density
        * integrate.quad(
            lambda x: special.ndtr(-0.1 / x) * math.exp(mean * x - x * x / 2), 0, 40, epsabs=0, limit=200
        )[0]
    )
    assert one.survival(0.1) == pytest.approx(chance, rel=1e-9, abs=0)


@pytest.mark.parametrize("high", [1.0 + 1e-6, 1.01])
def test_inputs_on_a_short_interval_far_from_zero(high):
    """The two ends cancel: the bound was infinite in the tails."""
    found, weight = dot(f"Uniform(1, {high})"), law(RandomVariable("w", "Normal()"))
    tail = found.logsf(20.0)
    assert weight.logsf(20.0) < tail < weight.logsf(20.0 / high)
    assert tail.error < 1e-11
    assert found.log_mean == pytest.approx(float(weight.log_mean) + (high - 1) / 2, abs=(high - 1) ** 2)
    assert found.log_mean.error < 1e-10


def test_draws_by_quantiles_take_integers_as_seeds():
    found = dot("Normal()", 10**7)
    assert (found.sample(3, seed=-1) != found.sample(3, seed=1)).all()
    for seed in ("a", 1.5, True):
        with pytest.raises(vp.SamplingError, match="a seed is an integer"):
            found.sample(3, seed=seed)


def test_places_beyond_float64_are_refused():
    with pytest.raises(vp.ParameterError, match="not a number"):
        dot("Normal()", 3).cdf(10**400)


@pytest.mark.parametrize(
    ("inputs", "place"), [("Bernoulli(0)", 0), ("Bernoulli(1)", 100), ("Dropout(1)", 100)]
)
def test_impossible_values_of_a_hundred_terms(inputs, place):
    axis = Axis("i", 100)
    found = law(vp.sum_over(axis, RandomVariable("x", inputs, axes=axis)))
    assert found.atoms == ((place, 1),)
    assert (found.mean, found.std) == (place, 0)
