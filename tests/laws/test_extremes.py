"""Laws where float64 is near its end: sizes, atoms, heavy tails, fine structure, long rows, deep tails."""

import math
from fractions import Fraction
from functools import cache

import mpmath as mp
import numpy as np
import pytest
from scipy import special

import varprop as vp
from varprop import Axis, LawError, Normal, RandomVariable, law
from varprop.laws.enumeration import binomial_logs
from varprop.laws.moments import LN_N, log_size, mean_size, moment_of


def variable(name, distribution):
    return RandomVariable(name, distribution)


@cache
def dot(weights, inputs, n=1):
    return law(vp.dot(weights=weights, inputs=inputs, fan_in=n))


def row(length):
    return law(math.prod(variable(f"a{k}", "Normal()") for k in range(length)))


# ---- atoms at decimal places


@pytest.mark.parametrize(
    ("z", "places"),
    [
        (lambda: variable("s", "Rademacher()") * 0.1 + 0.1, [0, 0.2]),
        (
            lambda: variable("a", "Rademacher()") * 0.1 + variable("b", "Rademacher()") * 0.2 + 0.3,
            [0, 0.2, 0.4, 0.6],
        ),
        (lambda: variable("c", "Mixture([Constant(0.1), Constant(0.3)])") - 0.1, [0, 0.2]),
    ],
)
def test_decimals_cancel_exactly(z, places):
    found = law(z())
    assert [place for place, _ in found.atoms] == places
    assert float(found.probability(0, 0)) == 1 / len(places)
    assert float(found.cdf(0)) == 1 / len(places)


def test_decimals_cancel_exactly_given_numbers():
    z = vp.dot(weights="Rademacher()", inputs="Uniform(0, 1)", fan_in=2) + 0.3
    assert [place for place, _ in law(z, given={"x": [0.1, 0.2]}).atoms] == [0, 0.2, 0.4, 0.6]
    u, s = variable("u", "Uniform(0, 1)"), variable("s", "Rademacher()")
    assert law(s * 0.3 + u, given={u: 0.3}).atoms == ((0.0, 0.5), (0.6, 0.5))


# ---- sizes whose square no float holds


@pytest.mark.parametrize("size", [1e-170, 1e-300, 1e170, 1e300])
def test_the_law_scales_with_its_terms(size):
    w, x = variable("w", Normal(std=size)), variable("x", "Normal()")
    assert law(w).std == pytest.approx(size)
    assert float(law(w).cdf(size)) == pytest.approx(special.ndtr(1), rel=1e-14)
    plain = law(variable("w", "Normal()") * variable("x", "Normal()"))
    assert float(law(w * x).survival(size)) == pytest.approx(float(plain.survival(1)), rel=1e-13)
    one = dot(Normal(std=size), "Exponential()")
    assert float(one.cdf(size)) == pytest.approx(float(dot("Normal()", "Exponential()").cdf(1)), rel=1e-13)


def test_given_numbers_of_every_size():
    for size in (1e-70, 1e70):
        z = vp.dot(weights=Normal(std=size**1.5), inputs="Normal()", fan_in=2)
        found = law(z, given={"x": [3 * size, 4 * size]})
        assert found.std == pytest.approx(5 * size**2.5, rel=1e-14)


def test_sizes_outside_float64_are_refused():
    w, x = variable("w", Normal(std=1e200)), variable("x", Normal(std=1e200))
    with pytest.raises(LawError, match=r"size inf.*Rescale"):
        law(w * x)
    small = variable("y", Normal(std=1e-320))
    with pytest.raises(LawError, match=r"size 9.99989e-321.*Rescale"):
        law(small + variable("y", Normal(std=1e-320)))


# ---- binomial laws


@pytest.mark.parametrize(
    ("n", "p", "places"),
    [
        (10**6, 0.5, [0, 1, 499_000, 500_000, 550_000, 10**6]),
        (10**4, 1e-6, [0, 1, 2, 44, 9999, 10**4]),
        (2 * 10**6, 0.9, [1_790_000, 1_800_000, 2 * 10**6]),
        (7, 0.25, list(range(8))),
    ],
)
def test_binomial_logs_against_forty_digits(n, p, places):
    with mp.workdps(40):
        truth = [
            mp.log(mp.binomial(n, k)) + k * mp.log(mp.mpf(p)) + (n - k) * mp.log(1 - mp.mpf(p))
            for k in places
        ]
        logs, error = binomial_logs(np.array(places), n, p)
        gaps = [abs(float(found - true)) for found, true in zip(logs.tolist(), truth, strict=True)]
    assert (np.array(gaps) <= error).all()
    assert (error <= 1e-13 * (1 + np.abs(logs)) * (1 + n**0.5 / 50)).all()


