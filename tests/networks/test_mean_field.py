"""Mean field: maps against quadrature and wide nets, fixed points, depth scales, extremes."""

import itertools
import math

import numpy as np
import pytest

import varprop as vp
from varprop import mean_field
from varprop.model import gaussian
from varprop.model.activations import activation
from varprop.model.gaussian.pairs import by_quadrature
from varprop.networks.kernels import kernel

CONTINUOUS = "relu leaky_relu(0.3) abs relu2 erf gelu sin cos exp tanh silu softplus elu hardtanh".split()
PAIRS = [
    (1, 1, 0.5),
    (0.8, 0.8, -0.7),
    (2, 0.3, 0.9),
    (0.5, 1.5, 0.999),
    (1e-6, 1e-6, 0.3),
    (4, 4, 1),
    (1, 1, -1),
]


@pytest.mark.parametrize("name", [*CONTINUOUS[:-2], "step"])
def test_fast_cross_moments_against_adaptive_quadrature(name):
    found = kernel(activation(name))
    q, r, c = map(np.array, zip(*PAIRS, strict=True))
    across = c * np.sqrt(q * r)
    matrices = np.stack([np.stack([q, across], -1), np.stack([across, r], -1)], -2)
    expected = by_quadrature(found.phi, np.zeros((len(q), 2)), matrices)[0]
    size = np.sqrt(
        gaussian.second_moment(found.phi, 0, np.sqrt(q)).value
        * gaussian.second_moment(found.phi, 0, np.sqrt(r)).value
    )
    for k, pair in enumerate(PAIRS):
        assert abs(found.cross(*pair) - expected[k]) <= 1e-12 * size[k], pair


@pytest.mark.parametrize("name", CONTINUOUS)
@pytest.mark.parametrize("q", [0.3, 2.5])
def test_chi_q_is_the_slope_of_the_length_map(name, q):
    field = mean_field(name, weight_variance=1.3, bias_variance=0.2, keep=0.8, skip=0.4)
    step = 1e-4 * q
    slope = (field.next_length(q + step) - field.next_length(q - step)) / (2 * step)
    assert field.chi_q(q) == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("name", ["relu", "erf", "tanh", "softplus", "elu"])
@pytest.mark.parametrize("c", [-0.5, 0.2, 0.9])
def test_the_slope_of_the_correlation_map(name, c):
    field = mean_field(name, weight_variance=1.2, bias_variance=0.1, keep=0.9, skip=0.3)
    step = 1e-4
    slope = (field.next_correlation(c + step) - field.next_correlation(c - step)) / (2 * step)
    assert field.correlation_slope(c) == pytest.approx(slope, rel=1e-5)


def test_the_correlation_slope_at_one_is_chi_1():
    field = mean_field("tanh", weight_variance=2, bias_variance=0.1)
    assert field.correlation_slope(1.0) == pytest.approx(field.chi, rel=1e-12)
    assert field.correlation_slope(1 - 1e-9) == pytest.approx(field.chi, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "weight", "bias", "kinds"),
    [
        ("tanh", 0.8, 0, ["attracting"]),
        ("tanh", 1, 0, ["attracting"]),  # slope 1, and still attracting: 1/l
        ("tanh", 2, 0, ["repelling", "attracting"]),
        ("tanh", 1.5, 0.05, ["attracting"]),
        ("relu", 2, 0, ["neutral"]),
        ("relu", 1.5, 0, ["attracting"]),
        ("relu", 1.5, 0.1, ["attracting"]),
        ("relu", 2.5, 0, ["repelling"]),
        ("relu", 2, 0.1, []),
        ("relu", 2.5, 0.1, []),
        ("gelu", 2.5, 0, ["attracting", "repelling"]),
        ("gelu", 1.983058257437547, 0.1729223907566717, ["attracting", "half-stable"]),
        ("relu2", 1, 0, ["attracting", "repelling"]),
        ("exp", 0.1, 0, ["attracting", "repelling"]),
        ("exp", 1 / (2 * math.e), 0, ["half-stable"]),
        ("exp", 0.3, 0, []),
        ("selu", 1, 0, ["repelling", "attracting"]),
        ("elu", 1.2, 0, ["repelling", "attracting"]),
        ("identity", 1, 0, ["neutral"]),
        ("sin", 1, 0, ["attracting"]),
        ("cos", 2, 0.1, ["attracting"]),
    ],
)
def test_all_fixed_points_are_found_and_lengths_beside_them_move_as_said(name, weight, bias, kinds):
    field = mean_field(name, weight_variance=weight, bias_variance=bias)
    points = field.fixed_points
    assert [point.kind for point in points] == kinds
    for point in points:
        q = point.length
        assert field.next_length(q) == pytest.approx(q, rel=1e-11, abs=1e-300)
        if point.every or point.kind == "half-stable":
            continue
        for start in (q * 1.001 + 1e-9 * (q == 0), q * 0.999)[: 1 if q == 0 else 2]:
            nearer = abs(field.next_length(start) - q) < abs(start - q)
            assert nearer == (point.kind == "attracting")


