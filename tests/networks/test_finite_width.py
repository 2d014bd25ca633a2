"""The law of the norm at finite width: against derivations, enumerations, second formulas and brute force."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
import sympy as sp
from scipy.special import digamma, polygamma

import varprop as vp
from varprop import ParameterError, SamplingError, norm_law, preactivation_kurtosis
from varprop.networks.finite_width import typical
from varprop.networks.finite_width_logs import log_moments

n, L = vp.symbol("n"), vp.symbol("L")
LEAKY = vp.leaky_relu("3/10")


def net(activation, sizes, weights=None, inputs=None):
    """Return the output of a net as an expression; sizes from the input to the last hidden layer."""
    axes = [vp.Axis("ijkl"[k], size) for k, size in enumerate(sizes)]
    h = vp.RandomVariable("x", inputs or vp.Normal(), axes=axes[0])
    for k, (below, above) in enumerate(itertools.pairwise([*axes, None])):
        where = below if above is None else (above, below)
        w = vp.RandomVariable(f"w{k}", weights or vp.Normal(), axes=where, role="weights")
        z = vp.sum_over(below, w * h)
        h = z if above is None else activation(z)
    return h


@pytest.mark.parametrize("activation", [vp.relu, LEAKY, vp.identity, vp.abs_], ids=str)
def test_the_output_kurtosis_is_the_derived_one(activation):
    derived = vp.derive(vp.Kurtosis(net(activation, ["n0", "n1", "n2"]))).result
    n0 = vp.symbol("n0")
    formula = norm_law(["n1", "n2"], activation=activation).output_kurtosis
    assert sp.simplify(derived - formula * (1 + 2 / n0)) == 0
    assert (
        sp.simplify(derived - preactivation_kurtosis(["n1", "n2"], fan_in="n0", activation=activation)[2])
        == 0
    )


@pytest.mark.parametrize("activation", [vp.relu, LEAKY], ids=str)
def test_the_recursion_for_other_weights_is_the_derived_one(activation):
    k, x4 = vp.symbol("k"), vp.symbol("x4")
    weights = vp.Unknown(mean=0, variance=1, fourth_moment=k, symmetric=True)
    inputs = vp.Unknown(mean=0, variance=1, fourth_moment=x4)
    derived = vp.derive(vp.Kurtosis(net(activation, ["n0", "n1"], weights, inputs))).result
    found = preactivation_kurtosis(
        ["n1"], fan_in="n0", activation=activation, weight_kurtosis=k, inputs=inputs
    )[1]
    assert sp.simplify(derived - found) == 0


@pytest.mark.parametrize("activation", [vp.relu, vp.abs_, vp.leaky_relu("1/2")], ids=str)
@pytest.mark.parametrize("x", [(1.0, 1.0), (1.0, 3.0)])
def test_nets_of_random_signs_by_counting_them_all(activation, x):
    """Two inputs, two units, two units, one output: 2^10 nets."""
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=10)))
    layers = [signs[:, :4].reshape(-1, 2, 2), signs[:, 4:8].reshape(-1, 2, 2), signs[:, 8:].reshape(-1, 1, 2)]
    h, found = np.broadcast_to(x, (len(signs), 2)), []
    for w in layers:
        z = np.einsum("sji,si->sj", w, h)
        found.append(np.mean(z**4) / np.mean(z**2) ** 2)
        h = activation(z)
    formula = preactivation_kurtosis([2, 2], activation=activation, weight_kurtosis=1, inputs=x)
    np.testing.assert_allclose(found, [float(value) for value in formula], rtol=1e-13)


@pytest.mark.parametrize("width", [1, 2, 5, 12])
@pytest.mark.parametrize("k", [1, 2, 3, 6])
def test_moments_by_counting_the_units_that_are_on(width, k):
    """E chi2_m^k = 2^k Gamma(m/2 + k) / Gamma(m/2)."""
    total = sum(
        sp.binomial(width, m) * 2**k * sp.rf(sp.Rational(m, 2), k) for m in range(1, width + 1)
    ) * sp.Rational(1, 2**width)
    assert norm_law(width).moment(k) == total * sp.Rational(2, width) ** k
    assert (
        norm_law(width, activation=vp.identity).moment(k)
        == 2**k * sp.rf(sp.Rational(width, 2), k) / sp.Integer(width) ** k
    )


def test_symbols_give_closed_forms():
    law = norm_law(n, depth="L", weight_variance="v")
    v = vp.symbol("v")
    assert law.output_kurtosis == 3 * (1 + 5 / n) ** L
    assert sp.simplify(law.second_moment - (v / 2) ** (2 * L) * (1 + 5 / n) ** L) == 0
    assert law.depth_to_width == L / n
    assert norm_law(n, depth="L", activation="relu", weight_variance="v") == law
    assert law.dead_probability == 1 - (1 - 2**-n) ** L
    slope = vp.symbol("a")
    leaky = norm_law("n", activation=vp.leaky_relu(slope)).output_kurtosis / 3
    assert sp.simplify(leaky - 1 - (6 * (1 + slope**4) / (1 + slope**2) ** 2 - 1) / n) == 0
    with pytest.raises(vp.DerivationError, match="Give numbers"):
        norm_law("n", activation=LEAKY).log_mean


@pytest.mark.parametrize("activation", [vp.relu, vp.identity], ids=str)
def test_the_formulas_of_log_moments_with_numbers_in_them(activation):
    symbolic, numeric = (
        norm_law("n", depth="L", activation=activation),
        norm_law(7, depth=3, activation=activation),
    )
    for name in ("log_mean", "log_variance"):
        formula = getattr(symbolic, name).subs({n: 7, L: 3}).doit()
        assert float(formula.evalf()) == pytest.approx(getattr(numeric, name), rel=1e-12)


@pytest.mark.parametrize("width", [1, 2, 3, 20, 59, 60, 61, 300, 999, 1000, 4000])
def test_log_moments_against_the_sum_of_digamma_functions(width):
    on = np.arange(1, width + 1)
    weight = scipy.stats.binom.pmf(on, width, 0.5)
    weight /= weight.sum()
    values = digamma(on / 2) - math.log(width / 4)
    mean = weight @ values
    variance = weight @ (values - mean) ** 2 + weight @ polygamma(1, on / 2)
    found = log_moments(1.0, 0.0, np.array([float(width)]))
    assert found[0][0] == pytest.approx(mean, rel=1e-12 if width < 100 else 1e-14 * width**2)
    assert found[1][0] == pytest.approx(variance, rel=1e-12)
    linear = log_moments(1.0, -1.0, np.array([float(width)]))
    assert linear[0][0] == pytest.approx(digamma(width / 2) - math.log(width / 2), rel=1e-10, abs=1e-15)
    assert linear[1][0] == pytest.approx(polygamma(1, width / 2), rel=1e-12)


@pytest.mark.parametrize("exponent", [4, 6, 9, 12, 18])
def test_log_moments_of_wide_layers_by_their_series(exponent):
    """Let X have variance c/n; log X has mean -c/(2n) + O(n^-2), here to the next order, c = 5."""
    width = 10.0**exponent
    (mean,), (variance,) = log_moments(1.0, 0.0, np.array([width]))
    # E log(1 + d) = -m2/2 + m3/3 - m4/4 + ..., with m2 = 5/n, m3 = 44/n^2, m4 = 75/n^2 + ...
    assert mean == pytest.approx(-2.5 / width + (44 / 3 - 75 / 4) / width**2, rel=max(1e-12, 100 / width**2))
    assert variance == pytest.approx(5 / width, rel=max(1e-12, 40 / width))


@pytest.mark.parametrize("slope", [1e-150, 1e-10, 1e-3, 0.5, -0.5, 2.0, 1e100])
def test_log_moments_of_one_leaky_unit(slope):
    """One unit: log phi(N)^2 is log N^2, plus 2 log|slope| with probability 1/2."""
    (mean,), (variance,) = log_moments(1.0, -slope, np.array([1.0]))
    gap = math.log(abs(slope))
    m1 = (1 + slope**2) / 2
    assert mean == pytest.approx(digamma(0.5) + math.log(2) + gap - math.log(m1), rel=1e-12)
    assert variance == pytest.approx(polygamma(1, 0.5) + gap**2, rel=1e-12)


def brute(activation, sizes, count, seed, jacobian=False):
    """Return R of `count` nets with all their weights drawn: input to last hidden layer, He's variance."""
    rng = np.random.default_rng(seed)
    h = np.broadcast_to(rng.standard_normal(sizes[0]), (count, sizes[0]))
    u = np.broadcast_to(rng.standard_normal(sizes[0]), (count, sizes[0])) if jacobian else h
    start = np.mean(u[0] ** 2)
    std = math.sqrt(float(1 / activation.even_coefficient(2)))
    for below, above in itertools.pairwise(sizes):
        w = rng.standard_normal((count, above, below)) * (std / math.sqrt(below))
        z = np.einsum("sji,si->sj", w, h)
        if jacobian:
            u = activation.derivative(z) * np.einsum("sji,si->sj", w, u)
        h = activation(z)
    return np.mean((u if jacobian else h) ** 2, axis=1) / start