def test_a_random_walk_has_deep_tails():
    n = 10**5
    i = Axis("i", n)
    walk = law(vp.sum_over(i, RandomVariable("s", "Rademacher()", axes=i)))
    with mp.workdps(30):
        term = mp.binomial(n, (n + 20_000) // 2 + 1) / mp.mpf(2) ** n
        total, k = mp.mpf(0), (n + 20_000) // 2 + 1
        while term > total * mp.mpf(10) ** -25:
            total, term, k = total + term, term * (n - k) / (k + 1), k + 1
        truth = float(mp.log(total))
        middle = float(mp.binomial(n, n // 2) / mp.mpf(2) ** n)
    far = walk.logsf(20_000)
    assert abs(float(far) - truth) <= far.error < 1e-9
    there = walk.probability(0, 0)
    assert abs(float(there) - middle) <= there.error < 1e-11


def test_rare_events_keep_their_tail():
    i = Axis("i", 10**4)
    found = law(vp.sum_over(i, RandomVariable("s", "Bernoulli(1/1000000)", axes=i)))
    truth = sum(
        math.comb(10**4, k) * Fraction(1, 10**6) ** k * Fraction(10**6 - 1, 10**6) ** (10**4 - k)
        for k in range(45, 60)
    )
    assert float(found.survival(44.5)) == pytest.approx(float(truth), rel=1e-12)


def test_long_sums_of_signs_say_what_is_cut():
    i = Axis("i", 10**8)
    walk = law(vp.sum_over(i, RandomVariable("s", "Rademacher()", axes=i)))
    assert float(walk.survival(10**4)) == pytest.approx(special.ndtr(-1), rel=1e-3)
    assert walk.logsf(9 * 10**5).error == math.inf
    assert walk.std == pytest.approx(1e4, rel=1e-9)
    with pytest.raises(LawError, match="normal limit"):
        j = Axis("i", 10**12)
        law(vp.sum_over(j, RandomVariable("s", "Rademacher()", axes=j)))


# ---- mean sizes


def test_mean_sizes_of_normal_variables_against_quadrature():
    means = np.array([0.0, 1e-8, 0.5, 3.0, 8.9, 9.1, 30.0])
    for m, found in zip(means.tolist(), log_size(means).tolist(), strict=True):
        with mp.workdps(25):
            cuts = sorted({-12.0, -1.0, 0.0, 1.0, m - 8, m - 3, m, m + 3, m + 12})
            truth = mp.quad(lambda x, m=m: mp.log(abs(x)) * mp.npdf(x, m, 1) if x else mp.mpf(0), cuts)
        assert found == pytest.approx(float(truth), abs=1e-13)
    assert mean_size(np.array([1.0]), np.array([2.0]))[0] == pytest.approx(
        2 * math.sqrt(2 / math.pi) * math.exp(-1 / 8) + math.erf(1 / math.sqrt(8)), rel=1e-15
    )


def test_narrow_components_do_not_slip_through_the_grid():
    found = law(variable("w", "Normal(mean=1, variance=1e-12)") * variable("x", "Rademacher()"))
    assert float(found.log_mean) == pytest.approx(-0.5e-12, abs=1e-14)
    assert float(found.absolute_mean) == pytest.approx(1, abs=1e-14)
    still = law(variable("w", "Normal()") * variable("x", "Dropout(1/2)"))
    assert still.log_mean == -math.inf
    moved = law(variable("w", "Normal()") * variable("x", "Dropout(1/2)") + 2)
    truth = math.log(2) / 2 + (math.log(2) + float(log_size(np.array([1.0]))[0])) / 2
    assert float(moved.log_mean) == pytest.approx(truth, abs=1e-14)


@pytest.mark.parametrize("length", [3, 10, 100, 1000])
def test_long_rows_have_known_averages(length):
    found = row(length)
    assert float(found.absolute_mean) == pytest.approx((2 / math.pi) ** (length / 2), rel=1e-12)
    assert found.log_mean == pytest.approx(length * LN_N, rel=1e-14)
    upper = found.quantile(0.75)
    assert float(found.cdf(upper)) == pytest.approx(0.75, abs=1e-12)
    spread = math.sqrt(length * math.pi**2 / 8)
    assert abs(math.log(upper) - length * LN_N) < 1.5 + 0.2 * spread  # its median is near its mean
    assert float(found.quantile(0.25)) == pytest.approx(-float(upper), rel=1e-9)


# ---- heavy tails


def student(dof):
    """E|X| of Student's t."""
    log = math.lgamma((dof + 1) / 2) - math.lgamma(dof / 2)
    return 2 * math.sqrt(dof / math.pi) * math.exp(log) / (dof - 1)


@pytest.mark.parametrize("dof", [1.2, 2.5])
def test_mean_sizes_with_heavy_tails(dof):
    found = dot("Normal()", vp.StudentT(dof))
    assert float(found.absolute_mean) == pytest.approx(math.sqrt(2 / math.pi) * student(dof), rel=1e-9)
    assert found.std == (math.inf if dof < 2 else pytest.approx(math.sqrt(dof / (dof - 2)), rel=1e-9))


def test_sums_with_heavy_tails():
    """Given x, z is normal: E|z| and E log|z| are those of the length of x, by quadrature in the plane."""
    found = dot("Normal()", "StudentT(5/2)", 2)
    assert found.std == pytest.approx(math.sqrt(2 * 5), rel=1e-9)
    grid = np.linspace(-30, 30, 1201)  # x = sinh(v): 1201^2 points, the integrand falls like exp(-2.5 v)
    x = np.sinh(grid)
    density = math.gamma(7 / 4) / math.sqrt(2.5 * math.pi) / math.gamma(5 / 4) * (1 + x * x / 2.5) ** (-7 / 4)
    weights = density * np.cosh(grid) * (grid[1] - grid[0])
    length = np.hypot(x[:, None], x)
    length[length == 0] = 1  # one point of weight 1e-3, of a singularity that integrates away
    assert float(found.absolute_mean) == pytest.approx(
        math.sqrt(2 / math.pi) * float(weights @ length @ weights), rel=1e-3
    )
    assert float(found.log_mean) == pytest.approx(LN_N + float(weights @ np.log(length) @ weights), abs=3e-3)


def test_a_law_without_mean_says_so():
    for n in (2, 1):
        found = dot("Normal()", "StudentT(1)", n)
        if n == 2:
            assert float(found.log_mean) == pytest.approx(0.29451397561, abs=1e-10)
        assert found.absolute_mean == math.inf
        assert found.std == math.inf
        assert math.isnan(found.mean)


def test_far_out_a_heavy_law_is_no_larger_than_its_error():
    found = dot("Normal()", "StudentT(5/2)", 2)
    for x in (1e12, 1e19):
        tail = found.survival(x)
        assert 0 <= float(tail) <= tail.error < 1e-13
    cauchy = dot("Normal()", "StudentT(1)", 2)  # P(|w x| > t) = (2/pi) E|w| / t for large t
    far = cauchy.survival(1e9)
    assert abs(float(far) - 2 * math.sqrt(2 / math.pi) / math.pi * 1e-9) <= far.error < 1e-13


def test_moments_of_tails_like_a_power():
    assert moment_of(np.zeros(3), np.full(3, 1 / 3), 1) == 0
    v = np.arange(-300, 376) * 0.12
    pareto = np.exp(v)
    chances = np.where(v >= 0, 1.5 * np.exp(-1.5 * v), 0) * 0.12
    chances[v == 0] /= 2
    assert moment_of(pareto, chances, 1) == pytest.approx(3, rel=5e-3)
    assert moment_of(pareto, chances, 2) == math.inf


# ---- fine structure


def test_short_intervals_beside_a_spike_that_is_moved():
    plain = law(variable("w", "Normal()") * variable("x", "Normal()"))
    moved = law(variable("w", "Normal()") * variable("x", "Normal()") + 1)
    for low, high in ((-4e-4, 5e-4), (1e-8, 5e-4)):
        found, truth = moved.probability(1 + low, 1 + high), plain.probability(low, high)
        assert abs(float(found) - float(truth)) <= found.error + truth.error + 1e-15


def test_what_the_inversion_cannot_resolve_has_no_digits():
    """A uniform input times an almost constant weight: the transform is flat up to frequencies of 1e6."""
    found = law(variable("u", "Uniform(-1, 2)") * variable("v", "Normal(mean=1, std=1e-6)"))
    for x in (-1.0, 0.5):
        truth = min(max((x + 1) / 3, 0), 1)
        value = found.cdf(x)
        assert abs(float(value) - truth) <= value.error + 1e-6
    assert found.pdf(1.0).error == math.inf
    assert found.logpdf(1.0).error == math.inf
    truth = (2 * math.log(2) - 3) / 3
    assert abs(float(found.log_mean) - truth) <= found.log_mean.error


def test_two_variables_of_one_name_are_told_apart():
    first, second = variable("x", "Uniform(0, 1)"), variable("x", "Uniform(0, 1)")
    z = variable("v", "Normal()") * first + variable("w", "Normal()") * second
    with pytest.raises(LawError, match="2 variables have this name"):
        law(z, given={"x": 1})
    assert law(z, given={first: 3, second: 4}).std == pytest.approx(5)


# ---- logarithms round too


def test_the_log_of_a_density_counts_its_own_rounding():
    """Sizes far from 1, where half a unit in the last place of the log is more than the rest."""
    std, top, x = 23810000.0, 346.2, 1429340014.8
    found = law(variable("w", Normal(variance=std**2)) * variable("x", vp.Uniform(0, top)))
    pair = law(variable("v", Normal(variance=std**2)) * variable("w", Normal(variance=top**2)))
    third = law(pair.of * variable("u", "Normal()"))
    with mp.workdps(40):
        unit = mp.sqrt(mp.mpf(std**2) * mp.mpf(top) ** 2)
        for t in np.geomspace(x / 100, 20 * x, 40):
            y = mp.mpf(float(t)) / unit
            truths = (
                (found, mp.log(mp.e1(y * y / 2) / mp.sqrt(8 * mp.pi) / unit)),
                (pair, mp.log(mp.besselk(0, y) / mp.pi / unit)),
                (
                    third,
                    mp.log(mp.meijerg([[], []], [[0, 0, 0], []], y * y / 8) / mp.sqrt(8 * mp.pi**3) / unit),
                ),
            )
            for one, truth in truths:
                value = one.logpdf(t)
                assert abs(mp.mpf(float(value)) - truth) <= value.error < 1e-9
