"""Every registered distribution: its formulas, an independent quadrature and its own samples must agree."""

import inspect
import itertools
import math
import pickle
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings, strategies as st
from scipy import special

from varprop.errors import MomentError, ParameterError
from varprop.model.distributions import (
    DISTRIBUTIONS,
    Bernoulli,
    Constant,
    Distribution,
    Dropout,
    Exponential,
    Laplace,
    LogNormal,
    Mixture,
    Normal,
    Rademacher,
    Rectified,
    StudentT,
    TruncatedNormal,
    Uniform,
    Unknown,
)
from varprop.model.domains import Parameter
from varprop.model.parsing import parse_distribution
from varprop.testing import strategies

ORDERS = np.arange(1.0, 9.0)[:, None]
Density = Callable[[np.ndarray], np.ndarray]


STRATEGIES = {
    name: strategies.from_parameters(cls) if cls is Unknown else strategies.distributions(name=name)
    for name, cls in DISTRIBUTIONS.items()
}
KNOWN = [name for name in DISTRIBUTIONS if name != "Unknown"]
CENTERED = [
    Normal(variance="2/3"),
    Uniform(variance=2),
    Rademacher(),
    Laplace(variance=3),
    StudentT(10, width=2),
    TruncatedNormal(-1.5, 1.5),
    Mixture([Normal(), Rademacher()]),
    Constant(0),
]
EXTREME = [
    Rectified(Normal(-3, 0.5)),
    Rectified(Uniform(-2, -1)),
    Rectified(Uniform(1, 3)),
    TruncatedNormal(2, 5),
    TruncatedNormal(low=1.5),
    TruncatedNormal(high=-0.5, parent_mean=0.25),
    Uniform(-3, -1),
    Laplace(mean=-2),
    Constant(-2),
    Bernoulli(0),
    Bernoulli(1),
    Dropout(1),
    Mixture([Exponential(2), Constant(-1), Normal(1)], ["1/4", 0, "3/4"]),
    Rectified(Mixture([Normal(1), Constant(0)])),
]
EXAMPLES = CENTERED + EXTREME


# ---- reference: densities and atoms written down once more, and integrated numerically


def density(d: Distribution) -> tuple[Density, float, float, list[float]]:
    """A density with the ends of its support and the points around which it changes fast."""
    p = [float(getattr(d, parameter.name)) for parameter in d.parameters]
    inf = math.inf
    match d:
        case Normal():
            return (
                lambda x: np.exp(-((x - p[0]) ** 2) / (2 * p[1])) / math.sqrt(2 * math.pi * p[1]),
                -inf,
                inf,
                [p[0]],
            )
        case Uniform():
            return lambda x: 1 / (p[1] - p[0]) + 0 * x, p[0], p[1], []
        case TruncatedNormal():
            low, high, mean, std = p[0], p[1], p[2], math.sqrt(p[3])
            share = special.ndtr((high - mean) / std) - special.ndtr((low - mean) / std)
            factor = 1 / (share * std * math.sqrt(2 * math.pi))
            return lambda x: factor * np.exp(-(((x - mean) / std) ** 2) / 2), low, high, [mean]
        case Laplace():
            b = math.sqrt(p[1] / 2)
            return lambda x: np.exp(-abs(x - p[0]) / b) / (2 * b), -inf, inf, [p[0]]
        case Exponential():
            return lambda x: np.exp(-x / p[0]) / p[0], 0.0, inf, []
        case StudentT():
            nu, center, width = p
            factor = math.gamma((nu + 1) / 2) / (math.sqrt(nu * math.pi) * math.gamma(nu / 2) * width)
            return (
                lambda x: factor * (1 + ((x - center) / width) ** 2 / nu) ** (-(nu + 1) / 2),
                -inf,
                inf,
                [center],
            )
        case LogNormal():
            mean, std = p[0], math.sqrt(p[1])
            factor = 1 / (std * math.sqrt(2 * math.pi))
            return lambda x: factor / x * np.exp(-((np.log(x) - mean) ** 2) / (2 * std**2)), 0.0, inf, []
    raise AssertionError(f"no reference density for {d}")