@pytest.mark.parametrize(
    ("activation", "sizes", "jacobian"),
    [
        (vp.relu, (2, 4), False),
        (vp.relu, (3, 5, 2, 6), False),
        (vp.relu, (3, 5, 4), True),
        (LEAKY, (2, 3, 5), False),
        (LEAKY, (4, 3, 3), True),
        (vp.identity, (1, 3, 1, 4), False),
        (vp.relu, (4, *[10] * 5), False),
    ],
)
def test_the_sampler_draws_the_law_of_brute_force(activation, sizes, jacobian):
    count = 8000
    drawn = brute(activation, sizes, count, 5, jacobian)
    law = norm_law(sizes[1:], activation=activation)
    fast = law.sample(count, seed=6)
    dead = law.dead_probability
    for sample in (drawn, fast):
        assert scipy.stats.binomtest(int(np.sum(sample == 0)), count, dead).pvalue > 1e-3
    logs = [np.log(sample[sample > 0]) for sample in (drawn, fast)]
    assert scipy.stats.ks_2samp(*logs).pvalue > 1e-3
    for alive in logs:
        score = (alive.mean() - law.log_mean) / math.sqrt(law.log_variance / len(alive))
        assert abs(score) < 4
        assert alive.var() == pytest.approx(law.log_variance, rel=0.12)


