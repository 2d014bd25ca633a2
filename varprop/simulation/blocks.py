"""Chunks of iid block results, plain and crossed: what is estimated, and how a block is laid out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from varprop.errors import SamplingError
from varprop.model.expressions import Expression
from varprop.model.variables import Variable
from varprop.simulation import estimators
from varprop.simulation.layout import CHUNK_NANOSECONDS, CROSS_FROM, ENTRY_COST, Design, Law
from varprop.simulation.rare import ENOUGH, EQUAL, HARDLY, single_values
from varprop.simulation.sampling import Program
from varprop.simulation.schedule import first_group
from varprop.simulation.streams import Streams

__all__ = ["Estimand", "Kind", "Part", "Side", "SideSampler", "Term"]

Array = NDArray[np.float64]
Kind: TypeAlias = Literal["mean", "variance", "covariance", "central moment", "cumulant"]

PLAIN_SAMPLES = (8, 256)
CROSSED_SHAPES = ((64, 16), (48, 12), (32, 8), (16, 8), (16, 4), (8, 4))
CHUNK_ENTRIES = 2**18
MOST_ENTRIES = 2**25
CHUNK_BLOCKS = 256


@dataclass(frozen=True, slots=True)
class Estimand:
    """A number that belongs to random expressions, to be estimated from their samples.

    Args:
        kind: "mean", "variance", "covariance", "central moment" or "cumulant".
        expressions: one, or the two of a covariance; every size and symbol in them is a number.
        order: of a central moment or a cumulant.
    """

    kind: Kind
    expressions: tuple[Expression, ...]
    order: int = 1

    def __post_init__(self) -> None:
        if self.order > estimators.HIGHEST_ORDER:
            raise SamplingError(
                f"a {self.kind} of order {self.order}",
                f"unbiased estimates go up to order {estimators.HIGHEST_ORDER}",
                "Check a raw moment instead, which has an estimate at every order.",
            )

    @property
    def is_mean(self) -> bool:
        """Whether it is a mean, by whatever name."""
        return self.kind == "mean" or (self.kind == "cumulant" and self.order == 1)

    @property
    def positive(self) -> bool:
        """Whether it cannot be negative, whatever is sampled: a variance."""
        return self.kind == "variance" or (self.kind in ("central moment", "cumulant") and self.order == 2)

    @property
    def groups(self) -> int:
        """Independent parts a crossed block needs for products of means."""
        return self.order if self.kind in ("central moment", "cumulant") and self.order > 2 else 1

    def of(self, samples: list[Array], design: Design) -> Array:
        """The unbiased estimate of each block.

        Args:
            samples: (blocks * groups, rows) or (blocks * groups, rows, columns) for each expression.
            design: the layout of a group.
        """
        first, second = samples[0], samples[-1]
        if self.is_mean:
            return estimators.mean(first)
        if self.order == 2 or self.kind in ("variance", "covariance"):
            return (estimators.crossed_covariance if design.crossed else estimators.covariance)(first, second)
        if design.crossed:
            return estimators.grouped(first, self.kind, self.order)
        statistic = estimators.cumulant if self.kind == "cumulant" else estimators.central_moment
        return statistic(first, self.order)


@dataclass(frozen=True, slots=True)
class Term:
    """A number times estimands, each of which is estimated from streams of its own.

    Args:
        coefficient: the number.
        estimands: with repetition: a square is two independent estimates.
    """

    coefficient: float
    estimands: tuple[Estimand, ...] = ()

    @property
    def positive(self) -> bool:
        """Whether no factor can change the sign of the coefficient."""
        return all(estimand.positive for estimand in self.estimands)


Side: TypeAlias = tuple[Term, ...]
"""One side of a claim: a sum of terms."""


@dataclass(frozen=True, slots=True)
class Part:
    """An estimand with its program and the layout of its blocks.

    Args:
        estimand: what is estimated.
        program: its samples.
        design: how they are laid out.
        cost: nanoseconds per block result.
        overhead: nanoseconds per chunk.
        entries: array entries alive per block.
        constant: whether nothing in it can vary.
        zero: whether its only value is zero.
        repeat: how many results are averaged.
    """

    estimand: Estimand
    program: Program
    design: Design
    cost: float
    overhead: float
    entries: int
    constant: bool = False
    zero: bool = False
    repeat: int = 1

    def chances(self, blocks: int) -> float:
        """How often the rarest known value of a variable is expected among so many blocks."""
        return blocks * self.repeat * self.program.rarest(self.design) * self._groups

    def varies(self, blocks: int) -> bool:
        """Whether results that are all equal may still have missed another value."""
        least = min(self.design.rows, self.design.columns or self.design.rows)
        outcomes = blocks * self.repeat * least * self.program.rarest_outcome
        return not self.constant and outcomes < ENOUGH

    @property
    def _groups(self) -> int:
        return self.estimand.groups if self.design.crossed else 1

    @property
    def samples(self) -> int:
        """Samples behind one block result."""
        return self.repeat * self.design.samples * self._groups

    @classmethod
    def planned(cls, estimand: Estimand, laws: Mapping[Variable, Law], limit: float) -> Part:
        group = first_group(*estimand.expressions)
        program = Program(estimand.expressions, laws, group)
        design = _plain_design(program, estimand, limit)
        rows = program.draws(group)
        if min(rows, program.draws() - rows) >= CROSS_FROM:
            design = _crossed_design(program, estimand, limit)
        work = program.work(design)
        groups = estimand.groups if design.crossed else 1
        cost = work.cost + ENTRY_COST * design.samples * (estimand.order + 1)
        values = single_values(estimand.expressions, laws)
        fixed = [value is not None for value in values]
        constant = all(fixed) if estimand.is_mean else any(fixed)
        zero = values[0] == 0 if estimand.is_mean else constant
        entries = work.entries * groups
        return cls(estimand, program, design, cost * groups, work.overhead, entries, constant, zero)

    def results(self, streams: Streams, chunk: int, blocks: int) -> Array:
        """Block results of one chunk, each the mean of `repeat` independent ones."""
        total = np.zeros(blocks)
        for turn in range(chunk * self.repeat, (chunk + 1) * self.repeat):
            samples = self.program.run(streams, chunk=turn, blocks=blocks * self._groups, design=self.design)
            total += self.estimand.of(samples, self.design)
        return total / self.repeat if self.repeat > 1 else total


def _plain_design(program: Program, estimand: Estimand, limit: float) -> Design:
    draws = max(1, program.draws())
    least = 1 if estimand.kind == "mean" else max(2, 4 * estimand.order)
    low, high = PLAIN_SAMPLES
    rows = min(high, max(low, least, 2 ** int(np.log2(max(1, 4096 // draws)))))
    while rows > least and program.work(Design(rows)).cost > limit:
        rows = max(least, rows // 2)
    return Design(rows)


def _crossed_design(program: Program, estimand: Estimand, limit: float) -> Design:
    for rows, columns in CROSSED_SHAPES:
        design = Design(rows, columns)
        work = program.work(design)
        if work.cost * estimand.groups <= limit:
            break
    return design


@dataclass(frozen=True)
class SideSampler:
    """Block results of one side of a claim: sum of coefficient * product of independent unbiased estimates.

    Args:
        terms: the side.
        laws: samplers that stand in for the distributions of some variables.
        limit: nanoseconds that one estimate of a block may cost before it is made smaller.

    Raises:
        SamplingError: a single block does not fit into memory.

    Example:
        >>> from varprop.model.variables import RandomVariable
        >>> square = RandomVariable("x", "Normal()") ** 2
        >>> side = SideSampler((Term(2.0, (Estimand("mean", (square,)),)),))
        >>> 1.8 < side.results(Streams(1), chunk=0).mean() < 2.2
        np.True_
    """

    terms: Side
    laws: Mapping[Variable, Law] = field(default_factory=dict)
    limit: float = 2e6
    parts: tuple[tuple[Part, ...], ...] = field(init=False)

    def __post_init__(self) -> None:
        plans: dict[Estimand, Part] = {}
        for estimand in (estimand for term in self.terms for estimand in term.estimands):
            if estimand not in plans:
                plans[estimand] = Part.planned(estimand, self.laws, self.limit)
                if plans[estimand].entries > MOST_ENTRIES:
                    raise SamplingError(
                        f"samples of {estimand.expressions[0]}",
                        f"one block needs {plans[estimand].entries:.2g} numbers at once, "
                        f"more than {MOST_ENTRIES:.2g}",
                        "Choose smaller sizes.",
                    )
        object.__setattr__(
            self, "parts", tuple(tuple(plans[e] for e in term.estimands) for term in self.terms)
        )

    @property
    def all_parts(self) -> tuple[Part, ...]:
        """The parts in the order of their streams."""
        return tuple(part for term in self.parts for part in term)

    @property
    def cost(self) -> float:
        """Nanoseconds per block, by a fixed formula."""
        return sum(part.repeat * (part.cost + part.overhead / self.chunk_blocks) for part in self.all_parts)

    @property
    def chunk_cost(self) -> float:
        """Nanoseconds per chunk, by the same formula."""
        return self.cost * self.chunk_blocks

    @property
    def samples(self) -> int:
        """Samples per block."""
        return sum(part.samples for part in self.all_parts)

    @property
    def chunk_blocks(self) -> int:
        """Blocks per chunk: a power of two, so that every look is a whole number of chunks."""
        entries = max((part.entries for part in self.all_parts), default=1)
        blocks = CHUNK_BLOCKS
        cost = sum(part.repeat * part.cost for part in self.all_parts)
        while blocks > 1 and (blocks * entries > CHUNK_ENTRIES or blocks * cost > CHUNK_NANOSECONDS):
            blocks //= 2
        return blocks

    def doubt(self, values: Array, rounding: float) -> str:
        """Why block results of this side may have missed something, if they may."""
        if any(part.chances(values.size) < ENOUGH for part in self.all_parts):
            return HARDLY
        alive = (part for term in self.parts if not any(part.zero for part in term) for part in term)
        if float(np.ptp(values)) <= rounding and any(part.varies(values.size) for part in alive):
            return EQUAL
        return ""

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variables of this side, each once."""
        return tuple(
            dict.fromkeys(variable for part in self.all_parts for variable in part.program.variables)
        )

    def results(self, streams: Streams, *, chunk: int) -> Array:
        """Block results of one chunk; every factor has a stream key of its own."""
        parts = enumerate(self.all_parts)
        return self.combined([part.results(streams.at(key), chunk, self.chunk_blocks) for key, part in parts])

    def pilot(self, streams: Streams, blocks: int) -> list[Array]:
        """A few block results of every part."""
        chunks = range(-(-blocks // self.chunk_blocks))
        return [
            np.concatenate([part.results(streams.at(key), c, self.chunk_blocks) for c in chunks])[:blocks]
            for key, part in enumerate(self.all_parts)
        ]

    def combined(self, values: Sequence[Array]) -> Array:
        """The side from one array of block results per part."""
        remaining = iter(values)
        return sum(
            (
                math.prod((next(remaining) for _ in parts), start=np.full(values[0].shape, term.coefficient))
                for term, parts in zip(self.terms, self.parts, strict=True)
            ),
            start=np.zeros(values[0].shape),
        )

    def repeated(self, repeats: Sequence[int]) -> SideSampler:
        """The same side with every part averaged over so many estimates."""
        given = iter(repeats)
        side = replace(self)
        parts = tuple(tuple(replace(part, repeat=next(given)) for part in term) for term in self.parts)
        object.__setattr__(side, "parts", parts)
        return side

    def describe(self) -> tuple[str, ...]:
        """The layouts of the blocks in words, each once."""
        return tuple(
            dict.fromkeys(
                f"crossed blocks {part.design.rows} x {part.design.columns}"
                if part.design.crossed
                else f"plain blocks of {part.design.rows}"
                for part in self.all_parts
            )
        )
