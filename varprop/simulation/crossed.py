"""The way of crossed blocks: a pilot block, a layout for what it saw, limits from two-way components."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from varprop.simulation.costs import within_reach
from varprop.simulation.crossing import enough, in_range, layout_of, two_way
from varprop.simulation.functionals import not_finite
from varprop.simulation.methods import MOST_RESULTS, Blocks
from varprop.simulation.numbers import Numbers
from varprop.simulation.problem import FIRST, MAIN, PILOT, SMALLEST, TAIL, Problem, Request
from varprop.simulation.rare import ENOUGH, EQUAL, HARDLY
from varprop.simulation.twoway import Crossed, Signed, is_one_sum

__all__ = ["crossed"]

Array = NDArray[np.float64]

CENTER_COST = 1e6
"""Nanoseconds of a pilot that gives but a center and a size."""
PILOT_SHAPE, SIGNED_SHAPE = (80, 80), (320, 48)
FIRST_SIDE, FIRST_ERROR = 224, 0.0075
"""Rows and columns of a first block that may be enough for a relative error of so much, or more."""
SIGNS = 16


def crossed(problem: Problem, request: Request, units: tuple[float, ...] = ()) -> Numbers:
    """Estimate by crossed blocks.

    Args:
        problem: a mean, a variance or a covariance, whose variables split into rows and columns.
        request: "crossed", or "shared signs".
        units: what samples are divided by, where their powers would leave float64.

    Raises:
        SamplingError: a block is beyond the budget, or an estimate is not finite.
    """
    error, nanoseconds, engine = request.error, request.nanoseconds, request.engine
    program, cluster = problem.program, 1
    if request.method == "shared signs":
        cluster = SIGNS
        signed = {variable: Signed(variable.distribution, cluster) for variable in problem.rows}
        program = program.with_laws({**problem.laws, **signed})
    single = problem.functional.above is None and all(map(is_one_sum, problem.expressions))
    shape = PILOT_SHAPE if cluster == 1 else SIGNED_SHAPE
    base = Crossed(program, problem.functional, *shape, cluster, units=units, single=single)
    least = max(2 * cluster, SMALLEST)
    within_reach(base.shaped(least, SMALLEST).chunk_cost, nanoseconds)
    first = base.shaped(FIRST_SIDE, FIRST_SIDE)
    if error and error >= FIRST_ERROR and cluster == 1 and first.chunk_cost <= nanoseconds / 4:
        parts, interrupted = problem.run(engine, first, 1, key=FIRST + len(units))
        if not parts:
            return _found(problem, request, first, parts, interrupted)
        pilot, seen = first, parts[0][0]
    else:
        share = math.sqrt(min(1.0, nanoseconds / 8 / max(1.0, base.chunk_cost)))
        side = max(least, int(shape[0] * share) // cluster * cluster)
        pilot = base.shaped(side, max(SMALLEST, int(shape[1] * share)))
        if pilot.chunk_cost > nanoseconds / 2:
            pilot, seen = base.shaped(least, SMALLEST), None
        else:
            seen = pilot.results(problem.streams.at(PILOT, 2), chunk=0)[0]
    rows, columns, blocks, entries = pilot.rows, pilot.columns, 1, pilot.entries
    if seen is not None and not units and not in_range(seen):
        sizes = problem.pilot(CENTER_COST).scaling.sizes
        return crossed(problem, request, tuple(2.0 ** round(math.log2(size)) for size in sizes))
    if seen is not None:
        if not np.isfinite(seen).all():
            raise not_finite()
        done = seen[0] != 0 or problem.is_constant  # a rare event may come
        if pilot is first and done and error and enough(seen, error):
            return _found(problem, request, first, parts, interrupted)
        center = problem.pilot(CENTER_COST)
        entries = max(entries, center.entries)
        design = replace(base.design, rows=8, columns=8)
        small = Blocks(program, problem.functional, center.scaling, design, 1)
        plan = layout_of(base, small, (rows, columns), seen, error, nanoseconds)
        if plan.small is not None:
            numbers = problem.streamed(request, plan.small, plan.samples)
            return replace(numbers, entries=max(numbers.entries, entries))
        rows, columns, blocks = plan.rows, plan.columns, plan.blocks
    numbers = _repeated(problem, request, base.shaped(rows, columns), blocks)
    return replace(numbers, entries=max(numbers.entries, entries))


def _repeated(problem: Problem, request: Request, sampler: Crossed, blocks: int) -> Numbers:
    """So many large blocks, and once more as many as these say are needed."""
    error = request.error
    while blocks / sampler.pieces > MOST_RESULTS:
        sampler = replace(sampler, pieces=2 * sampler.pieces)
    chunks = math.ceil(blocks / sampler.pieces)
    most = max(1, int(request.nanoseconds / sampler.chunk_cost))

    def needed(parts: list[Array]) -> int:
        mean = np.concatenate(parts).mean(axis=0)
        if not error or enough(mean, error, len(parts) * sampler.pieces):
            return 0
        estimate, variance = (float(value) for value in mean[:2])
        return min(most, math.ceil(variance / (error * estimate) ** 2 / sampler.pieces))

    units = len(sampler.units)
    key = MAIN if not units else FIRST + units + len(problem.expressions)
    found, interrupted = problem.run(request.engine, sampler, chunks, needed, key)
    return _found(problem, request, sampler, found, interrupted)


def _found(
    problem: Problem, request: Request, sampler: Crossed, found: list[Array], interrupted: bool
) -> Numbers:
    """An estimate and its interval from two-way components."""
    method, reason = request.method, request.reason
    rows, columns = sampler.rows, sampler.columns
    blocks = len(found) * sampler.pieces
    if not found:
        return Numbers.nothing(method, reason, sampler.entries, interrupted)
    table = np.concatenate(found)
    if not np.isfinite(table).all():
        raise not_finite()
    chances = blocks * sampler.program.rarest(sampler.design)
    doubt = HARDLY if chances < ENOUGH else ""
    if float(table[:, 1].sum()) == 0 and not problem.is_constant:
        doubt = doubt or EQUAL
    value, unit = float(table[:, 0].mean()), sampler.unit
    limits, sd = two_way(table, blocks, rows // sampler.cluster, columns, TAIL)
    alarm = limits.alarm or doubt
    interval = (-math.inf, math.inf) if alarm else (unit * limits.low, unit * limits.high)
    if not math.isfinite(unit * limits.high - unit * limits.low):
        raise not_finite()
    samples = rows * columns * blocks
    return Numbers(
        unit * value, unit * sd, interval, alarm, method, reason, samples, sampler.entries, interrupted
    )