def test_known_fixed_points():
    """exp: q = w exp(2 q). ReLU with bias: q = b / (1 - w/2). SELU keeps 1. relu2: q' = 3 w q^2 / 2."""
    low, high = mean_field("exp", weight_variance=0.1).fixed_points
    for point in (low, high):
        assert 0.1 * math.exp(2 * point.length) == pytest.approx(point.length, rel=1e-12)
        assert point.chi_q == pytest.approx(2 * point.length, rel=1e-9)
    assert mean_field("relu", weight_variance=1.5, bias_variance=0.1).length == pytest.approx(0.4, rel=1e-13)
    assert mean_field("selu", weight_variance=1).length == pytest.approx(1, rel=1e-12)
    assert mean_field("relu2", weight_variance=1).fixed_points[1].length == pytest.approx(2 / 3, rel=1e-13)
    [touching] = mean_field("exp", weight_variance=1 / (2 * math.e)).fixed_points
    assert touching.length == pytest.approx(0.5, rel=1e-6)


def test_where_lengths_go():
    field = mean_field("gelu", weight_variance=2.5)
    edge = field.fixed_points[1].length
    assert field.limit(0.9 * edge) == 0
    assert math.isinf(field.limit(1.1 * edge)) and math.isinf(field.length)
    assert field.limit(0) == 0 and mean_field("relu", weight_variance=2).limit(7.0) == 7
    assert mean_field("tanh", weight_variance=2).limit(1e-12) == pytest.approx(0.617964769768, rel=1e-11)
    assert mean_field("tanh", weight_variance=2, bias_variance=0.1).limit(0) > 0.6


def test_phases():
    phases = {
        ("tanh", 0.5, 0.0): "ordered",
        ("tanh", 1.0, 0.0): "critical",
        ("tanh", 2.0, 0.0): "chaotic",
        ("relu", 2.0, 0.0): "critical",
        ("relu", 1.9, 0.0): "ordered",
        ("relu", 2.1, 0.0): "divergent",
        ("relu", 2.0, 0.1): "divergent",
    }
    for (name, weight, bias), phase in phases.items():
        assert mean_field(name, weight_variance=weight, bias_variance=bias).phase == phase


def test_diverging_lengths_say_so():
    field = mean_field("relu", weight_variance=2.5)
    for ask in (lambda: field.chi, lambda: field.length_scale, lambda: field.correlation_points):
        with pytest.raises(vp.DerivationError, match="diverge") as caught:
            ask()
        assert "1.25" in caught.value.missing and "weight_variance" in caught.value.remedy
    assert "diverge" in str(field.document())