@lru_cache(maxsize=64)
def grid(d: Distribution) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights times density: Gauss-Legendre on panels that grow from each special point."""
    pdf, low, high, special_points = density(d)
    steps = 2.0 ** np.arange(-10, 46, 0.25)
    centers = [0.0, *special_points, *(end for end in (low, high) if math.isfinite(end))]
    ends = np.unique(np.clip([c + side for c in centers for side in (0, *steps, *-steps)], low, high))
    half = np.diff(ends)[:, None] / 2
    points, weights = special.roots_legendre(10)
    nodes = (ends[:-1, None] + half * (1 + points)).ravel()
    with np.errstate(under="ignore"):
        return nodes, (half * weights).ravel() * pdf(nodes)


def atoms(d: Distribution) -> list[tuple[float, float]] | None:
    """(value, probability) of a discrete distribution, None if it has a density."""
    p = [float(getattr(d, parameter.name)) for parameter in d.parameters]
    match d:
        case Constant():
            return [(p[0], 1.0)]
        case Rademacher():
            return [(-1.0, 0.5), (1.0, 0.5)]
        case Bernoulli():
            return [(0.0, 1 - p[0]), (1.0, p[0])]
        case Dropout():
            return [(0.0, 1 - p[0]), (1 / p[0], p[0])]
    return None


def expect(d: Distribution, g: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """E g(X) without a moment formula; g acts on the last axis."""
    if isinstance(d, Rectified):
        return expect(d.parent, lambda x: g(np.maximum(x, 0.0)))
    if isinstance(d, Mixture):
        return sum(float(w) * expect(part, g) for w, part in zip(d.weights, d.components, strict=True))
    if (points := atoms(d)) is not None:
        values, probabilities = np.array(points).T
        return (g(values) * probabilities).sum(axis=-1)
    nodes, weights = grid(d)
    return (g(nodes) * weights).sum(axis=-1)


def probability_of_zero(d: Distribution) -> float:
    """P(X = 0), from the reference."""
    if isinstance(d, Rectified):
        return float(expect(d.parent, lambda x: (x <= 0).astype(float)))
    if isinstance(d, Mixture):
        return sum(
            float(w) * probability_of_zero(part) for w, part in zip(d.weights, d.components, strict=True)
        )
    return sum(probability for value, probability in atoms(d) or [] if value == 0)


def floats(values: object) -> np.ndarray:
    return np.array([float(value) for value in values])


def assert_agree(d: Distribution) -> None:
    """All formulas of one distribution against the reference."""
    one = expect(d, np.ones_like)
    assert one == pytest.approx(1, abs=1e-8)
    raw = expect(d, lambda x: x**ORDERS)
    size = expect(d, lambda x: abs(x) ** ORDERS)
    np.testing.assert_array_less(abs(floats(d.moment(k) for k in range(1, 9)) - raw), 1e-6 * size + 1e-300)
    mean = raw[0]
    spread = expect(d, lambda x: abs(x - mean) ** ORDERS)
    central = expect(d, lambda x: (x - mean) ** ORDERS)
    assert (
        abs(floats(sp.N(d.central_moment(k), 30) for k in range(1, 9)) - central) <= 1e-6 * (spread + size)
    ).all()
    mu = [1.0, *central]
    cumulants = [
        mean, mu[2], mu[3], mu[4] - 3 * mu[2] ** 2, mu[5] - 10 * mu[3] * mu[2],
        mu[6] - 15 * mu[4] * mu[2] - 10 * mu[3] ** 2 + 30 * mu[2] ** 3,
    ]  # fmt: skip
    highest = 4 if d.variance.has(sp.erf) else 6
    found = floats(sp.N(d.cumulant(k), 30) for k in range(1, highest + 1))
    assert (abs(found - cumulants[:highest]) <= 1e-5 * (spread + size)[:highest]).all()
    assert float(d.variance) == pytest.approx(mu[2], abs=1e-7 * (1 + size[1]))
    positive = expect(d, lambda x: np.maximum(x, 0.0) ** ORDERS)
    for k in range(1, 9):
        for formula, truth in ((d.absolute_moment, size), (d.positive_part_moment, positive)):
            try:
                value = formula(k)
            except MomentError:
                assert k % 2 or formula == d.positive_part_moment
                assert isinstance(d, StudentT)
                assert not d.center.is_zero
            else:
                tolerance = 1e-6 * size[k - 1] + 1e-300
                assert float(sp.N(value, 30)) == pytest.approx(truth[k - 1], rel=1e-6, abs=tolerance)


def assert_structure(d: Distribution) -> None:
    """Symmetry, support and atom against the reference."""
    low, high = (float(end) for end in d.support)
    if math.isfinite(low) or math.isfinite(high):
        outside = expect(d, lambda x: ((x < low - 1e-12) | (x > high + 1e-12)).astype(float))
        assert outside == pytest.approx(0, abs=1e-12)
    odd = expect(d, lambda x: np.sin(np.array([[0.3], [0.7], [1.1]]) * x) * (abs(x) < 1e3))
    if d.symmetric:
        np.testing.assert_allclose(odd, 0, atol=1e-9)
    if d.symmetric is False:
        assert abs(odd).max() > 1e-6
    above = float(expect(d, lambda x: (x > 0).astype(float)))
    below = float(expect(d, lambda x: (x < 0).astype(float)))
    try:
        assert float(d.positive_probability) == pytest.approx(above, abs=1e-9)
        assert float(d.negative_probability) == pytest.approx(below, abs=1e-9)
    except MomentError:
        assert isinstance(d, StudentT)
    if d.atomless:
        assert not d.atom_at_zero
        assert d.atomless == (atoms(d) is None) or isinstance(d, Mixture)
    if d.atom_at_zero is not None:
        assert d.atom_at_zero == (probability_of_zero(d) > 0)


def assert_value_object(d: Distribution) -> None:
    """Text, pickle, hash."""
    assert parse_distribution(str(d)) == d
    assert repr(d) == str(d)
    assert hash(parse_distribution(str(d))) == hash(d)
    assert pickle.loads(pickle.dumps(d)) == d
    assert d != Constant(17)
    assert d.latex() and d._repr_latex_() == f"${d.latex()}$"
    assert d.free_symbols == frozenset() and d.at({"n": 3}) is d


@pytest.mark.parametrize("name", KNOWN)
@settings(max_examples=6, deadline=None, derandomize=True)
@given(data=st.data())
def test_formula_is_quadrature(name: str, data: st.DataObject) -> None:
    d = data.draw(STRATEGIES[name])
    assert_agree(d)
    assert_structure(d)


@pytest.mark.parametrize("d", EXAMPLES, ids=str)
def test_formula_is_quadrature_at_the_edges(d: Distribution) -> None:
    assert_agree(d)
    assert_structure(d)
    assert_value_object(d)


@pytest.mark.parametrize("d", CENTERED, ids=str)
def test_centered_laws_know_their_symmetry(d: Distribution) -> None:
    assert d.symmetric is True
    assert d.mean == d.moment(3) == d.moment(7) == 0


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data())
def test_text_pickle_and_hash(name: str, data: st.DataObject) -> None:
    assert_value_object(data.draw(STRATEGIES[name]))


@pytest.mark.parametrize("name", KNOWN)
@settings(max_examples=2, deadline=None, derandomize=True)
@given(data=st.data())
def test_formula_is_samples(name: str, data: st.DataObject) -> None:
    assert_samples(data.draw(STRATEGIES[name]))


@pytest.mark.parametrize("d", EXAMPLES, ids=str)
def test_formula_is_samples_at_the_edges(d: Distribution) -> None:
    assert_samples(d)


def assert_samples(d: Distribution) -> None:
    assert assert_drawn(d, d.draw) == np.float64
    assert assert_drawn(d, d.draw_single) in (np.float32, np.float64)


def assert_drawn(d: Distribution, draw: Callable[..., np.ndarray]) -> np.dtype[Any]:
    """Means of powers within six standard errors, which come from the formulas up to order eight."""
    samples = draw(np.random.default_rng(20), (10_000, 10))
    count, rounding = samples.size, 4 * float(np.finfo(samples.dtype).eps)
    assert samples.shape == (10_000, 10)
    low, high = map(samples.dtype.type, map(float, d.support))
    assert low <= samples.min() and samples.max() <= high + rounding * abs(high)
    for k in (1, 2, 3):
        m, m2 = float(d.moment(k)), float(d.moment(2 * k))
        error = math.sqrt(max(m2 - m**2, 0) / count)
        found = float((samples.astype(np.float64) ** k).mean())
        assert abs(found - m) <= 6 * error + 1e3 * rounding * math.sqrt(m2)
    share = probability_of_zero(d)
    assert abs((samples == 0).mean() - share) <= 6 * math.sqrt(share * (1 - share) / count) + 1e-12
    np.testing.assert_array_equal(samples, draw(np.random.default_rng(20), (10_000, 10)))
    assert draw(np.random.default_rng(1), 3).shape == (3,)
    return samples.dtype


def symbol_of(p: Parameter) -> sp.Symbol:
    return sp.Symbol(p.name, positive=True) if p.low == 0 else sp.Symbol(p.name, real=True)


def symbolic(cls: type[Distribution]) -> Distribution:
    """An instance whose parameters are symbols with the assumptions of their domains."""
    symbols = {p.name: symbol_of(p) for p in cls.parameters}
    arguments = dict(symbols, dof=8 + symbols["dof"]) if cls is StudentT else symbols
    return cls(**arguments)


@pytest.mark.parametrize("name", [name for name, cls in DISTRIBUTIONS.items() if cls.parameters])
@settings(max_examples=3, deadline=None, derandomize=True)
@given(data=st.data())
def test_symbols_first_is_numbers_first(name: str, data: st.DataObject) -> None:
    cls = DISTRIBUTIONS[name]
    with_symbols, with_numbers = symbolic(cls), data.draw(STRATEGIES[name])
    values = {symbol_of(p): getattr(with_numbers, p.name) for p in cls.parameters}
    if cls is StudentT:
        values = {s: v - 8 if s.name == "dof" else v for s, v in values.items()}
    assert with_symbols.at(values) == with_numbers
    assert with_symbols.free_symbols == set(values)
    for k in range(1, 9 if name != "Unknown" else 3):
        for ask in ("moment", "central_moment", "positive_part_moment"):
            try:
                formula = getattr(with_symbols, ask)(k)
                number = getattr(with_numbers, ask)(k)
            except MomentError:
                continue
            assert abs(sp.N(formula.xreplace(values) - number, 20)) <= 1e-9 * (1 + abs(sp.N(number)))
    with pytest.raises(ParameterError, match="at=" if with_symbols.can_draw else "only its moments"):
        with_symbols.draw(np.random.default_rng(0), 3)


# ---- bad input

BAD_NUMBERS = [math.nan, math.inf, -math.inf, True, 1j, sp.I, sp.nan, sp.zoo, sp.Symbol("plain")]
BAD_TEXTS = ["", "nan", "1 +", "__import__('os')", b"1"]
BAD = [*BAD_NUMBERS, *BAD_TEXTS, None, [1], {}, np.array([1.0, 2.0]), object, Normal()]


@pytest.mark.parametrize("name", [name for name, cls in DISTRIBUTIONS.items() if cls.parameters])
@pytest.mark.parametrize("bad", BAD, ids=repr)
def test_every_parameter_refuses(name: str, bad: object) -> None:
    cls = DISTRIBUTIONS[name]
    good = {p.name: sum(p.typical) / 2 for p in cls.parameters}
    for p in cls.parameters:
        unbounded = (
            p.infinite and isinstance(bad, float) and bad == (-math.inf if p.name == "low" else math.inf)
        )
        not_given = bad is None and inspect.signature(cls).parameters[p.name].default is None
        if unbounded or not_given:
            continue
        with pytest.raises((ParameterError, ValueError)) as caught:
            cls(**(good | {p.name: bad}))
        assert type(caught.value).__module__ == "varprop.errors"
        assert caught.value.remedy


@pytest.mark.parametrize("name", [name for name, cls in DISTRIBUTIONS.items() if cls.parameters])
def test_every_bound_is_held(name: str) -> None:
    cls = DISTRIBUTIONS[name]
    good = {p.name: sum(p.typical) / 2 for p in cls.parameters}
    for p in cls.parameters:
        outside = [(p.low, p.low_open, -1), (p.high, p.high_open, 1)]
        for bound, is_open, side in outside:
            if bound in (sp.oo, -sp.oo):
                continue
            for value in [bound + side, bound + side * sp.Rational(1, 10**30)] + [bound] * is_open:
                with pytest.raises(ParameterError, match=p.name):
                    cls(**(good | {p.name: value}))


@pytest.mark.parametrize("name", [name for name, cls in DISTRIBUTIONS.items() if cls.parameters])
def test_every_corner_of_the_typical_values_is_a_law(name: str) -> None:
    cls = DISTRIBUTIONS[name]
    for corner in itertools.product(*(p.typical for p in cls.parameters)):
        values = {p.name: value for p, value in zip(cls.parameters, corner, strict=True)}
        law = cls(**values)
        assert all(float(getattr(law, name)) == value for name, value in values.items())


def test_every_signature_can_be_read() -> None:
    for cls in DISTRIBUTIONS.values():
        assert "Example:" in (inspect.getdoc(cls) or "")
        assert {p.name for p in cls.parameters} <= set(inspect.signature(cls).parameters)
