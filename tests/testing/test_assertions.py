"""Assertions on drawn arrays: true promises pass, planted errors are found and named, misuse is refused."""

from __future__ import annotations

import math
import pickle
import random
from collections.abc import Callable

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings, strategies as st

from varprop import ParameterError, Uniform, Variance, neuron
from varprop.simulation.streams import Streams
from varprop.testing import (
    Disagreement,
    DrawError,
    Undecided,
    assert_agrees,
    assert_mean,
    assert_preserves,
    assert_second_moment,
    assert_variance,
)
from varprop.testing.blocks import Blocks
from varprop.testing.draws import Draws
from varprop.testing.session import SESSION

SHAPE = (48, 64)
Draw = Callable[[int], np.ndarray]


def normal(std: float, shape: tuple[int, ...] = SHAPE, mean: float = 0.0) -> Draw:
    return lambda seed: np.random.default_rng(seed).normal(mean, std, shape)


def uniform(bound: float) -> Draw:
    return lambda seed: np.random.default_rng(seed).uniform(-bound, bound, SHAPE)


def truncated(std: float) -> Draw:
    def draw(seed: int) -> np.ndarray:
        given = np.random.default_rng(seed).normal(size=(4, *SHAPE))
        kept = np.take_along_axis(given, (abs(given) < 2).argmax(axis=0)[None], axis=0)[0]
        return std * kept

    return draw


def orthogonal(seed: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(16, 16)))[0]


def all_alike(seed: int) -> np.ndarray:
    """Entries of one array that are all the same."""
    return np.full((8, 8), np.random.default_rng(seed).normal())


@pytest.mark.parametrize("independent", [False, True])
def test_true_promises_agree(independent: bool) -> None:
    given = {"independent": independent}
    assert assert_variance(normal(0.3), 0.09, **given).verdict == "agrees"
    assert assert_variance(uniform(0.3), "3/100", **given).verdict == "agrees"
    assert assert_second_moment(normal(1, mean=2), 5, **given).verdict == "agrees"
    assert assert_mean(normal(1, mean=-2), -2, **given).verdict == "agrees"
    assert assert_mean(uniform(1), 0, **given).verdict == "agrees"


def test_entries_may_depend_on_each_other() -> None:
    assert assert_variance(orthogonal, "1/16").verdict == "agrees"
    assert assert_variance(all_alike, 1, resolution=1.1).verdict == "agrees"


def test_one_number_per_draw() -> None:
    finding = assert_variance(lambda seed: np.random.default_rng(seed).uniform(), "1/12", resolution=1.1)
    assert finding.verdict == "agrees"


@pytest.mark.parametrize("kind", ["mean", "second moment", "variance"])
@pytest.mark.parametrize("independent", [False, True])
def test_block_results_are_unbiased_estimates(kind: str, independent: bool) -> None:
    truth = {"mean": 0.5, "second moment": 0.5, "variance": 0.25}[kind]

    def coins(seed: int) -> np.ndarray:
        return np.random.default_rng(seed).integers(0, 2, 200)

    def one_coin(seed: int) -> np.ndarray:
        return np.repeat(coins(seed)[0], 200)

    draw = coins if independent else one_coin
    values = Blocks(Draws(draw), kind, independent).first(4000)  # type: ignore[arg-type]
    assert abs(values.mean() - truth) < 5 * values.std() / math.sqrt(4000)