def test_correlations_of_chaos_and_order():
    chaos = mean_field("tanh", weight_variance=2, bias_variance=0.05)
    low, one = chaos.correlation_points
    assert (low.kind, one.kind) == ("attracting", "repelling")
    assert chaos.next_correlation(low.correlation) == pytest.approx(low.correlation, abs=1e-12)
    assert one.slope == pytest.approx(chaos.chi, rel=1e-12)
    odd = mean_field("tanh", weight_variance=2)
    assert [(p.correlation, p.kind) for p in odd.correlation_points] == [
        (-1, "repelling"), (0, "attracting"), (1, "repelling")
    ]  # fmt: skip
    order = mean_field("tanh", weight_variance=1.1, bias_variance=0.2)
    assert [(p.correlation, p.kind) for p in order.correlation_points] == [(1, "attracting")]


def test_depth_scales_are_those_of_the_iteration():
    field = mean_field("tanh", weight_variance=1.3, bias_variance=0.1)
    course = field.iterate(120, q=field.length, c=0.3)
    rate = np.log((1 - course.correlation[100]) / (1 - course.correlation[80])) / 20
    assert field.correlation_scale == pytest.approx(-1 / rate, rel=1e-5)
    lengths = field.iterate(40, q=0.1, c=1.0).first - field.length
    rate = np.log(abs(lengths[20] / lengths[10])) / 10
    assert field.length_scale == pytest.approx(-1 / rate, rel=1e-3)
    assert field.gradient_scale == pytest.approx(1 / abs(math.log(field.chi)))


def test_relu_correlations_approach_one_by_a_power_law():
    """1 - c ~ 9 pi^2 / (2 l^2) (Hayou, Doucet, Rousseau 2019)."""
    course = mean_field("relu", weight_variance=2).iterate(20_000, q=3.0, r=0.2, c=0.1)
    assert (course.first == 3).all() and (course.second == 0.2).all()
    assert (1 - course.correlation[-1]) * 20_000**2 == pytest.approx(9 * math.pi**2 / 2, rel=3e-3)


def test_dropout_tears_equal_inputs_apart():
    field = mean_field("relu", weight_variance=1.2, bias_variance=0.1, keep=0.8)
    [point] = field.correlation_points
    assert point.kind == "attracting" and 0 < point.correlation < 1
    assert field.next_correlation(1.0) < 1
    assert field.next_correlation(point.correlation) == pytest.approx(point.correlation, abs=1e-13)
    assert field.chi == pytest.approx(1.2 * 0.5 / 0.8)


def test_a_residual_net_grows_without_fixed_point():
    field = mean_field("tanh", weight_variance=1, skip=1)
    assert field.phase == "divergent" and field.fixed_points[0].kind == "repelling"
    field = mean_field("tanh", weight_variance=1, bias_variance=0.1, skip=0.5)
    assert field.next_length(field.length) == pytest.approx(field.length, rel=1e-13)


def wide(phi, field, width, count, depth, seed):
    """Return lengths, covariances and gradient factors of drawn nets: each of shape (count, depth + 1)."""
    skip, keep, weight, bias = field.layer
    rng = np.random.default_rng(seed)
    kept = np.zeros((3, count, depth + 1))
    for k in range(count):
        start = rng.standard_normal((2, width))
        z = np.stack([start[0], 0.6 * start[0] + 0.8 * start[1]])
        course = [z]
        ws, masks = [], []
        for _ in range(depth):
            w = rng.standard_normal((width, width)) * math.sqrt(weight / width)
            mask = (rng.random((2, width)) < keep) / keep
            shift = rng.standard_normal(width) * math.sqrt(bias)
            ws.append(w)
            masks.append(mask)
            z = skip * z + (phi.value(z) * mask) @ w.T + shift
            course.append(z)
        g = rng.standard_normal(width)
        kept[2, k, depth] = np.mean(g**2)
        for layer in reversed(range(depth)):
            g = skip * g + phi.derivative(course[layer][0]) * masks[layer][0] * (ws[layer].T @ g)
            kept[2, k, layer] = np.mean(g**2)
        for layer, (a, b) in enumerate(course):
            kept[0, k, layer], kept[1, k, layer] = np.mean(a**2), np.mean(a * b)
    return kept


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("tanh", {"weight_variance": 1.8, "bias_variance": 0.1}),
        ("gelu", {"weight_variance": 1.9, "bias_variance": 0.1, "keep": 0.8}),
        ("elu", {"weight_variance": 0.5, "bias_variance": 0.1, "skip": 0.7, "keep": 0.9}),
    ],
)
def test_wide_nets_follow_the_maps(name, options):
    width, count, depth = 250, 60, 5
    field = mean_field(name, **options)
    lengths, covariances, gradients = wide(activation(name), field, width, count, depth, 3)
    course = field.iterate(depth, q=1.0, c=0.6)
    factors = [field.chi_1(q) for q in course.first[:-1]]
    backward = np.cumprod([1.0, *factors[::-1]])[::-1]
    for drawn, expected in (
        (lengths, course.first),
        (covariances, course.correlation * course.first),
        (gradients, backward),
    ):
        error = drawn.std(axis=0, ddof=1) / math.sqrt(count)
        assert (np.abs(drawn.mean(axis=0) - expected) <= 5 * error + 3 * expected / width).all()


