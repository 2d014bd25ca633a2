"""The edge of chaos: known curves, critical points of the literature, the diagram."""

import math

import numpy as np
import pytest
import sympy as sp

import varprop as vp
from varprop import edge_of_chaos, mean_field
from varprop.networks.phase_diagram import log_chi


@pytest.mark.parametrize("name", ["tanh", "erf", "gelu", "elu", "sin"])
@pytest.mark.parametrize("options", [{}, {"keep": 0.7, "skip": 0.5}])
def test_every_point_of_the_curve_is_critical(name, options):
    edge = edge_of_chaos(name, **options)
    for point in [point for point in edge.curve if 0.01 < point.length < 50][::12]:
        field = edge.field(point.weight_variance, point.bias_variance)
        assert field.next_length(point.length) == pytest.approx(point.length, rel=1e-11)
        assert field.chi_1(point.length) == pytest.approx(1, rel=1e-11)
        assert field.chi_q(point.length) == pytest.approx(point.chi_q, rel=1e-9)
        assert point.kind == ("attracting" if -1 <= field.chi_q(point.length) < 1 else "repelling")


def test_the_curve_of_erf_in_closed_form():
    """E erf'^2 = (4/pi) / sqrt(1 + 4 q), E erf^2 = (2/pi) asin(2 q / (1 + 2 q))."""
    edge = edge_of_chaos("erf")
    for q in (0.1, 1.0, 5.0):
        weight = math.pi / 4 * math.sqrt(1 + 4 * q)
        bias = q - weight * 2 / math.pi * math.asin(2 * q / (1 + 2 * q))
        point = edge.point(q)
        assert (point.weight_variance, point.bias_variance) == pytest.approx((weight, bias), rel=1e-12)
        [found] = edge.at(bias)
        assert found.weight_variance == pytest.approx(weight, rel=1e-9)
    assert edge.at(0) == (edge.origin,)
    assert edge.origin.weight_variance == pytest.approx(math.pi / 4)


@pytest.mark.parametrize(
    ("name", "variance"), [("relu", 2), ("identity", 1), ("abs", 1), ("leaky_relu(0.1)", 2 / 1.01)]
)
def test_scale_invariant_activations_have_one_point(name, variance):
    edge = edge_of_chaos(name)
    [point] = edge.curve
    assert (point.weight_variance, point.bias_variance, point.kind) == (pytest.approx(variance), 0, "neutral")
    assert edge.at(0.1) == () and edge.at(0) == edge.curve
    assert edge.universality.name == "scale-invariant"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tanh", "K* = 0"),
        ("sin", "K* = 0"),
        ("erf", "K* = 0"),
        ("gelu", "half-stable"),
        ("silu", "half-stable"),
        ("softplus", "none"),
        ("sigmoid", "none"),
        ("relu2", "none"),
        ("cos", "none"),
    ],
)
def test_universality_classes(name, expected):
    assert edge_of_chaos(name).universality.name == expected


@pytest.mark.parametrize(
    ("name", "bias", "weight"), [("silu", 0.55514317, 1.98800468), ("gelu", 0.17292239, 1.98305826)]
)
def test_half_stable_points_as_published(name, bias, weight):
    """Roberts, Yaida, Hanin, The principles of deep learning theory, 2022, section 5.3.4."""
    point = edge_of_chaos(name).universality.point
    assert (point.bias_variance, point.weight_variance) == pytest.approx((bias, weight), abs=6e-9)
    field = mean_field(name, weight_variance=point.weight_variance, bias_variance=point.bias_variance)
    [found] = [found for found in field.fixed_points if found.kind == "half-stable"]
    assert found.length == pytest.approx(point.length, rel=1e-6)


def test_the_edge_of_gelu_repels_below_its_critical_point():
    edge = edge_of_chaos("gelu")
    kinds = [point.kind for point in edge.curve]
    assert set(kinds) == {"repelling", "attracting"}
    assert kinds[0] == "repelling" and kinds.index("attracting") > 50


def test_formulas_of_the_curve():
    weight, bias = edge_of_chaos("relu").formula
    assert (weight, bias) == (2, 0)
    weight, bias = edge_of_chaos("relu", keep=0.5, skip=0.5).formula
    assert (weight, bias) == (sp.Rational(3, 4), 0)


def test_the_diagram_agrees_with_the_mean_field():
    rng = np.random.default_rng(1)
    for name in ("tanh", "gelu", "relu"):
        edge = edge_of_chaos(name, keep=0.9, skip=0.2)
        weight, bias = rng.uniform(0.2, 4, 12), rng.uniform(0, 1, 12)
        for w, b, value in zip(weight, bias, log_chi(edge, weight, bias), strict=True):
            field = edge.field(w, b)
            if math.isnan(value):
                assert field.phase == "divergent"
            else:
                assert value == pytest.approx(math.log(field.chi), abs=2e-3)


def test_the_picture():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    axes = edge_of_chaos("gelu").phase_diagram(weight_std=2.5)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert "lengths diverge from q = 1" in labels and "edge: repelling" in labels
    assert edge_of_chaos("relu").phase_diagram(axes) is axes
    pyplot.close("all")
    for bad in (0, -1, math.nan, math.inf):
        with pytest.raises(vp.ParameterError):
            edge_of_chaos("tanh").phase_diagram(weight_std=bad)


def test_a_document():
    text = str(edge_of_chaos("gelu"))
    assert "half-stable" in text and "repelling" in text
    assert "<svg" in edge_of_chaos("tanh").plot().to_html()
    assert "neutral" in edge_of_chaos("relu").to_markdown()


def test_bad_input():
    with pytest.raises(vp.DerivationError, match="skip"):
        edge_of_chaos("tanh", skip=1)
    with pytest.raises(vp.ParameterError):
        edge_of_chaos("tanh", keep=0)
    edge = edge_of_chaos("tanh")
    for bad in (-1, math.nan, math.inf, "x", None):
        with pytest.raises(vp.ParameterError):
            edge.at(bad)
    for bad in (0, -1, math.nan, math.inf):
        with pytest.raises(vp.ParameterError):
            edge.point(bad)
    assert edge_of_chaos("softplus").point(1.0) is None
