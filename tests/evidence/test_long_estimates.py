"""Long runs of `estimate`: results are averaged, many small blocks come together, memory stays bounded."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy as sp

from varprop.derivation.quantities import Variance
from varprop.errors import SamplingError, VarpropError
from varprop.evidence.estimating import estimate, sample
from varprop.model.distributions import Normal
from varprop.model.expressions import Expression
from varprop.model.neurons import dot
from varprop.model.variables import RandomVariable
from varprop.simulation.functionals import Functional, Scaling
from varprop.simulation.layout import Design
from varprop.simulation.methods import Blocks
from varprop.simulation.quasi import net
from varprop.simulation.sampling import Program
from varprop.simulation.schedule import first_group
from varprop.simulation.streams import Streams
from varprop.simulation.twoway import Crossed


def product(n: int, inputs: str = "Normal()") -> Expression:
    return dot(weights=f"Normal(variance=1/{n})", inputs=inputs, fan_in=n)


@pytest.mark.parametrize(
    ("method", "n", "error", "most"),
    [("plain", 32, 0.008, 64), ("crossed", 32, 0.004, 64), ("crossed", 1024, 0.001, 2)],
)
def test_chunks_merge_where_there_would_be_too_many(
    method: Any, n: int, error: float, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run too long for its results to be kept has fewer of them, means of the same blocks."""
    quantity, settings = Variance(product(n)), {"method": method, "seed": 3, "relative_error": error}
    for module in ("estimating", "problem"):
        monkeypatch.setattr(f"varprop.simulation.{module}.CHUNK_ENTRIES", 2**11)
    whole = estimate(quantity, **settings)  # type: ignore[arg-type]
    for module in ("crossed", "methods"):
        monkeypatch.setattr(f"varprop.simulation.{module}.MOST_RESULTS", most)
    merged = estimate(quantity, **settings)  # type: ignore[arg-type]
    assert whole.samples / 1.5 < merged.samples < 1.5 * whole.samples  # a top-up may be spared
    assert merged.standard_error == pytest.approx(whole.standard_error, rel=0.3)
    assert abs(merged.value - 1) < 4 * merged.standard_error < 6 * error


def test_a_merged_chunk_is_the_mean_of_its_pieces() -> None:
    program = Program([product(4)], {}, first_group(product(4)))
    variance, streams = Functional("variance"), Streams(5)
    crossed = Crossed(program, variance, 8, 16)
    merged = replace(crossed, pieces=3)
    pieces = [crossed.results(streams, chunk=chunk) for chunk in (3, 4, 5)]
    np.testing.assert_allclose(merged.results(streams, chunk=1), np.mean(pieces, axis=0), rtol=1e-12)
    assert merged.chunk_cost == 3 * crossed.chunk_cost


@pytest.mark.parametrize("pieces", [2, 4, 8, 32])
def test_blocks_are_averaged_within_a_chunk_and_beyond_it(pieces: int) -> None:
    program = Program([product(4)], {}, first_group(product(4)))
    blocks = Blocks(program, Functional("variance"), Scaling((0.0,), (1.0,)), Design(8, 8), 8)
    merged = replace(blocks, pieces=pieces)
    turns = max(1, pieces // 8)
    results = [blocks.results(Streams(5), chunk=chunk) for chunk in range(turns, 2 * turns)]
    wanted = np.concatenate(results).reshape(-1, pieces, 2).mean(axis=1)
    np.testing.assert_allclose(merged.results(Streams(5), chunk=1), wanted, rtol=1e-12)
    assert merged.chunk_cost == turns * blocks.chunk_cost
    assert merged.chunk_samples == turns * 8 * 64 == len(wanted) * pieces * 64


def test_small_errors_of_short_sums_take_few_calls(at_most: Any) -> None:
    """Millions of small blocks are evaluated many at a time, however few of their results are kept."""
    with at_most(300_000):
        found = estimate(Variance(product(5)), relative_error=0.001, seed=3)
    assert found.standard_error < 0.0013 and found.memory < 2**24
    assert abs(found.value - 1) < 4 * found.standard_error


@pytest.mark.parametrize("method", ["crossed", "shared signs"])
def test_arrays_stay_within_16_mebibytes(method: Any) -> None:
    z = dot(weights="Normal(variance=1/1024)", inputs="Rectified(Normal())", fan_in=1024)
    estimate(Variance(z), relative_error=0.05, method=method)
    tracemalloc.start()
    try:
        estimate(Variance(z), relative_error=0.01, seed=1, method=method)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("n", "error"), [(1, 0.0005), (2, 0.001), (5, 0.002), (64, 0.005)])