def test_iterations_that_stand_still_and_run_away():
    field = mean_field("tanh", weight_variance=1.5, bias_variance=0.05)
    course = field.iterate(100_000, q=2.0, r=0.1, c=-0.5)
    assert len(course.first) == 100_001
    assert course.first[-1] == pytest.approx(field.length, rel=1e-12)
    assert course.correlation[-1] == pytest.approx(1, abs=1e-12)
    assert field.iterate(0).correlation.tolist() == [0.5]
    for name in ("relu", "silu", "relu2"):
        away = mean_field(name, weight_variance=1e300).iterate(100_000)
        assert math.isinf(away.first[-1]) and len(away.first) == 100_001
    gone = mean_field("relu", weight_variance=1e-300).iterate(100_000)
    assert gone.first[-1] == 0 and gone.correlation[-1] == pytest.approx(1, abs=1e-6)
    assert mean_field("tanh", weight_variance=1e-300).iterate(50).first[-1] == 0
    steep = mean_field("tanh", weight_variance=1e300)
    assert [point.kind for point in steep.fixed_points] == ["repelling", "attracting"]
    assert steep.length == pytest.approx(1e300, rel=1e-10)
    faint = mean_field("tanh", weight_variance=0.5, bias_variance=1e-300)
    assert faint.length == pytest.approx(2e-300, rel=1e-9)


def test_a_document_and_a_plot():
    field = mean_field("tanh", weight_variance=1.5, bias_variance=0.05)
    text = str(field.document())
    assert "attracting" in text and "phase: ordered" in text and field.to_latex() and field.to_html()
    assert "<svg" in field.plot().to_html()
    assert str(field) == "mean_field(tanh, weight_variance=1.5, bias_variance=0.05)"
    assert field.validity == "limit, width -> oo" and field.precision == "estimate"
    assert mean_field("relu", weight_variance=2).precision == "closed form"


BAD = [-1, math.nan, math.inf, True, None, "x", [1], 1j]


@pytest.mark.parametrize(
    ("name", "bad"), [*itertools.product(("weight_variance", "bias_variance", "keep", "skip"), BAD)]
)
def test_bad_parameters(name, bad):
    with pytest.raises(vp.ParameterError, match="Choose it in"):
        mean_field("tanh", **({"weight_variance": 1} | {name: bad}))


def test_other_bad_input():
    with pytest.raises(vp.ParameterError, match="weight_variance"):
        mean_field("tanh", weight_variance=0)
    with pytest.raises(vp.ParameterError, match="keep"):
        mean_field("tanh", weight_variance=1, keep=1.1)
    with pytest.raises(vp.ParameterError, match="jumps"):
        mean_field("step", weight_variance=1)
    with pytest.raises(vp.ParseError):
        mean_field("tahn", weight_variance=1)
    field = mean_field("tanh", weight_variance=1.5)
    for arguments in (
        {"depth": -1},
        {"depth": 1.5},
        {"depth": True},
        {"q": -1},
        {"q": math.nan},
        {"q": "a"},
        {"c": 1.1},
        {"c": math.nan},
        {"r": math.inf},
    ):
        with pytest.raises(vp.ParameterError):
            field.iterate(**({"depth": 1} | arguments))
    for bad in (-1.0, math.nan):
        with pytest.raises(vp.ParameterError):
            field.next_length(bad)
    with pytest.raises(vp.ParameterError):
        field.next_correlation(2)


