"""Estimates of a planned size: a method chosen from structure, and the plain and the quasi-random way."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from varprop.errors import SamplingError
from varprop.model.expressions import Expression
from varprop.simulation.costs import within_reach
from varprop.simulation.crossed import crossed
from varprop.simulation.functionals import Functional
from varprop.simulation.layout import CROSS_FROM, Design
from varprop.simulation.methods import CHUNK_ENTRIES, FEATURE_COST, Blocks, Quasi
from varprop.simulation.numbers import Method, Numbers
from varprop.simulation.problem import PILOT, SMALLEST, Problem, Request
from varprop.simulation.quasi import DIMENSIONS
from varprop.simulation.signs import averaged, sign_times_magnitude

__all__ = ["choose", "refuse", "solve"]

Array = NDArray[np.float64]

LEAST_SAMPLES = 4096
REPLICATES, PILOT_REPLICATES = 64, 16
MOST_BLOCKS = 2**13
MOST_BITS = 17


def choose(problem: Problem) -> tuple[Method, str]:
    """A method, and why, from the structure of the expression alone."""
    draws = problem.program.draws()
    if Quasi.suits(problem.program) and not problem.functional.logarithm:
        return "quasi-random", f"quasi-random points: only {draws} random numbers behind a sample"
    unfit = _not_crossable(problem)
    if not unfit:
        by_rows = problem.program.draws(problem.rows)
        return "crossed", (
            f"crossed blocks: {by_rows} random numbers behind a row and {draws - by_rows} behind a "
            "column are each used many times"
        )
    return "plain", f"plain samples: {unfit}, and quasi-random points need at most {DIMENSIONS} numbers"


def refuse(problem: Problem, method: Method) -> None:
    """Refuse a method that does not fit.

    Raises:
        SamplingError: it does not.
    """
    why = ""
    if method in ("crossed", "shared signs"):
        why = _not_crossable(problem) if problem.functional.degree > 2 or not problem.rows else ""
    if method == "shared signs":
        for variable in problem.rows:
            if not why and (variable in problem.laws or not sign_times_magnitude(variable)):
                why = f"{variable.name} ~ {variable.distribution} is not drawn as a sign times a magnitude"
    if method == "sign average" and (
        problem.functional.statistic != "variance" or _averaged(problem) is None
    ):
        why = "it needs the variance of a sum of weights, drawn as signs times magnitudes, times the rest"
    if method == "quasi-random" and not Quasi.suits(problem.program):
        why = (
            f"they need at most {DIMENSIONS} random numbers behind a sample, "
            "all with a known inverse distribution function"
        )
    if why:
        raise SamplingError(f"method={method!r}", why, 'Choose "plain", or leave it out.')


def solve(problem: Problem, request: Request) -> Numbers:
    """Estimate by a method that fits."""
    method = request.method
    if method == "sign average":
        square = _averaged(problem)
        assert square is not None
        inner = Problem(Functional("mean"), (square,), problem.streams)
        return replace(solve(inner, replace(request, method=choose(inner)[0])), method=method)
    way = {"crossed": crossed, "shared signs": crossed, "quasi-random": _quasi, "plain": _plain}[method]
    with np.errstate(all="ignore"):
        try:
            found = way(problem, request)
        except KeyboardInterrupt:  # in the pilot; a run keeps what it has
            return Numbers.nothing(method, request.reason, 0, True)
        try:
            return problem.unless_lost(found)
        except KeyboardInterrupt:
            return replace(found, interrupted=True)


def _not_crossable(problem: Problem) -> str:
    """Why crossed blocks do not fit; empty if they do."""
    if problem.functional.statistic not in ("mean", "variance", "covariance"):
        return f"crossed blocks do not give a {problem.functional.statistic}"
    if not problem.rows:
        return "the variables do not split into rows and columns"
    by_rows = problem.program.draws(problem.rows)
    if min(by_rows, problem.program.draws() - by_rows) < CROSS_FROM:
        return "the sums are too short for crossed blocks"
    return ""


def _averaged(problem: Problem) -> Expression | None:
    return None if problem.laws else averaged(problem.expressions[0])


def _plain(problem: Problem, request: Request) -> Numbers:
    each = problem.program.work(Design(1))
    within_reach(SMALLEST * each.cost, request.nanoseconds)
    pilot, functional = problem.pilot(), problem.functional
    singles = functional.features([values.reshape(-1, 1) for values in pilot.samples], pilot.scaling)
    relative = problem.relative(pilot.scaling, singles, len(singles))
    affordable = request.nanoseconds / (each.cost + FEATURE_COST * functional.degree)
    wanted = affordable if request.error is None else min(affordable, (relative / request.error) ** 2)
    if not math.isfinite(wanted):
        wanted = affordable
    samples = max(min(LEAST_SAMPLES, max(64.0, affordable)), wanted)
    rows = 8
    while samples / rows > MOST_BLOCKS and problem.program.work(Design(2 * rows)).entries <= CHUNK_ENTRIES:
        rows *= 2
    blocks = Blocks(problem.program, functional, pilot.scaling, Design(rows), 1)
    numbers = problem.streamed(request, blocks, samples)
    return replace(numbers, entries=max(numbers.entries, pilot.entries))


def _quasi(problem: Problem, request: Request) -> Numbers:
    pilot, error = problem.pilot(), request.error

    def sets(bits: int, replicates: int) -> Quasi:
        return Quasi.of(problem.program, problem.functional, pilot.scaling, bits, replicates)

    bits = 7
    parts = sets(bits, PILOT_REPLICATES).results(problem.streams.at(PILOT, 1), chunk=0)
    relative = problem.relative(pilot.scaling, parts, len(parts) * 2**bits) / math.sqrt(REPLICATES)
    if error is not None and relative > error:
        bits += math.ceil(math.log2(min(1e9, relative / error)) / 0.75)
        bits = min(MOST_BITS, bits)
    if error is None:
        bits = MOST_BITS
    sampler = sets(bits, REPLICATES)
    while bits > 4 and REPLICATES // sampler.sets * sampler.chunk_cost > request.nanoseconds:
        bits -= 1
        sampler = sets(bits, REPLICATES)
    found, interrupted = problem.run(request.engine, sampler, REPLICATES // sampler.sets)
    features = np.concatenate(found) if found else np.empty((0, 1))
    samples = len(features) * 2**bits
    doubt = problem.doubt(features, len(features) * problem.program.rarest(Design(2**bits)), samples)
    entries = max(sampler.entries, pilot.entries)
    return problem.found(request, pilot.scaling, features, samples, entries, doubt, interrupted)
