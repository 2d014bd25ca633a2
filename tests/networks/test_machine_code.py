"""Courses as machine code: the same bits as without; where digits end, the same numbers."""

import sys

import mpmath
import numpy as np
import pytest

from varprop import ParameterError, mean_field
from varprop.model.activations import activation
from varprop.networks.kernels import kernel
from varprop.networks.machine_code import pair_course, turn_course

pytest.importorskip("numba")
FIELDS = [
    ("relu", {"weight_variance": 2.0}),
    ("relu", {"weight_variance": 1.7, "skip": 0.5}),
    ("leaky_relu(0.3)", {"weight_variance": 1.8, "bias_variance": 0.1, "keep": 0.9}),
    ("erf", {"weight_variance": 1.5, "bias_variance": 0.05}),
    ("gelu", {"weight_variance": 1.9, "bias_variance": 0.05, "skip": 0.3}),
    ("sin", {"weight_variance": 1.5, "bias_variance": 0.05}),
    ("cos", {"weight_variance": 1.1}),
    ("tanh", {"weight_variance": 1.5}),
]
STARTS = [
    (1.0, 0.6, 0.3),
    (0.7, 0.7, 1.0),
    (2.0, 1e-3, -0.9),
    (1e4, 3.0, 0.1),
    (0.0, 1.0, 0.5),
    (1e-200, 1e-200, 0.2),
]


def both(name, options, depth, start):
    field = mean_field(name, **options)
    return [field.iterate(depth, *start, compiled=compiled).states for compiled in (True, False)]


@pytest.mark.parametrize(("name", "options"), FIELDS)
def test_the_same_bits_as_without(name, options):
    for start in STARTS:
        for depth in (0, 1, 27):
            made, plain = both(name, options, depth, start)
            np.testing.assert_array_equal(made, plain)
            assert made.shape == (3, depth + 1)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("relu", {"weight_variance": 0.5, "bias_variance": 1.0}),
        ("exp", {"weight_variance": 1.0}), ("square", {"weight_variance": 3.0}),
        ("relu", {"weight_variance": 1e300, "bias_variance": 1e-5}), ("sin", {"weight_variance": 1e-300}),
        ("leaky_relu(0.3)", {"weight_variance": 1e-3, "bias_variance": 1e-200}),
    ],
)  # fmt: skip
def test_the_same_where_digits_end(name, options):
    """There another way goes on, from another layer: 20 of them are one call without machine code."""
    made, plain = both(name, options, 200, (1.0, 0.6, 0.3))
    np.testing.assert_allclose(made[:2], plain[:2], rtol=1e-13)
    np.testing.assert_allclose(made[2], plain[2], atol=1e-12)


def test_courses_that_stand_still():
    for name, weight in (("erf", 1.2), ("gelu", 1.5), ("leaky_relu(0.3)", 1.0)):
        made = mean_field(name, weight_variance=weight, bias_variance=0.1).iterate(5000, compiled=True)
        assert len(set(made.first[3000:])) <= 2
        assert made.correlation[-1] == pytest.approx(made.correlation[3000], abs=1e-14)


@pytest.mark.parametrize("name", ["erf", "gelu", "sin", "relu2"])
def test_loops_without_a_compiler(name):
    found = kernel(activation(name))
    steps = [found.layers(False, still, 1) for still in (False, True)]
    arguments = (0.9, 0.5, 0.2, 0.05, 0.0, 1.4, 0.05, 0.0, 1.4, 500)
    states, count = pair_course(*steps, *found.closed[1:])(*arguments)
    made, known = found.pair_course(False)(*arguments)
    assert count == known
    np.testing.assert_array_equal(states[:, :count], made[:, :count])
    assert pair_course(*steps, 0.6, 1.0)(*arguments)[1] == 1
    assert pair_course(*steps, 0.0, 0.95)(*arguments[:3], 0.95, *arguments[4:])[1] == 1


def test_a_loop_of_correlations_without_a_compiler():
    step = kernel(activation("relu")).turns(False, 1)
    turns, count = turn_course(step)(0.3, 0.0, 2.0, 100_000)
    made, known = kernel(activation("relu")).turn_course(False)(0.3, 0.0, 2.0, 100_000)
    assert count == known == 100_001
    np.testing.assert_array_equal(turns, made)
    assert turn_course(step)(0.3, 0.0, 2.1, 100)[1] < 100  # it leaves [-1, 1]
    assert turn_course(step)(1.0, 0.0, 2.0, 50)[0].tolist() == [1.0] * 51


@pytest.mark.parametrize("name", ["sin", "cos", "erf", "gelu"])
@pytest.mark.parametrize(("q", "r"), [(0.7, 0.7), (300.0, 250.0), (690.0, 690.0), (1e-4, 2e-4)])
@pytest.mark.parametrize("c", [-0.999, -0.2, 1e-9, 0.5, 0.999999])
def test_forms_of_products_against_forty_digits(name, q, r, c):
    form = kernel(activation(name)).layers(False, False, 1)
    p = c * np.sqrt(q) * np.sqrt(r)
    with mpmath.workdps(40):
        a, b, x = map(mpmath.mpf, (q, r, p))
        spread = mpmath.exp(-(a + b) / 2)
        root = mpmath.sqrt(1 + a + b + a * b - x**2)
        exact = {
            "sin": spread * mpmath.sinh(x),
            "cos": spread * mpmath.cosh(x),
            "erf": 2 / mpmath.pi * mpmath.asin(2 * x / mpmath.sqrt((1 + 2 * a) * (1 + 2 * b))),
            "gelu": x / 4
            + (x * mpmath.atan(x / root) + (a * b - x**2 + x**2 * (1 / (1 + a) + 1 / (1 + b))) / root)
            / (2 * mpmath.pi),
        }[name]
    found = form(q, r, p, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0)[2]
    assert found == pytest.approx(
        float(exact), rel=3e-13 if name in ("sin", "cos") else 1e-13, abs=1e-13 * q if name == "gelu" else 0
    )


def test_it_says_what_is_missing(monkeypatch):
    field = mean_field("erf", weight_variance=1.25)
    found = kernel(field.activation)
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.setattr(type(field), "kernel", type(found)(field.activation))
    with pytest.raises(ParameterError, match=r"numba is not installed.*varprop\[compiled\]"):
        field.iterate(3, compiled=True)
    assert field.iterate(3).states.shape == (3, 4)
