"""Long sums are drawn block by block: right, bounded in memory, and only where that is allowed."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import varprop as vp
from varprop.model.activations import relu
from varprop.model.axes import Axis
from varprop.model.expressions import Expression, sum_over
from varprop.model.joint import Empirical
from varprop.model.variables import RandomVariable, RandomVector, Variable
from varprop.simulation import streaming
from varprop.simulation.costs import streamed_in
from varprop.simulation.layout import Design
from varprop.simulation.panel import Coupled, Flat
from varprop.simulation.sampling import Program
from varprop.simulation.streams import Streams


class Counting:
    """Draws 0, 1, 2, ... along the places, however they are asked for: every sample is known."""

    independent = True

    def __init__(self) -> None:
        self.next = 0

    def numbers(self, places: int) -> int:
        return places

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        start, self.next = self.next, self.next + shape[-1]
        return np.broadcast_to(np.arange(start, self.next, dtype=float), shape)


def variable(name: str, *axes: Axis, law: str = "Normal()") -> RandomVariable:
    return RandomVariable(name, law, axes=axes)


def test_every_place_counts_once() -> None:
    i = Axis("i", 5000)
    x, b = variable("x", i), variable("b")
    z = sum_over(i, x + 3 * b)
    laws = {x.variable: Counting()}
    program = Program([z, b], laws)
    design = Design(64)
    assert len(streamed_in(program, design)) == 1
    total, bias = program.run(Streams(1), chunk=0, blocks=2, design=design)
    np.testing.assert_allclose(total, 5000 * 4999 / 2 + 15000 * bias, rtol=1e-12)


def test_sums_that_share_variables_are_drawn_together() -> None:
    i, j = Axis("i", 3000), Axis("j", 2)
    x, w = variable("x", i), variable("w", j, i)
    one, two = j.places(2)
    first, second = (sum_over(i, w[k, i.index] * x) for k in (one, two))
    squares = sum_over(i, x**2)
    program, design = Program([first + second, first, second, squares]), Design(128)
    (group,) = streamed_in(program, design)
    assert len(group.sums) == 3
    both, a, b, length = program.run(Streams(1), chunk=0, blocks=2, design=design)
    np.testing.assert_allclose(both, a + b)
    assert abs((a * b / length).mean()) < 5 / np.sqrt(256)
    assert abs((a * a / length).mean() - 1) < 5 * np.sqrt(2 / 256)


def test_crossed_layouts_and_hidden_units() -> None:
    i, j = Axis("i", 2048), Axis("j", 3)
    w, x, v = variable("w", j, i), variable("x", i), variable("v", j)
    z = sum_over(j, v * relu(sum_over(i, w * x)))
    group = [w.variable, v.variable]
    program, design = Program([z], {}, group), Design(16, 8)
    assert len(streamed_in(program, design)) == 1
    (value,) = program.run(Streams(1), chunk=0, blocks=8, design=design)
    assert value.shape == (8, 16, 8)
    assert abs(np.mean(value**2) / (3 * 2048 / 2) - 1) < 0.5


@pytest.mark.parametrize("case", ["named place", "joint", "coupled", "short"])
def test_what_cannot_be_drawn_in_blocks_is_drawn_whole(case: str) -> None:
    i = Axis("i", 2048 if case != "short" else 64)
    x = variable("x", i)
    laws: dict[Variable, Coupled] = {}
    roots: list[Expression] = [sum_over(i, x)]
    if case == "named place":
        roots.append(x.at(i=0))
    if case == "joint":
        table = RandomVector("t", Empirical(np.ones((2, 2048))))
        roots = [sum_over(table.axis, table)]
    if case == "coupled":
        laws = {x.variable: Coupled(Flat(), 0.0, 1.0, "all equal")}
    program = Program(roots, laws)
    assert not streamed_in(program, Design(512))
    assert program.run(Streams(1), chunk=0, blocks=1, design=Design(4))[0].shape == (1, 4)


def test_memory_is_bounded_whatever_the_fan_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "PIECE_ENTRIES", 2**14)
    i = Axis("i", 10**6)
    z = sum_over(i, variable("w", i) * relu(variable("x", i)))
    program, design = Program([z]), Design(4)
    assert program.work(design).entries < 2**15 < program.draws()
    tracemalloc.start()
    program.run(Streams(1), chunk=0, blocks=1, design=design)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**21


@pytest.mark.parametrize("method", ["plain", "crossed", "shared signs", "sign average"])
def test_memory_is_what_an_estimate_says_and_bounded_at_any_size(method):
    size = 2**13 if method == "plain" else 2**16  # every draw of a plain sample is its own
    quantity = vp.Variance(
        vp.dot(weights=f"Normal(variance=1/{size})", inputs="Rectified(Normal())", fan_in=size)
    )
    vp.estimate(quantity, relative_error=0.5, method=method)
    tracemalloc.start()
    found = vp.estimate(quantity, relative_error=0.2, method=method)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 1.1 * found.memory + 2**18
    assert found.memory <= 2**24
    assert abs(found.value - 1 / 2) <= 6 * found.standard_error
