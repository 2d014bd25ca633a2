"""Chunks of iid block results, plain and crossed: what is estimated, and how a block is laid out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from varprop.errors import SamplingError
from varprop.model.expressions import Expression
from varprop.model.variables import Variable
from varprop.simulation import estimators
from varprop.simulation.sampling import ENTRY_COST, Design, Law, Program
from varprop.simulation.schedule import first_group
from varprop.simulation.streams import Streams

__all__ = ["Estimand", "Kind", "Side", "SideSampler", "Term", "natural_scale"]

Array = NDArray[np.float64]
Kind: TypeAlias = Literal["mean", "variance", "covariance", "central moment", "cumulant"]

CROSS_FROM = 4
"""Random numbers behind a row and behind a column from which crossed blocks pay."""
PLAIN_SAMPLES = (8, 256)
CROSSED_SHAPES = ((64, 16), (48, 12), (32, 8), (16, 8), (16, 4), (8, 4))
CHUNK_ENTRIES = 2**18
MOST_ENTRIES = 2**27
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
        if self.kind == "mean" or (self.kind == "cumulant" and self.order == 1):
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
class _Part:
    """An estimand with its program and the layout of its blocks."""

    estimand: Estimand
    program: Program
    design: Design
    cost: float
    overhead: float
    entries: int

    @classmethod
    def planned(cls, estimand: Estimand, laws: Mapping[Variable, Law], limit: float) -> _Part:
        program = Program(estimand.expressions, laws)
        design = _plain_design(program, estimand, limit)
        group = first_group(*estimand.expressions)
        rows = program.draws(group)
        if min(rows, program.draws() - rows) >= CROSS_FROM:
            program = Program(estimand.expressions, laws, group)
            design = _crossed_design(program, estimand, limit)
        work = program.work(design)
        groups = estimand.groups if design.crossed else 1
        cost = work.cost + ENTRY_COST * design.samples * (estimand.order + 1)
        return cls(estimand, program, design, cost * groups, work.overhead, work.entries * groups)

    def results(self, streams: Streams, chunk: int, blocks: int) -> Array:
        groups = self.estimand.groups if self.design.crossed else 1
        samples = self.program.run(streams, chunk=chunk, blocks=blocks * groups, design=self.design)
        return self.estimand.of(samples, self.design)


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
        limit: nanoseconds that one block may cost before blocks are made smaller.

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
    parts: tuple[tuple[_Part, ...], ...] = field(init=False)

    def __post_init__(self) -> None:
        plans: dict[Estimand, _Part] = {}
        for estimand in (estimand for term in self.terms for estimand in term.estimands):
            if estimand not in plans:
                plans[estimand] = _Part.planned(estimand, self.laws, self.limit)
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
    def all_parts(self) -> tuple[_Part, ...]:
        """The parts in the order of their streams."""
        return tuple(part for term in self.parts for part in term)

    @property
    def cost(self) -> float:
        """Nanoseconds per block, by a fixed formula."""
        return sum(part.cost + part.overhead / self.chunk_blocks for part in self.all_parts)

    @property
    def samples(self) -> int:
        """Samples per block."""
        return sum(
            part.design.samples * (part.estimand.groups if part.design.crossed else 1)
            for part in self.all_parts
        )

    @property
    def chunk_blocks(self) -> int:
        """Blocks per chunk: a power of two, so that every look is a whole number of chunks."""
        entries = max((part.entries for part in self.all_parts), default=1)
        blocks = CHUNK_BLOCKS
        while blocks > 1 and blocks * entries > CHUNK_ENTRIES:
            blocks //= 2
        return blocks

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variables of this side, each once."""
        return tuple(
            dict.fromkeys(variable for part in self.all_parts for variable in part.program.variables)
        )

    def results(self, streams: Streams, *, chunk: int) -> Array:
        """Block results of one chunk; every factor has a stream key of its own."""
        blocks = self.chunk_blocks
        total = np.zeros(blocks)
        key = 0
        for term, parts in zip(self.terms, self.parts, strict=True):
            value = np.full(blocks, term.coefficient)
            for part in parts:
                value *= part.results(streams.at(key), chunk, blocks)
                key += 1
            total += value
        return total

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


def natural_scale(
    terms: Iterable[Term], laws: Mapping[Variable, Law], streams: Streams, samples: int = 2048
) -> float:
    """The size a side would have if its signs did not cancel: its largest term.

    A mean counts as sqrt(E e^2), a variance as itself, a covariance as the product of the standard
    deviations, a central moment or cumulant of order k as E |e - mean|^k.

    Args:
        terms: the side.
        laws: samplers that stand in for distributions.
        streams: streams that no estimate of the claim uses.
        samples: how many, if memory allows.
    """
    largest, key = 0.0, 0
    for term in terms:
        size = abs(term.coefficient)
        for estimand in term.estimands:
            size *= _scale_of(estimand, laws, streams.at(key), samples)
            key += 1
        largest = max(largest, size)
    return largest


def _scale_of(estimand: Estimand, laws: Mapping[Variable, Law], streams: Streams, samples: int) -> float:
    program = Program(estimand.expressions, laws)
    entries = program.work(Design(1)).entries
    rows = max(16, min(samples, 2**22 // entries))
    drawn = program.run(streams, chunk=0, blocks=1, design=Design(rows))
    if estimand.kind == "mean" or (estimand.kind == "cumulant" and estimand.order == 1):
        return float(np.sqrt(np.mean(drawn[0] ** 2)))
    spreads = [np.abs(values - values.mean()) for values in drawn]
    if estimand.kind == "covariance":
        return float(np.sqrt(np.mean(spreads[0] ** 2) * np.mean(spreads[-1] ** 2)))
    return float(np.mean(spreads[0] ** (2 if estimand.kind == "variance" else estimand.order)))
