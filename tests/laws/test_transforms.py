"""Moment generating functions of terms, and what is inverted from them, against thirty digits."""

import math

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from scipy import special

import varprop as vp
from varprop import RandomVariable, law
from varprop.laws.inputs import Discrete, Interval, Sided
from varprop.laws.terms import ProductTerm, WeightedTerm, transform_of

EPS = float(np.finfo(float).eps)
SIGNS = vp.Mixture([vp.Constant(0), vp.Rademacher()], [sp.Rational(1, 2), sp.Rational(1, 2)])
INPUTS = {
    "uniform": (Interval(0.0, 1.0), lambda x: mp.mpf(1), [0, 0.5, 1]),
    "uniform around 0": (Interval(-0.5, 1.0), lambda x: mp.mpf(2) / 3, [-0.5, 0, 0.5, 1]),
    "uniform off 0": (Interval(0.5, 1.0), lambda x: mp.mpf(2), [0.5, 0.75, 1]),
    "rectified": (Sided(0.5, 1.0, 0.0), lambda x: mp.npdf(x, 0.5, 1), [0, 0.5, 1, 2, 4, 8, 15]),
    "modulus": (
        Sided(-0.7, 1.0, 1.0),
        lambda x: mp.npdf(x, -0.7, 1) + mp.npdf(x, 0.7, 1),
        [0, 1, 2, 4, 8, 15],
    ),
}


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (1.0, 1.0), (-3.0, 0.5)])
def test_errors_of_transforms_are_bounded(name, mean, std):
    """Beside the atom, from the series near 0 to where the average has fallen by far."""
    inputs, density, cuts = INPUTS[name]
    term = WeightedTerm(mean, std, inputs)
    s = np.array([0.05, 0.14, 0.16, 0.4, 1.5, 6.0]) / term._series[1]
    s = s * np.exp(1j * np.array([0.9, 1.5, 2.2, 1.2, 1.6, 1.9]))
    value, noise = term.beside(s)
    for found, error, point in zip(value.tolist(), noise.tolist(), s.tolist(), strict=True):
        with mp.workdps(30):
            at, pieces = mp.mpc(point), mp.linspace(cuts[0], cuts[-1], 12) + [mp.mpf(c) for c in cuts]
            truth = mp.quad(
                lambda x, at=at: density(x) * mp.exp(at * mean * x + (at * std * x) ** 2 / 2),
                sorted(set(pieces)),
            )
            off = float(abs(mp.exp(mp.mpc(found)) / truth - 1))
        assert off <= EPS * (8 + error + abs(found))
        assert error < 2000


@pytest.mark.parametrize("count", [1, 2, 7, 10**4])
def test_the_rest_beside_an_atom_keeps_its_digits(count):
    """g = (p + q h)^n - p^n for X = w x, x = 0 with probability p, else 2: h(s) = exp(2 m s + 2 s^2 v)."""
    p = 0.25
    term = WeightedTerm(1.0, 1.0, Discrete((0.0, 1.0), (p, 1 - p)))
    transform = transform_of([(count, term)])
    s = np.array([0.3, 1 + 2j, 5j, 0.01j, 1 + 7.5j, 8j])
    value, noise = transform.log_mgf(s)
    for found, error, point in zip(value.tolist(), noise.tolist(), s.tolist(), strict=True):
        with mp.workdps(60):
            at = mp.mpc(point)
            h = mp.exp(at + at * at / 2)
            truth = (p + (1 - p) * h) ** count - mp.mpf(p) ** count
            off = float(abs(mp.exp(mp.mpc(found) - mp.log(truth)) - 1))
        assert off <= EPS * (8 + error + abs(found))
        assert error < 100 * count


def test_the_rest_of_unlike_terms():
    """One term with an atom beside one without: no atom; two atoms: their product."""
    still, moving = WeightedTerm(0.0, 1.0, Sided(0.0, 1.0, 0.0)), ProductTerm(0.0, 1.0, 0.0)
    assert transform_of([(2, still), (1, moving)]).log_atom == -math.inf
    both = transform_of([(2, still), (3, WeightedTerm(0.0, 1.0, Discrete((0.0, 1.0), (0.5, 0.5))))])
    assert both.log_atom == pytest.approx(5 * math.log(0.5))
    s = np.array([0.2 + 1j])
    one = (1 + 1 / np.sqrt(1 - s * s)) / 2
    truth = one**2 * ((1 + np.exp(s * s / 2)) / 2) ** 3 - 0.5**5
    assert np.exp(both.log_mgf(s)[0]) == pytest.approx(truth, rel=1e-13)
    assert both.symmetric
    mixed = transform_of([(2, still), (1, moving)])
    assert np.exp(mixed.log_mgf(s)[0]) == pytest.approx(one**2 / np.sqrt(1 - s * s), rel=1e-13)


# ---- laws


def test_the_density_beside_an_atom_has_all_digits():
    """w1 relu(h1) + w2 relu(h2): half a product, a quarter Laplace; the spike is met at every distance."""
    found = law(vp.dot(weights="Normal()", inputs="relu(Normal())", fan_in=2))
    x = np.geomspace(1e-14, 3, 60)
    truth = np.log(special.k0(x) / (2 * math.pi) + np.exp(-x) / 8)
    for side in (x, -x):
        logs = found.logpdf(side)
        assert (np.abs(np.asarray(logs) - truth) <= logs.error + 4e-15).all()
        assert logs.error.max() < 1e-12