def test_the_jacobian_is_dead_where_the_net_is():
    drawn = brute(vp.relu, (2, 2, 1), 4000, 1, jacobian=True)
    assert np.mean(drawn == 0) == pytest.approx(norm_law([2, 1]).dead_probability, abs=0.03)


@pytest.mark.parametrize("width", [10**3, 10**6, 10**9, 10**12, 10**18])
def test_samples_at_any_width(width):
    law = norm_law(width, depth=40)
    logs = law.sample_log(3000, seed=2)
    score = (logs.mean() - law.log_mean) / math.sqrt(law.log_variance / 3000)
    assert abs(score) < 4
    assert logs.var() == pytest.approx(law.log_variance, rel=0.12)


@pytest.mark.parametrize("activation", [vp.relu, LEAKY], ids=str)
def test_samples_of_many_different_widths_add_up(activation):
    law = norm_law(list(range(1000, 1100)), activation=activation)
    logs = law.sample_log(4000, seed=3)
    assert abs(logs.mean() - law.log_mean) < 5 * np.sqrt(law.log_variance / 4000)
    assert logs.var() == pytest.approx(law.log_variance, rel=0.12)


def test_samples_repeat_with_their_seed_and_mix_widths():
    law = norm_law([3, 700, 3, 50])
    assert np.array_equal(law.sample(5, seed=-3), law.sample(5, seed=-3))
    assert not np.array_equal(law.sample(5, seed=1), law.sample(5, seed=2))
    assert norm_law([]).sample(3).tolist() == [1, 1, 1]
    assert law.sample(0).shape == (0,)


def test_dead_nets():
    assert norm_law(1, depth=3).dead_probability == pytest.approx(7 / 8, rel=1e-15)
    assert norm_law(60, depth=10).dead_probability == pytest.approx(10 * 2.0**-60, rel=1e-14)
    assert norm_law(10**12, depth=10**5).dead_probability == 0
    assert norm_law(1, depth=10**5).dead_probability == 1
    assert norm_law([2, 3], activation=LEAKY).dead_probability == 0