def test_lengths_that_stand_still_let_the_correlation_move_on():
    weight, bias, depth = 1.5, 0.05, 100
    found = mean_field("sin", weight_variance=weight, bias_variance=bias).iterate(depth, 1.0, 0.6, 0.3)
    q, r, product = 1.0, 0.6, 0.3 * math.sqrt(0.6)
    for layer in range(1, depth + 1):
        product = bias + weight * math.exp(-(q + r) / 2) * math.sinh(product)
        q, r = (bias - weight * math.expm1(-2 * v) / 2 for v in (q, r))
        assert found.first[layer] == pytest.approx(q, rel=1e-13)
        assert found.second[layer] == pytest.approx(r, rel=1e-13)
        assert found.correlation[layer] == pytest.approx(product / math.sqrt(q * r), rel=1e-13)
    assert found.first[70] == found.first[-1] and found.correlation[70] != found.correlation[-1]


@pytest.mark.parametrize(("name", "weight"), [("erf", 6.0), ("sin", 5.0), ("gelu", 8.0), ("tanh", 4.0)])
def test_inputs_that_are_the_same_stay_the_same_in_chaos(name, weight):
    field = mean_field(name, weight_variance=weight)
    same = field.iterate(200, c=1.0)
    assert (same.correlation == 1).all() and (same.first == same.second).all()
    opposite = field.iterate(200, c=-1.0)
    assert (opposite.correlation == -1).all() == (name != "gelu")
    dropped = mean_field(name, weight_variance=weight, keep=0.5).iterate(3, c=1.0)
    assert dropped.correlation[1] < 0.9


@pytest.mark.parametrize("name", ["erf", "gelu", "sin", "leaky_relu(0.3)", "relu2"])
@pytest.mark.parametrize(("depth", "start"), [(3, (1.0, 0.6, 0.3)), (27, (0.7, 0.7, 0.98))])
def test_layers_in_one_call_against_quadrature_layer_by_layer(name, depth, start):
    weight, bias, keep, skip = 0.4, 0.05, 0.9, 0.5
    field = mean_field(name, weight_variance=weight, bias_variance=bias, keep=keep, skip=skip)
    found = field.iterate(depth, *start)
    q, r, c = start
    for layer in range(1, depth + 1):
        across = c * math.sqrt(q * r)
        inside = float(gaussian.cross_moment(name, [0, 0], [[q, across], [across, r]]))
        both = skip**2 * across + weight * inside + bias
        q, r = (
            skip**2 * v + weight / keep * float(gaussian.second_moment(name, 0, math.sqrt(v))) + bias
            for v in (q, r)
        )
        c = both / math.sqrt(q * r)
        assert found.first[layer] == pytest.approx(q, rel=1e-12)
        assert found.second[layer] == pytest.approx(r, rel=1e-12)
        assert found.correlation[layer] == pytest.approx(c, abs=1e-12)
    assert len(found.first) == depth + 1


def test_correlations_that_reach_one_are_carried_on():
    course = mean_field("relu", weight_variance=0.5, bias_variance=1.0).iterate(300, q=2.0, r=0.1, c=-0.5)
    assert course.correlation[-1] == pytest.approx(1, abs=1e-14) and len(course.correlation) == 301
    assert [course.first[-1], course.second[-1]] == pytest.approx([4 / 3, 4 / 3], rel=1e-14)
    assert (course.correlation <= 1).all() and (np.diff(course.correlation) >= -1e-15).all()
    plain = mean_field("relu", weight_variance=2.0).iterate(20_000, c=0.999999)
    assert plain.correlation[-1] == pytest.approx(1, abs=1e-7) and (np.diff(plain.correlation) >= 0).all()
