"""`sample` and `estimate`: numbers from simulation where no claim is tested."""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from varprop.derivation.quantities import (
    CentralMoment,
    Covariance,
    Cumulant,
    Equal,
    Kurtosis,
    Mean,
    Quantity,
    Skewness,
    Variance,
)
from varprop.derivation.validation import validated
from varprop.errors import CheckError, SamplingError, brief
from varprop.evidence.settings import LARGEST, number, seconds
from varprop.evidence.values import completed
from varprop.model.calls import explained
from varprop.model.expressions import Expression
from varprop.model.shapes import drawn_shape, enough_memory
from varprop.model.variables import variables
from varprop.render import Document, Documented, Table, Text
from varprop.simulation.checkpoint import Checkpoint
from varprop.simulation.engine import Engine
from varprop.simulation.estimating import choose, refuse, solve
from varprop.simulation.fingerprint import fingerprint
from varprop.simulation.functionals import Functional, Statistic as Kind
from varprop.simulation.layout import Design
from varprop.simulation.numbers import METHODS, Method
from varprop.simulation.problem import Problem, Request
from varprop.simulation.sampling import Program
from varprop.simulation.streams import Streams

__all__ = ["Estimate", "estimate", "sample"]

Array = NDArray[np.float64]
Statistic: TypeAlias = Literal["tail probability", "log moment"]

SAMPLE_ENTRIES, SAMPLE_COST = 2**18, 1e8
"""Numbers alive in a chunk of samples, and the nanoseconds that one may take where a sample is costly."""
KEPT = 8
"""Quantities whose reading is kept: often the next call asks for the same with another seed."""
MOST_HOURS = 1.0
"""What samples may take by the cost formula; there is no budget that would end them."""
KINDS: tuple[tuple[type[Quantity], Kind], ...] = (
    (Mean, "mean"),
    (Variance, "variance"),
    (Covariance, "covariance"),
    (CentralMoment, "central moment"),
    (Cumulant, "cumulant"),
    (Skewness, "skewness"),
    (Kurtosis, "kurtosis"),
)