def test_depth_zero_and_width_one_and_extremes():
    nothing = norm_law([])
    assert (nothing.mean, nothing.second_moment, nothing.output_kurtosis) == (1, 1, 3)
    assert (nothing.log_mean, nothing.log_variance, nothing.dead_probability) == (0, 0, 0)
    assert norm_law(5, depth=0) == norm_law([])
    tiny = norm_law(10, depth=10**5, weight_variance=1e-300)
    assert tiny.log_mean == pytest.approx(
        10**5 * (math.log(1e-300 / 2) + log_moments(1, 0, np.array([10.0]))[0][0])
    )
    assert tiny.precision == "enclosure" and norm_law(10).precision == "closed form"
    assert sp.log(tiny.mean, 10).evalf() == pytest.approx(10**5 * math.log10(5e-301))
    assert tiny.typical == 0
    huge = norm_law(10**12, depth=10**5, weight_variance=1e300)
    assert huge.outlook().verdict == "the mean says exploding, the typical net explodes"
    assert np.isfinite(huge.sample_log(2)).all() and np.isinf(huge.sample(2)).all()
    assert "e+" in huge.to_text()


def test_the_mean_says_stable_and_the_typical_net_vanishes():
    found = typical(256, depth=256)
    assert found.verdict == "the mean says stable, the typical net vanishes"
    assert not found.agree
    assert (found.mean_outlook, found.outlook, found.depth_to_width) == ("stable", "vanishes", 1)
    assert found.half_life == pytest.approx(256 * math.log(2) / 2.5, rel=0.02)
    assert typical(10**6, depth=50).agree
    assert typical(1, depth=3).outlook == "vanishes"  # most are dead
    assert (
        typical(100, depth=10, weight_variance=4).verdict
        == "the mean says exploding, the typical net explodes"
    )
    text = str(norm_law(256, depth=256))
    assert "The mean says stable, the typical net vanishes" in text
    assert norm_law("n", depth="L").to_latex() and norm_law(3).to_markdown()


@pytest.mark.parametrize(
    "bad", [0, -1, 2.5, "", "1/0", math.nan, math.inf, True, None, [0], [3, None], [[2]], 10**19]
)
def test_bad_widths(bad):
    with pytest.raises(vp.VarpropError):
        norm_law(bad)


@pytest.mark.parametrize(
    "arguments",
    [
        {"activation": vp.relu2},
        {"activation": vp.step},
        {"activation": "tanh"},
        {"activation": "rely"},
        {"activation": None},
        {"activation": vp.relu(vp.Normal())},
        {"weight_variance": 0},
        {"weight_variance": -1},
        {"weight_variance": math.nan},
        {"weight_variance": math.inf},
        {"depth": -1},
        {"depth": 1.5},
        {"depth": "nan"},
    ],
)
def test_bad_arguments(arguments):
    with pytest.raises((ParameterError, vp.ParseError)) as caught:
        norm_law(5, **arguments)
    assert caught.value.remedy


def test_bad_requests():
    law = norm_law(5)
    for k in (-1, 1.0, True, 65):
        with pytest.raises(ParameterError, match="whole number"):
            law.moment(k)
    for size in (-1, 1.5, True, None):
        with pytest.raises(ParameterError, match="size"):
            law.sample(size)
    with pytest.raises(SamplingError):
        law.sample(1, seed=0.5)
    with pytest.raises(ParameterError, match="symbol"):
        norm_law("n").sample(1)
    with pytest.raises(ParameterError, match="symbol"):
        norm_law("n").outlook()


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"fan_in": 0},
        {"fan_in": 3, "weight_kurtosis": 0.9},
        {"inputs": []},
        {"inputs": [0.0, 0.0]},
        {"inputs": [1.0, math.nan]},
        {"inputs": [1.0, 2.0], "fan_in": 3},
        {"inputs": "three", "fan_in": 3},
        {"inputs": [[1.0], [1.0, 2.0]]},
        {"fan_in": 2, "activation": vp.step},
    ],
)
def test_bad_input_of_the_kurtosis(arguments):
    with pytest.raises(ParameterError):
        preactivation_kurtosis([4], **arguments)


def test_the_kurtosis_of_deep_nets_stays_readable():
    found = preactivation_kurtosis([50] * 2000, fan_in=5)[-1]
    assert found.is_Float
    assert float(sp.log(found / 3)) == pytest.approx(math.log(1.4) + 2000 * math.log1p(0.1), rel=1e-14)


def test_moments_that_do_not_exist_are_refused():
    with pytest.raises(vp.MomentError):
        preactivation_kurtosis([4], fan_in=3, inputs=vp.Unknown(mean=0, variance=1))
