"""Three ways to estimate one number: plain streaming, crossed blocks, quasi-random replicates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from varprop.model.variables import Variable
from varprop.simulation import estimators
from varprop.simulation.functionals import Functional, Scaling
from varprop.simulation.layout import Design, Law
from varprop.simulation.quasi import DIMENSIONS, Given, quantile, scrambled
from varprop.simulation.sampling import Program
from varprop.simulation.streams import Streams

__all__ = ["CHUNK_ENTRIES", "Crossed", "Plain", "Quasi", "Signed", "shapes"]

Array = NDArray[np.float64]

CHUNK_ENTRIES = 2**18
POINTS_KEY = 1_000_003


@dataclass
class Plain:
    """Blocks of independent samples; a chunk holds a power of two of them.

    Args:
        program: what is evaluated.
        functional: what is estimated.
        scaling: center and size of the samples.
        rows: samples in a block.
        chunk_blocks: blocks in a chunk.
    """

    program: Program
    functional: Functional
    scaling: Scaling
    rows: int
    chunk_blocks: int

    @property
    def block_cost(self) -> float:
        """Nanoseconds per block, by the cost formula."""
        work = self.program.work(Design(self.rows))
        return float(work.cost + work.overhead / self.chunk_blocks + 8.0 * self.rows * self.functional.degree)

    @property
    def chunk_cost(self) -> float:
        """Nanoseconds per chunk."""
        return self.block_cost * self.chunk_blocks

    def results(self, streams: Streams, *, chunk: int) -> Array:
        """Features of every block."""
        samples = self.program.run(streams, chunk=chunk, blocks=self.chunk_blocks, design=Design(self.rows))
        return self.functional.features(samples, self.scaling)


@dataclass
class Quasi:
    """Replicates of a scrambled Sobol set; a chunk is one replicate.

    Args:
        program: what is evaluated; every variable has a known inverse distribution function.
        functional: what is estimated.
        scaling: center and size of the samples.
        bits: log2 of the points in a set.
    """

    program: Program
    functional: Functional
    scaling: Scaling
    bits: int
    inverses: dict[Variable, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.inverses = {s.variable: quantile(s.variable.distribution) for s in self.program.sources}

    @staticmethod
    def suits(program: Program) -> bool:
        """Whether there are few enough random numbers, all with a known inverse distribution function."""
        return 0 < program.draws() <= DIMENSIONS and all(
            source.law is None and not source.variable.is_joint and quantile(source.variable.distribution)
            for source in program.sources
        )

    @property
    def chunk_cost(self) -> float:
        """Nanoseconds per replicate."""
        return float((30.0 * self.program.draws() + 8.0 * self.functional.degree) * 2**self.bits + 2e5)

    def results(self, streams: Streams, *, chunk: int) -> Array:
        """Features of one replicate."""
        rng = streams.generator(POINTS_KEY, chunk=chunk)
        points = scrambled(rng, self.program.draws(), self.bits)
        laws: dict[Variable, Law] = {}
        first = 0
        for source in self.program.sources:
            last = first + source.numbers
            laws[source.variable] = Given(self.inverses[source.variable](points[:, first:last]))
            first = last
        program = self.program.with_laws(laws)
        samples = program.run(streams, chunk=chunk, blocks=1, design=Design(2**self.bits))
        return self.functional.features(samples, self.scaling)


@dataclass(frozen=True)
class Signed:
    """Independent copies of a symmetric law, each used with several random signs.

    Args:
        law: a law whose draw is a sign times a magnitude.
        signs: rows that share their magnitudes.
    """

    law: Any
    signs: int

    def numbers(self, places: int) -> int:
        """Random numbers behind one sample: the magnitudes are shared."""
        return max(1, places // self.signs)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Draw (rows, *places); consecutive rows share magnitudes."""
        drawn = np.asarray(self.law.draw(rng, (shape[0] // self.signs, *shape[1:])))
        bits = np.unpackbits(rng.integers(0, 256, -(-math.prod(shape) // 8), dtype=np.uint8))
        signs = 2.0 * bits[: math.prod(shape)].reshape(-1, self.signs, *shape[1:]) - 1.0
        return np.asarray(drawn[:, None] * signs).reshape(shape)


@dataclass
class Crossed:
    """One block to a chunk: m draws of the row variables against k draws of all others.

    A chunk gives the estimate, the estimate of its variance from two-way components, and its third cumulant:
    with the entries P, row means r and column means c,
    Var = var(r) / m + var(c) / k - residual mean square / (m k).

    Args:
        program: what is evaluated, with its row variables.
        functional: a mean, a variance or a covariance.
        rows: m.
        columns: k.
        cluster: consecutive rows that share their magnitudes; one cluster counts as one row.

    Source:
        S. R. Searle, G. Casella, C. E. McCulloch, "Variance components", 1992, chapter 4.
    """

    program: Program
    functional: Functional
    rows: int
    columns: int
    cluster: int = 1

    @property
    def design(self) -> Design:
        """The layout of a block."""
        return Design(self.rows, self.columns)

    @property
    def chunk_cost(self) -> float:
        """Nanoseconds per block."""
        work = self.program.work(self.design)
        return float(work.cost + work.overhead + 12.0 * self.design.samples)

    def shaped(self, rows: int, columns: int) -> Crossed:
        """The same with another layout."""
        return replace(self, rows=rows, columns=columns)

    def results(self, streams: Streams, *, chunk: int) -> Array:
        """One row: estimate, its variance and third cumulant, the largest share of a draw, s10, s01, s11."""
        drawn = self.program.run(streams, chunk=chunk, blocks=1, design=self.design)
        samples = self.functional.seen(drawn)
        first, second = samples[0], samples[-1]
        if self.functional.statistic == "mean":
            entries = first[0]
            estimate = float(entries.mean())
        else:
            estimate = float(self._covariance(first, second))
            left = first[0] - first[0].mean()
            entries = left * (left if second is first else second[0] - second[0].mean())
        if self.cluster > 1:
            entries = entries.reshape(-1, self.cluster, self.columns).mean(axis=1)
        return np.array([[estimate, *_components(entries)]])

    def _covariance(self, first: Array, second: Array) -> float:
        """Unbiased, from pairs that share neither row cluster nor column."""
        if self.cluster == 1:
            return float(estimators.crossed_covariance(first, second)[0])
        groups = len(first[0]) // self.cluster
        left = first[0] - first[0].mean()
        right = left if second is first else second[0] - second[0].mean()
        by_cell = [part.reshape(groups, self.cluster, -1).mean(axis=1)[None] for part in (left, right)]
        a, b = by_cell[0][0], by_cell[1][0]
        cells = float(estimators.crossed_covariance(by_cell[0], by_cell[1])[0])
        return float((left * right).mean()) - (float((a * b).mean()) - cells)


def _components(entries: Array) -> tuple[float, ...]:
    m, k = entries.shape
    center = entries.mean()
    rows, columns = entries.mean(axis=1) - center, entries.mean(axis=0) - center
    a, b = float(rows @ rows) / (m - 1), float(columns @ columns) / (k - 1)
    total = float(np.einsum("ij,ij->", entries, entries)) - m * k * float(center) ** 2
    rest = max(0.0, total - k * (m - 1) * a - m * (k - 1) * b) / ((m - 1) * (k - 1))
    variance = max(a / m, b / k, a / m + b / k - rest / (m * k))
    third = float((rows**3).sum()) / m**3 + float((columns**3).sum()) / k**3
    shares = [
        float((part**2).max()) / total if (total := float(part @ part)) > 0 else 0.0
        for part in (rows, columns)
    ]
    weights = (a / m) / (a / m + b / k) if a + b > 0 else 0.0
    share = weights * shares[0] + (1 - weights) * shares[1]
    return variance, third, share, max(0.0, a - rest / k), max(0.0, b - rest / m), rest


def shapes(limit: int) -> Sequence[tuple[int, int]]:
    """Layouts to choose from: powers of two and their halves between, within so many entries."""
    sizes = [int(2 ** (k / 2)) // 8 * 8 for k in range(10, 27)]
    return [(m, k) for m in sizes for k in sizes if m * k <= limit and min(m, k) >= 32]