PLANTED = {
    "uniform on the std": (uniform(0.25), 0.0625, "uniform draw on +-std"),
    "bound used as std": (normal(0.25 * math.sqrt(3)), 0.0625, "sqrt(3) too much"),
    "uncorrected truncation": (truncated(0.3), 0.09, "uncorrected truncation"),
    "corrected twice": (normal(0.3 / math.sqrt(0.7737413)), 0.09, "corrected twice"),
    "fans swapped": (normal(math.sqrt(1 / 48)), 1 / 64, "fan_out used for fan_in"),
    "mean of the fans": (normal(math.sqrt(2 / 112)), 1 / 64, "the mean of fan_in and fan_out"),
    "variance as std": (normal(0.07), 0.07, "variance passed as std"),
    "std as variance": (normal(0.07**0.25), 0.07, "std passed as variance"),
    "no gain": (normal(math.sqrt(1 / 71)), 2 / 71, "the factor 2 of ReLU is missing"),
    "second moment": (normal(1, mean=1), 2, "the second moment claimed for the variance"),
    "a constant": (lambda seed: np.full(SHAPE, 0.5), 0.09, "a constant"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_error_is_found_and_named(name: str) -> None:
    draw, promise, cause = PLANTED[name]
    with pytest.raises(Disagreement) as caught:
        assert_variance(draw, promise)
    assert any(cause in told for told in caught.value.finding.causes)  # type: ignore[union-attr]
    assert cause in str(caught.value)
    assert "repeat    assert_variance(draw, " in str(caught.value)


def test_variance_claimed_for_the_second_moment_is_named() -> None:
    with pytest.raises(Disagreement, match="variance claimed for the second moment"):
        assert_second_moment(normal(1, mean=1), 1)


@pytest.mark.parametrize("factor", [1.02, 1 / 1.02])
def test_two_percent_are_noticed(factor: float) -> None:
    with pytest.raises(Disagreement):
        assert_variance(normal(1), factor, resolution=1.01, budget=8)


def test_a_heavy_tail_or_a_small_budget_is_undecided() -> None:
    def heavy(seed: int) -> np.ndarray:
        return np.prod(np.random.default_rng(seed).normal(size=(8, 100)), axis=0)

    with pytest.raises(Undecided, match="alarm") as caught:
        assert_variance(heavy, 1, budget=0.5)
    assert not isinstance(caught.value, Disagreement)
    with pytest.raises(Undecided, match="the budget allows no look"):
        assert_variance(normal(1), 1, budget=1e-6)


def test_layers_that_keep_the_signal() -> None:
    std = math.sqrt(2 / 64)
    assert assert_preserves(normal(std), "relu").verdict == "agrees"
    assert assert_preserves(normal(std, (64, 48)), "relu", axes="in, out", q=3).verdict == "agrees"
    assert assert_preserves(orthogonal).verdict == "agrees"
    with pytest.raises(Disagreement, match="the factor 2 of ReLU is missing"):
        assert_preserves(normal(math.sqrt(1 / 64)), "relu")
    with pytest.raises(Disagreement):
        assert_preserves(normal(std), "relu", axes="in, out")


def test_claims_of_expressions() -> None:
    z = neuron(weights="Normal(variance=1/n)", inputs="Uniform(0, 1)", fan_in="n")
    assert assert_agrees(Variance(z), equals="1/3", at={"n": 8}).verdict == "agrees"
    with pytest.raises(Disagreement, match="disagrees"):
        assert_agrees(Variance(z), equals="1/12", at={"n": 8})
    with pytest.raises(Undecided):
        assert_agrees(Variance(z), equals="1/3", at={"n": 8}, budget=1e-6)


@pytest.mark.parametrize("exponent", [-500, -333, 400])
def test_the_verdict_does_not_depend_on_the_unit(exponent: int) -> None:
    scale = 2.0**exponent
    plain = assert_variance(normal(1.0), 1)
    scaled = assert_variance(lambda seed: normal(1.0)(seed) * scale, sp.Integer(2) ** (2 * exponent))
    assert scaled.verdict == plain.verdict == "agrees"
    assert scaled.high > scaled.estimate > scaled.low > 0
    assert scaled.estimate == pytest.approx(math.ldexp(1.0, 2 * exponent), rel=0.02)
    with pytest.raises(Disagreement):
        assert_variance(lambda seed: normal(1.0)(seed) * scale, sp.Integer(2) ** (2 * exponent + 1))
    with pytest.raises(Disagreement):
        assert_second_moment(lambda seed: normal(1.0)(seed) * scale, 1)


def test_an_expectation_beyond_floats_is_refused() -> None:
    for beyond in (sp.Integer(10) ** -400, sp.Integer(10) ** 400, "1e-320"):
        with pytest.raises(ParameterError, match="beyond the range of floats"):
            assert_variance(normal(1.0), beyond)


def test_the_line_that_repeats_names_every_setting_that_is_not_the_usual_one() -> None:
    with pytest.raises(Disagreement) as caught:
        assert_variance(normal(1.0), 2, independent=True, resolution=1.1, seed=3)
    line = str(caught.value).splitlines()[-1]
    assert line == "  repeat    assert_variance(draw, 2.0, independent=True, resolution=1.1, seed=3)"
    again = line.partition("repeat    ")[2]
    with pytest.raises(Disagreement) as repeated:
        eval(again, {"assert_variance": assert_variance, "draw": normal(1.0)})
    assert str(repeated.value) == str(caught.value)
    with pytest.raises(Disagreement) as caught:
        assert_preserves(normal(1.0), "tanh", q=2, axes="in, out", budget=0.5)
    line = str(caught.value).splitlines()[-1]
    assert line == "  repeat    assert_preserves(draw, 'tanh', q=2, axes='in, out', budget=0.5, seed=0)"


def test_the_same_seed_repeats_and_another_differs() -> None:
    first, again, other = (assert_variance(normal(1), 1, seed=seed).estimate for seed in (3, 3, 4))
    assert first == again != other


def test_a_failure_survives_pickling() -> None:
    with pytest.raises(Disagreement) as caught:
        assert_variance(normal(1), 2)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert type(copy) is Disagreement
    assert str(copy) == str(caught.value)


def test_the_session_counts_claims() -> None:
    before = SESSION.claims
    assert_variance(normal(1), 1)
    assert_agrees(Variance(neuron(weights="Normal()", inputs=Uniform(-1, 1), fan_in=2)), equals="2/3")
    assert SESSION.claims == before + 2


def test_discarding_what_is_undecided() -> None:
    outcomes = []

    @settings(max_examples=8, database=None)
    @given(st.booleans(), st.integers(0, 99))
    def attempt(affordable: bool, seed: int) -> None:
        budget = 2 if affordable else 1e-6
        assert_variance(normal(1), 1, seed=seed, budget=budget, on_inconclusive="discard")
        outcomes.append(affordable)

    attempt()
    assert outcomes
    assert all(outcomes)


def test_hypothesis_shrinks_a_wrong_initializer_to_its_smallest_case() -> None:
    """Ten percent too much for more than 5 inputs: found, and shrunk to 6."""

    def wrong(fan_in: int) -> Draw:
        return normal(math.sqrt((1.1 if fan_in > 5 else 1.0) / fan_in), (64, fan_in))

    failed = []

    @settings(max_examples=30, database=None, derandomize=True)
    @given(st.integers(1, 40))
    def attempt(fan_in: int) -> None:
        try:
            assert_variance(wrong(fan_in), sp.Rational(1, fan_in))
        except Disagreement:
            failed.append(fan_in)
            raise

    with pytest.raises(Disagreement):
        attempt()
    assert failed[-1] == 6


# ---- misuse


def ignoring(seed: int) -> np.ndarray:
    return np.arange(9.0)


def unseeded(seed: int) -> np.ndarray:
    return np.random.default_rng().normal(size=9)


def global_numpy(seed: int) -> np.ndarray:
    np.random.seed(seed)
    return np.random.randn(9)


def global_python(seed: int) -> list[float]:
    random.seed(seed)
    return [random.gauss(0, 1)]


def changing_shape(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=rng.integers(64, 99))


def one_nan_later() -> Draw:
    calls = []

    def draw(seed: int) -> np.ndarray:
        calls.append(seed)
        values = np.random.default_rng(seed).normal(size=99)
        if len(calls) > 20:
            values[3] = np.nan
        return values

    return draw


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (ignoring, "two seeds gave one array"),
        (unseeded, "one seed gave two different arrays"),
        (global_numpy, "global generator of numpy.random"),
        (global_python, "global generator of random"),
        (changing_shape, "shapes"),
        (one_nan_later(), "nan for seed"),
        (lambda seed: np.full(9, np.inf), "inf for seed"),
        (lambda seed: "text", "str of"),
        (lambda seed: None, "NoneType of"),
        (lambda seed: np.ones(9) * 1j, "complex128"),
        (lambda seed: np.ones((0, 3)), r"shape \(0, 3\)"),
        (lambda seed: [[1.0], [2.0, 3.0]], "no array"),
        (3, "not callable"),
        (None, "not callable"),
    ],
)
def test_a_draw_that_breaks_the_contract_is_refused(draw: object, message: str) -> None:
    state = np.random.get_state(), random.getstate()
    try:
        with pytest.raises(DrawError, match=message):
            assert_variance(draw, 1)  # type: ignore[arg-type]
    finally:
        np.random.set_state(state[0])
        random.setstate(state[1])


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"expected": -1}, ParameterError),
        ({"expected": "n"}, ParameterError),
        ({"expected": math.nan}, ParameterError),
        ({"expected": math.inf}, ParameterError),
        ({"expected": None}, ParameterError),
        ({"budget": 0}, ParameterError),
        ({"budget": "2"}, ParameterError),
        ({"budget": True}, ParameterError),
        ({"on_inconclusive": "pass"}, ParameterError),
        ({"alpha": 0}, Exception),
        ({"resolution": 1}, Exception),
        ({"seed": 0.5}, Exception),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, object], error: type[Exception]) -> None:
    given = {"expected": 1, **arguments}
    with pytest.raises(error) as caught:
        assert_variance(normal(1), **given)  # type: ignore[arg-type]
    assert type(caught.value).__module__ == "varprop.errors"


@pytest.mark.parametrize(
    "arguments", [{"activation": "rleu"}, {"activation": 3}, {"q": 0}, {"q": math.nan}, {"axes": "in"}]
)
def test_bad_layers_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(ParameterError):
        assert_preserves(normal(1), **arguments)  # type: ignore[arg-type]
    with pytest.raises(DrawError, match="no matrix"):
        assert_preserves(normal(1, (3, 3, 3)))


def test_streams_of_inputs_differ_from_those_of_weights() -> None:
    """An initializer that draws from the library's own streams must not meet the inputs of the test."""

    def draw(seed: int) -> np.ndarray:
        return Streams(seed).generator(chunk=0).normal(size=(32, 32)) / math.sqrt(32)

    assert assert_preserves(draw).verdict == "agrees"