def test_the_density_beside_an_atom_for_weights_with_a_mean():
    w, x = RandomVariable("w", vp.Normal(mean=-3, variance=0.25)), RandomVariable("h", "Normal()")
    found = law(w * vp.relu(x)).logpdf([-1e-12, -1e-5, -0.1])
    for place, logs in zip((1e-12, 1e-5, 0.1), found, strict=True):
        with mp.workdps(25):
            truth = mp.quad(
                lambda v, place=place: mp.npdf(mp.exp(v)) * 2 * mp.npdf(2 * (3 - place / mp.exp(v))),
                [-60, -35, -29, -28.5, -27, -20, -13, -12, -11, -8, -4, -3, -2, -1, 0, 1, 2, 3],
            )
        assert abs(float(logs) - float(mp.log(truth))) <= logs.error < 1e-11


@pytest.mark.parametrize(("n", "place"), [(30, -0.4), (30, 1.5), (10**4, 1.0), (10**4, -9.0)])
def test_weights_far_from_zero_times_uniform_inputs(n, place):
    """Tails of sums of terms N(-3, 1/4) U(1, 2) by the integral along a vertical line, in forty digits."""
    found = law(vp.dot(weights="Normal(mean=-3, variance=1/4)", inputs="Uniform(1, 2)", fan_in=n))
    x = found.mean + place * found.std
    sign = 1 if place > 0 else -1
    with mp.workdps(40):

        def exponent(s):
            beta, alpha = (s / 2) ** 2, -3 * s * sign
            root = mp.sqrt(2 * beta)
            edges = mp.erfi((2 * beta + alpha) / root) - mp.erfi((beta + alpha) / root)
            logs = mp.log(mp.sqrt(mp.pi / (2 * beta)) * edges) - alpha**2 / (2 * beta)
            return n * logs - s * sign * mp.mpf(x)

        level = mp.mpf(abs(place)) / found.std
        step, base = mp.mpf("0.08") / found.std, exponent(level)
        terms = [mp.exp(exponent(level + 1j * step * k) - base) / (level + 1j * step * k) for k in range(120)]
        total = mp.re(terms[0]) / 2 + sum(mp.re(term) for term in terms[1:])
        truth = float(mp.log(total * step / mp.pi) + base)
    logs = found.logsf(x) if sign > 0 else found.logcdf(x)
    assert abs(float(logs) - truth) <= logs.error < 1e-9


# ---- mixtures of normal laws


@pytest.mark.parametrize(
    ("n", "mean", "variance", "inputs", "values"),
    [
        (1000, -3, "1/4", "Dropout(1/2)", {0: 0.5, 2: 0.5}),
        (1000, "0.1", "1e-6", "Rademacher()", {-1: 0.5, 1: 0.5}),
        (24, "0.1", "1e-4", SIGNS, {-1: 0.25, 0: 0.5, 1: 0.25}),
    ],
)
def test_bounds_of_mixtures_cover_their_chances_and_places(n, mean, variance, inputs, values):
    """Tails and densities of sums of normal weights times few values, in forty digits."""
    found = law(vp.dot(weights=f"Normal(mean={mean}, variance={variance})", inputs=inputs, fan_in=n))
    places = found.mean + found.std * np.array([-3.0, -0.5, 0.1, 2.0])
    for x, up, down, dense in zip(
        places, found.logsf(places), found.logcdf(places), found.logpdf(places), strict=True
    ):
        with mp.workdps(40):
            m, v, above, density = mp.mpf(mean), mp.mpf(sp.Rational(variance)), mp.mpf(0), mp.mpf(0)
            kinds = [(mp.mpf(value), mp.mpf(chance)) for value, chance in values.items()]
            for first in range(n + 1):
                for second in range(n - first + 1) if len(kinds) == 3 else [n - first]:
                    times = [first, second, n - first - second][: len(kinds)]
                    chance = mp.factorial(n)
                    place, square = mp.mpf(0), mp.mpf(0)
                    for k, (value, p) in zip(times, kinds, strict=True):
                        chance *= p**k / mp.factorial(k)
                        place, square = place + k * value, square + k * value**2
                    if not square:
                        above += chance * (x < 0)
                        continue
                    score = (mp.mpf(float(x)) - m * place) / mp.sqrt(v * square)
                    above += chance * mp.ncdf(-score)
                    density += chance * mp.npdf(score) / mp.sqrt(v * square)
            below = 1 - above
            for value, truth in ((up, above), (down, below), (dense, density)):
                assert abs(float(value) - float(mp.log(truth))) <= value.error + EPS * abs(float(value))
                assert value.error < 1e-10


@pytest.mark.parametrize(("n", "chance"), [(5, "1/3"), (400, "1/2"), (1000, "1/7")])
def test_chances_of_components_have_the_digits_they_say(n, chance):
    """Binomial probabilities in forty digits."""
    p = sp.Rational(chance)
    found = law(vp.dot(weights="Normal(variance=1)", inputs=f"Bernoulli({chance})", fan_in=n))
    order = np.argsort(found.stds)
    with mp.workdps(40):
        share = mp.mpf(p.p) / p.q
        exact = [mp.binomial(n, k) * share**k * (1 - share) ** (n - k) for k in range(n + 1)]
        for truth, said, bound in zip(exact, found.chances[order], found.rounding[order], strict=True):
            assert abs(mp.mpf(float(said)) / truth - 1) <= bound < 1e-11 or truth < 1e-300
