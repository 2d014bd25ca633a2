"""Two ways to estimate one number: independent blocks of samples, and quasi-random replicates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from varprop.model.variables import Variable
from varprop.simulation.functionals import Functional, Scaling
from varprop.simulation.layout import CHUNK_NANOSECONDS, Design, Law
from varprop.simulation.quasi import DIMENSIONS, Given, quantile, scrambled
from varprop.simulation.sampling import Program
from varprop.simulation.streams import Streams

__all__ = [
    "CHUNK_ENTRIES",
    "FEATURE_COST",
    "MOST_RESULTS",
    "Blocks",
    "Quasi",
    "merged",
]

Array = NDArray[np.float64]

CHUNK_ENTRIES = 2**19
MOST_TOGETHER = 2**11
"""Blocks of a chunk, at most."""
MOST_RESULTS = 2**16
"""Results that are kept; where there are more, blocks are averaged."""
FEATURE_COST = 4.0
FEATURE_ENTRIES = 4
"""Array entries alive per sample while its powers are taken."""
POINTS_KEY = 1_000_003
BLOCK_COST = 3e5
"""Nanoseconds of bookkeeping behind a crossed block."""
CHUNK_POINTS = 2**15
SET_COST, CHUNK_COST = 1e5, 5e5
"""Nanoseconds of bookkeeping behind a set of quasi-random points, and behind a chunk of them."""


@dataclass
class Blocks:
    """Independent blocks of samples, plain or crossed; a chunk holds a power of two of them.

    Args:
        program: what is evaluated; where blocks are crossed, with its row variables.
        functional: what is estimated.
        scaling: center and size of the samples.
        design: the layout of a block.
        chunk_blocks: blocks that are evaluated together.
        pieces: blocks averaged into one result, where more results would not fit into memory.
    """

    program: Program
    functional: Functional
    scaling: Scaling
    design: Design
    chunk_blocks: int
    pieces: int = 1

    @property
    def cost(self) -> float:
        """Nanoseconds per block, with its share of a chunk that fills its memory."""
        work = self.program.work(self.design)
        features = FEATURE_COST * self.design.samples * self.functional.degree
        return float(work.cost + features + (work.overhead + BLOCK_COST) * work.entries / CHUNK_ENTRIES)

    @property
    def chunk_cost(self) -> float:
        """Nanoseconds per chunk, by the cost formula."""
        return float(self.cost * self.chunk_blocks * self._turns)

    @property
    def chunk_samples(self) -> int:
        """Samples behind the results of a chunk."""
        return self.design.samples * self.chunk_blocks * self._turns

    @property
    def _turns(self) -> int:
        """How often so many blocks are evaluated in a chunk, which gives at least one result."""
        return max(1, self.pieces // self.chunk_blocks)

    @property
    def entries(self) -> int:
        """Array entries alive at once, at most."""
        return self._block_entries * self.chunk_blocks

    @property
    def _block_entries(self) -> int:
        return self.program.work(self.design).entries + FEATURE_ENTRIES * self.design.samples

    def shaped(self, rows: int, columns: int) -> Blocks:
        """The same with another layout."""
        return replace(self, design=replace(self.design, rows=rows, columns=columns))

    def chunked(self, samples: float) -> Blocks:
        """The same in chunks that fit into memory, are few enough, and not too large for so many samples."""
        work, pieces, chunk = self.program.work(self.design), 1, MOST_TOGETHER
        while samples / self.design.samples / pieces > MOST_RESULTS:
            pieces *= 2
        while chunk > 1 and (
            chunk * self._block_entries > CHUNK_ENTRIES
            or chunk * work.cost > CHUNK_NANOSECONDS
            or 4 * chunk * self.design.samples > samples
        ):
            chunk //= 2
        return replace(self, chunk_blocks=chunk, pieces=pieces)

    def results(self, streams: Streams, *, chunk: int) -> Array:
        """Features of every block, or of every few averaged: they are means."""
        return merged(self._turns, chunk, lambda turn: self._features(streams, turn))

    def _features(self, streams: Streams, turn: int) -> Array:
        samples = self.program.run(streams, chunk=turn, blocks=self.chunk_blocks, design=self.design)
        features = self.functional.features(samples, self.scaling)
        together = min(self.pieces, self.chunk_blocks)
        if together == 1:
            return features
        return np.asarray(features.reshape(-1, together, features.shape[1]).mean(axis=1))


@dataclass
class Quasi:
    """Replicates of a scrambled Sobol set; a chunk holds some of them.

    Args:
        program: what is evaluated; every variable has a known inverse distribution function.
        functional: what is estimated.
        scaling: center and size of the samples.
        bits: log2 of the points in a set.
        sets: replicates in a chunk.
    """

    program: Program
    functional: Functional
    scaling: Scaling
    bits: int
    sets: int
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

    @classmethod
    def of(
        cls, program: Program, functional: Functional, scaling: Scaling, bits: int, replicates: int
    ) -> Quasi:
        """Chunks of as many replicates as make some ten thousand points; their number divides all."""
        sets = 1
        while 2 * sets <= replicates and 2 * sets * 2**bits <= CHUNK_POINTS:
            sets *= 2
        return cls(program, functional, scaling, bits, sets)

    @property
    def chunk_cost(self) -> float:
        """Nanoseconds per chunk."""
        each = (30.0 * self.program.draws() + 8.0 * self.functional.degree) * 2**self.bits + SET_COST
        return float(each * self.sets + CHUNK_COST)

    @property
    def entries(self) -> int:
        """Array entries alive at once, at most."""
        points = 2**self.bits
        apart = FEATURE_ENTRIES + 2 * self.program.draws()  # points, and what inverses make of them
        each: int = self.program.work(Design(points)).entries + points * apart
        nets: int = 3 * DIMENSIONS * points  # the net, its mirror image, and what they are made from
        return each * self.sets + nets

    def results(self, streams: Streams, *, chunk: int) -> Array:
        """Features of every replicate."""
        rng = streams.generator(POINTS_KEY, chunk=chunk)
        points = scrambled(rng, self.sets, self.program.draws(), self.bits)
        laws: dict[Variable, Law] = {}
        first = 0
        for source in self.program.sources:
            last = first + source.numbers
            laws[source.variable] = Given(self.inverses[source.variable](points[..., first:last]))
            first = last
        program = self.program.with_laws(laws)
        samples = program.run(streams, chunk=chunk, blocks=self.sets, design=Design(2**self.bits))
        return self.functional.features(samples, self.scaling)


def merged(pieces: int, chunk: int, result: Callable[[int], Array]) -> Array:
    """The mean of the results of a chunk's pieces, which are numbered on through all chunks."""
    total = result(chunk * pieces)
    for piece in range(1, pieces):
        total = total + result(chunk * pieces + piece)
    return total / pieces