def test_the_memory_that_is_told_covers_what_is_used(n: int, error: float) -> None:
    estimate(Variance(product(n)), relative_error=0.1)
    net.cache_clear()
    tracemalloc.start()
    try:
        found = estimate(Variance(product(n)), relative_error=error, seed=1)
        assert tracemalloc.get_traced_memory()[1] < 1.05 * found.memory + 2**19
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("n", [1, 5, 64])
def test_what_falls_below_float64_is_refused(n: int) -> None:
    for variance in ("1e-162", "1e-200", "1e-300"):
        z = dot(weights=f"Normal(variance={variance})", inputs=f"Normal(variance={variance})", fan_in=n)
        with pytest.raises(SamplingError, match="below the range of float64"):
            estimate(Variance(z), seed=1)
    small = dot(weights="Normal(variance=1e-150)", inputs="Normal(variance=1e-150)", fan_in=n)
    found = estimate(Variance(small), seed=1)
    assert found.value == pytest.approx(n * 1e-300, rel=0.06, abs=0)


@pytest.mark.parametrize("method", ["plain", "quasi-random"])
@pytest.mark.parametrize("power", [-300, 200, 300])
def test_a_run_is_as_long_whatever_the_unit(method: Any, power: int) -> None:
    def found(power: int) -> Any:
        z = dot(weights=Normal(variance=sp.Integer(10) ** power), inputs="Normal()", fan_in=1)
        return estimate(Variance(z), method=method, relative_error=0.005, seed=3)

    extreme, usual = found(power), found(0)
    assert extreme.samples == usual.samples
    assert extreme.value / 10.0**power == pytest.approx(usual.value, rel=1e-9, abs=0)


@pytest.mark.parametrize("method", ["plain", "quasi-random"])
def test_an_event_that_the_pilot_misses_is_looked_for_on(method: Any) -> None:
    x = RandomVariable("x", "Normal()")
    settings = {"statistic": "tail probability", "above": 4, "relative_error": 0.1, "budget": 1, "seed": 2}
    found = estimate(x, method=method, **settings)  # type: ignore[arg-type]
    assert found.interval[0] < 3.1671241833e-05 < found.interval[1] < 4e-5


@pytest.mark.parametrize("method", [None, "plain", "crossed"])
@pytest.mark.parametrize("n", [10**10, 10**15])
def test_what_no_budget_reaches_is_refused(method: Any, n: int) -> None:
    z = dot(weights="Normal(variance=1/n)", inputs="Normal()", fan_in="n")
    with pytest.raises(SamplingError, match="a single block takes about"):
        estimate(Variance(z), at={"n": n}, method=method, budget=1)


@pytest.mark.parametrize("size", [10**15, 10**25])
def test_more_samples_than_memory_are_refused_in_words(size: int) -> None:
    with pytest.raises(VarpropError, match=r"not free|no array is so large"):
        sample(product(4), size=size)


@pytest.mark.parametrize("method", ["plain", "crossed"])
def test_the_log_of_zero_is_told_in_words(method: Any) -> None:
    z = dot(weights="Bernoulli(1/2)", inputs="Normal()", fan_in=4)
    with pytest.raises(SamplingError, match="log moment of an expression that was 0"):
        estimate(z, statistic="log moment", method=method, seed=1)