@dataclass(frozen=True)
class Estimate(Documented):
    """A number from simulation, with its error and all that is needed to repeat it.

    Args:
        quantity: what was estimated, in text.
        value: the estimate.
        standard_error: its standard error.
        interval: limits that hold the truth with 95 % asymptotically; infinite under an alarm.
        alarm: why the samples do not tell how far off the estimate may be; may be empty.
        method: "plain", "crossed", "quasi-random", "shared signs" or "sign average".
        reason: why this method, in one line.
        samples: values of the expression behind the estimate.
        memory: bytes of the arrays alive at once, at most.
        at: the values of all symbols.
        seed: the seed.
        fingerprint: the arithmetic of the machine in one word.
        interrupted: whether it was stopped before its planned size.
    """

    quantity: str
    value: float
    standard_error: float
    interval: tuple[float, float]
    alarm: str
    method: Method
    reason: str
    samples: int
    memory: int
    at: Mapping[str, str] = field(hash=False)
    seed: int
    fingerprint: str = field(compare=False)
    interrupted: bool = False

    def __float__(self) -> float:
        return self.value

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain Python objects; what is not finite becomes None."""
        plain = asdict(self) | {"at": dict(self.at), "interval": list(self.interval), "kind": "estimate"}
        for name, value in plain.items():
            if isinstance(value, float) and not math.isfinite(value):
                plain[name] = None
        plain["interval"] = [end if math.isfinite(end) else None for end in self.interval]
        return plain

    def document(self) -> Document:
        """The number, its error and the method."""
        row = (
            self.quantity,
            f"{self.value:.6g}",
            f"{self.standard_error:.2g}",
            "[{:.6g}, {:.6g}]".format(*self.interval),
        )
        return Document(
            [
                Table(["quantity", "estimate", "standard error", "95 %"], [row], align="lrrr"),
                Text(self._foot()),
            ]
        )

    def _foot(self) -> str:
        at = ", ".join(f"{name} = {value}" for name, value in self.at.items())
        parts = [
            self.reason,
            *([f"alarm: {self.alarm}"] if self.alarm else []),
            *(["interrupted"] if self.interrupted else []),
            *([f"at {at}"] if at else []),
            f"{self.samples:.3g} samples, seed {self.seed}",
        ]
        return "; ".join(parts) + "."

    def __str__(self) -> str:
        low, high = self.interval
        shown = f"{self.value:.6g} +- {self.standard_error:.2g}, 95 % in [{low:.6g}, {high:.6g}]"
        return f"{self.quantity} = {shown}\n{self._foot()}"


@explained
def estimate(
    quantity: object,
    *,
    statistic: Statistic | None = None,
    above: float | None = None,
    at: Mapping[Any, Any] | None = None,
    relative_error: float | None = None,
    budget: float | None = None,
    seed: int | None = None,
    method: Method | None = None,
    progress: Callable[[float], None] | None = None,
    executor: Executor | None = None,
    executor_factory: Callable[[], Executor] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    deadline: float = math.inf,
) -> Estimate:
    """Estimate a number by simulation, with a standard error and a 95 % interval.

    The size of the run is fixed by a pilot of its own streams, never by a clock. No formula for the quantity
    is used. Two methods are declared modes, never chosen by the planner, for weights that are drawn as a
    sign times a magnitude: "shared signs" uses every draw with several random signs; "sign average" takes the
    mean over all signs, which presupposes that cross terms vanish.

    Args:
        quantity: Mean, Variance, Covariance, CentralMoment, Cumulant, Skewness or Kurtosis of expressions;
            or an expression, together with `statistic`.
        statistic: of an expression z: "tail probability" P(z > above), or "log moment" E log |z|.
        above: the threshold of a tail probability.
        at: values of symbols; sizes that are missing get defaults, as in `check`.
        relative_error: standard error over the size of the estimate to aim at; 1 % if no budget is given.
        budget: seconds, turned into a number of samples by a cost formula; at most so many if a relative
            error is given too (10 by default).
        seed: any integer; without it a hash of the quantity and its values.
        method: instead of the one the planner chooses.
        progress: called with the share that is done.
        executor: who computes: any executor of concurrent.futures.
        executor_factory: makes an executor where there is none or the one there was broke.
        checkpoint: a file of chunk results, from which a killed run goes on to the same bits.
        deadline: seconds of the clock after which what is there is used; a pilot or a chunk that has begun is
            finished.

    Raises:
        CheckError: the quantity is none of these, or a setting is out of range.
        SamplingError: the expression cannot be sampled, overflows, costs far more than the budget, or does
            not suit the method.

    Example:
        >>> from varprop.model.neurons import neuron
        >>> z = neuron(weights="Normal(variance=1/n)", inputs="Uniform(-1, 1)", fan_in="n")
        >>> found = estimate(Variance(z), at={"n": 256}, seed=7)
        >>> round(found.value, 1), found.standard_error < 0.005, found.method
        (0.3, True, 'crossed')
    """
    asked, expressions, name = _asked(quantity, statistic, above)
    error, nanoseconds = _size(relative_error, budget)
    if method is not None and method not in METHODS:
        raise CheckError(
            f"estimate with method={method!r:.40}", "it is no method", f"Choose from {', '.join(METHODS)}."
        )
    deadline = seconds(deadline, "estimate", "deadline", math.inf)
    values, known = _by_default(expressions) if at is None else _known(expressions, at)
    shown = {str(symbol): str(value) for symbol, value in values.items()}
    identity = ""
    if seed is None or checkpoint is not None:
        laws = sorted(f"{variable.name} ~ {variable.distribution}" for variable in variables(*known))
        identity = f"{name} {shown} {laws}"
    seed = _hashed(identity) if seed is None else seed
    problem = Problem(asked, known, Streams(seed))
    if method is None:
        method, reason = choose(problem)
    else:
        refuse(problem, method)
        reason = f"{method}, as asked"
    stored = None
    if checkpoint is not None:
        stored = Checkpoint(checkpoint, f"{identity} {seed} {method} {error} {nanoseconds}")
    engine = Engine(executor, executor_factory, stored, time.monotonic() + deadline, progress)
    found = solve(problem, Request(method, reason, engine, error, nanoseconds))
    return Estimate(
        name,
        found.value,
        found.standard_error,
        found.interval,
        found.alarm,
        found.method,
        found.reason,
        found.samples,
        8 * found.entries,
        shown,
        seed,
        fingerprint(),
        found.interrupted,
    )


@explained
def sample(
    expression: Expression,
    *,
    at: Mapping[Any, Any] | None = None,
    size: int = 1000,
    seed: int | None = None,
) -> Array:
    """Draw independent samples of a random expression.

    A longer sample of the same seed begins with the shorter one. Memory is bounded but for the result.

    Args:
        expression: what to draw; every variable with a distribution that is known in full.
        at: values of symbols; sizes that are missing get defaults, as in `check`.
        size: how many, from 0 on.
        seed: any integer; without it a hash of the expression and its values.

    Returns:
        An array of shape (size,).

    Raises:
        CheckError: it is no expression, or the size is no whole number.
        ParameterError: there is no memory for so many samples.
        SamplingError: it cannot be sampled, or would take hours.

    Example:
        >>> from varprop.model.variables import RandomVariable
        >>> z = RandomVariable("x", "Uniform(0, 1)") ** 2
        >>> values = sample(z, size=5, seed=3)
        >>> values.shape, (values == sample(z, size=9, seed=3)[:5]).all()
        ((5,), np.True_)
    """
    if not isinstance(expression, Expression):
        raise CheckError(f"sample({expression!r:.60})", "it is no random expression", "Give vp.dot(...).")
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 0:
        raise CheckError(f"sample with size={size!r:.40}", "it is no whole number from 0 on", "Write 1000.")
    _, (known,) = _known((expression,), at)
    laws = sorted(f"{variable.name} ~ {variable.distribution}" for variable in variables(known))
    streams = Streams(_hashed(f"{known} {laws}") if seed is None else seed)
    program = Program((known,))
    one = program.work(Design(1))
    rows = max(1, min(4096, SAMPLE_ENTRIES // one.entries, int(SAMPLE_COST / one.cost)))
    with enough_memory(expression, shape := drawn_shape(int(size))):
        result = np.empty(shape)
    hours = -(-int(size) // rows) * program.work(Design(rows)).cost / 3.6e12
    if hours > MOST_HOURS:
        raise SamplingError(
            f"sample({brief(str(known), 60)}, size={size})",
            f"it would take about {hours:.2g} hours",
            "Choose smaller sizes; vp.law(...).sample draws long sums from their exact law.",
        )
    for chunk, start in enumerate(range(0, int(size), rows)):
        drawn = program.run(streams, chunk=chunk, blocks=1, design=Design(rows))[0].ravel()
        result[start : start + rows] = drawn[: len(result) - start]
    return result


def _asked(
    quantity: object, statistic: Statistic | None, above: float | None
) -> tuple[Functional, tuple[Expression, ...], str]:
    if isinstance(quantity, Expression):
        if statistic == "tail probability" and above is not None:
            asked, remedy = f"estimate with above={brief(above, 40)}", "Write above=3, for example."
            limit = number(above, asked, "it is no number of float64", remedy, -LARGEST, LARGEST)
            return Functional("mean", above=limit), (quantity,), f"P[{quantity} > {limit!r}]"
        if statistic == "log moment" and above is None:
            return Functional("mean", logarithm=True), (quantity,), f"E[log |{quantity}|]"
        raise CheckError(
            f"estimate({quantity!s:.60}, statistic={statistic!r:.40}, above={above!r:.40})",
            "of an expression there is a tail probability, with above=, and a log moment",
            "Write estimate(Variance(z)), or statistic='tail probability', above=3.",
        )
    if not isinstance(quantity, Quantity) or statistic is not None or above is not None:
        raise CheckError(
            f"estimate({quantity!r:.60})",
            "it is no quantity of random expressions" if statistic is None else "a quantity has no statistic",
            "Write estimate(Variance(z)), or a random expression with statistic=.",
        )
    return _read(quantity)


@lru_cache(maxsize=KEPT)
def _read(quantity: Quantity) -> tuple[Functional, tuple[Expression, ...], str]:
    validated(quantity)
    for cls, kind in KINDS:
        if isinstance(quantity, cls):
            expressions = quantity.expressions
            if kind == "covariance" and expressions[0] == expressions[1]:
                kind, expressions = "variance", expressions[:1]
            if quantity.order == 2:
                kind = "variance"
            return Functional(kind, quantity.order or 1), expressions, str(quantity)
    raise CheckError(
        f"estimate({quantity})",
        f"simulation has no estimate of a {type(quantity).__name__}",
        "Ask for a mean, variance, covariance, moment, cumulant, skewness or kurtosis.",
    )


def _known(
    expressions: tuple[Expression, ...], at: Mapping[Any, Any] | None = None
) -> tuple[dict[sp.Symbol, sp.Expr], tuple[Expression, ...]]:
    """A number for every symbol, and the expressions with these."""
    values, _ = completed([Equal(Mean(expressions[0]) * Mean(expressions[-1]), 0)], at)
    return values, tuple(expression.at(values) if values else expression for expression in expressions)


_by_default = lru_cache(maxsize=KEPT)(_known)


def _size(relative_error: object, budget: object) -> tuple[float | None, float]:
    nanoseconds = 1e9 * seconds(10.0 if budget is None else budget, "estimate", "budget")
    if relative_error is None:
        return 0.01 if budget is None else None, nanoseconds
    asked = f"estimate with relative_error={brief(relative_error, 40)}"
    words = "it is above 0 and at most 1", "Leave out relative_error."
    return number(relative_error, asked, *words, 0.0, 1.0), nanoseconds


def _hashed(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")
