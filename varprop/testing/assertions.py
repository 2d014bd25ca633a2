"""Assertions on what an initializer draws: sequential, three outcomes, a stated error probability."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Literal, NoReturn, Unpack

import numpy as np

from varprop.errors import ParameterError
from varprop.evidence import Evidence, check
from varprop.model.activations import NAMED, Activation
from varprop.model.scalars import ScalarLike, scalar
from varprop.simulation.pilot import at_least
from varprop.simulation.premises import Asymptotic
from varprop.simulation.sequential import FIRST_LOOK, Band, Look, Plan, decide
from varprop.simulation.streams import Streams
from varprop.simulation.units import times
from varprop.testing.blocks import Blocks, Kind
from varprop.testing.causes import Measured, likely_causes
from varprop.testing.draws import Array, Draw, DrawError, Draws
from varprop.testing.findings import Disagreement, Finding, Undecided, found
from varprop.testing.levels import Levels, Settings, Undecidedly
from varprop.testing.session import SESSION

__all__ = ["assert_agrees", "assert_mean", "assert_preserves", "assert_second_moment", "assert_variance"]

AXES: Literal["out, in"] = "out, in"
COLUMNS = 16
PREMISE = Asymptotic()
SCALE_DRAWS = 64
TINY = sys.float_info.min
OVERDRAFT = 8.0
"""How many budgets the first look may cost before nothing is decided."""


def assert_variance(
    draw: Draw,
    expected: ScalarLike,
    *,
    independent: bool = False,
    **settings: Unpack[Settings],
) -> Finding:
    """Assert that the entries of drawn arrays have this variance, E x^2 - (E x)^2.

    Each block pairs arrays of different seeds, so entries of one array may depend on each other.

    Args:
        draw: maps a seed, an integer from 0 to 2^31 - 1, to an array of any shape.
        expected: the promised variance: a number, a SymPy expression, or text such as "2/128".
        independent: whether the entries of one array are independent of each other; large arrays then need
            fewer draws.
        settings: `resolution`, `power`, `alpha`, `budget`, `seed` and `on_inconclusive`, see `Levels`.

    Returns:
        The finding, where it agrees.

    Raises:
        Disagreement: the promise is outside the limits; the message names likely causes.
        Undecided: neither.
        DrawError: `draw` does not return finite arrays of one shape that depend on the seed alone.

    Example:
        >>> def he(seed):
        ...     return np.random.default_rng(seed).normal(0, np.sqrt(2 / 64), (32, 64))
        >>> assert_variance(he, "2/64").verdict
        'agrees'
        >>> try:
        ...     assert_variance(he, "6/64")
        ... except AssertionError as failure:
        ...     print(failure.finding.causes[0])
        a uniform draw on +-std: its bound is sqrt(3) std, so this variance is 1/3 of the promise
    """
    return _assert_moment("variance", draw, expected, independent, Levels(**settings))


def assert_second_moment(
    draw: Draw,
    expected: ScalarLike,
    *,
    independent: bool = False,
    **settings: Unpack[Settings],
) -> Finding:
    """Assert that the entries of drawn arrays have this second moment, E x^2.

    Arguments, result and errors are those of `assert_variance`.

    Example:
        >>> assert_second_moment(lambda seed: np.random.default_rng(seed).random(99), "1/3").verdict
        'agrees'
    """
    return _assert_moment("second moment", draw, expected, independent, Levels(**settings))


def assert_mean(
    draw: Draw,
    expected: ScalarLike,
    *,
    independent: bool = False,
    **settings: Unpack[Settings],
) -> Finding:
    """Assert that the entries of drawn arrays have this mean, E x.

    A mean of zero is measured against the natural scale sqrt(E x^2). Arguments, result and errors are those
    of `assert_variance`.

    Example:
        >>> assert_mean(lambda seed: np.random.default_rng(seed).normal(size=99), 0).verdict
        'agrees'
    """
    return _assert_moment("mean", draw, expected, independent, Levels(**settings))


def assert_preserves(
    draw: Draw,
    activation: Activation | str = "identity",
    *,
    q: float = 1.0,
    axes: Literal["out, in", "in, out"] = AXES,
    **settings: Unpack[Settings],
) -> Finding:
    """Assert that a layer keeps the second moment of the signal: E z^2 = q for z = W phi(h), h ~ N(0, q).

    Args:
        draw: maps a seed to a weight matrix.
        activation: phi, or its name.
        q: the second moment of the pre-activations that come in.
        axes: how the matrix is laid out: "out, in" as in torch, "in, out" as in JAX and Keras.
        settings: as for `assert_variance`.

    Raises:
        Disagreement: the signal grows or shrinks by more than the limits allow.
        Undecided: neither.
        DrawError: `draw` does not return finite matrices of one shape that depend on the seed alone.

    Example:
        >>> def he(seed):
        ...     return np.random.default_rng(seed).normal(0, np.sqrt(2 / 64), (32, 64))
        >>> assert_preserves(he, "relu").verdict
        'agrees'
    """
    phi = _activation(activation)
    if not (isinstance(q, int | float) and 0 < q < math.inf):
        raise ParameterError(f"assert_preserves with q={q!r:.40}", "it is no positive number", "Write q=1")
    if axes not in ("out, in", "in, out"):
        raise ParameterError(f"axes={axes!r:.40}", "it is no layout", 'Write "out, in" or "in, out"')
    levels = Levels(**settings)
    claim = f"E z^2 = {q:g} for z = W {phi}(h), h ~ N(0, {q:g})"
    draws = Draws(draw, levels.resolved_seed, claim)
    if len(draws.shape) != 2:
        raise DrawError(f"a layer of weights {draws.shape}", "they are no matrix", "Draw a matrix.")
    streams = Streams(levels.resolved_seed)

    def signal(matrix: Array, number: int) -> Array:
        weights = matrix if axes == "out, in" else matrix.T
        with np.errstate(all="ignore"):
            inputs = phi(
                math.sqrt(q) * streams.generator(chunk=number).normal(size=(weights.shape[1], COLUMNS))
            )
            return np.asarray(weights @ inputs)

    blocks = Blocks(draws, "second moment", of=signal, entry_cost=3.0 * COLUMNS)
    given = "".join(
        f", {name}={value!r}"
        for name, value, usual in (("q", q, 1.0), ("axes", axes, AXES))
        if value != usual
    )
    return _judged(claim, blocks, q, levels, f"assert_preserves(draw, {str(phi)!r}{given}")


def assert_agrees(
    claim: object,
    *,
    equals: object = None,
    at: Mapping[Any, Any] | None = None,
    on_inconclusive: Undecidedly = "fail",
    **settings: Any,
) -> Evidence:
    """Assert what `varprop.check` finds: a derivation, a step, an Equal, or a quantity with `equals`.

    Args:
        claim: anything that `check` takes.
        equals: what a quantity is claimed to be.
        at: values of symbols.
        on_inconclusive: "fail", or "discard" the Hypothesis example.
        settings: further keywords of `check`: resolution, power, alpha, budget, seed.

    Raises:
        Disagreement: a claim disagrees.
        Undecided: none does, and some are inconclusive.

    Example:
        >>> from varprop import RandomVariable, Variance
        >>> x = RandomVariable("x", "Uniform(0, 6)")
        >>> assert_agrees(Variance(x), equals=3).verdict
        'agrees'
    """
    evidence = check(claim, equals=equals, at=at, **settings)
    SESSION.count(evidence.alpha)
    if evidence.verdict != "agrees":
        _fail(evidence, on_inconclusive)
    return evidence


def _activation(given: Activation | str) -> Activation:
    known = NAMED.get(given) if isinstance(given, str) else given
    if not isinstance(known, Activation):
        raise ParameterError(f"activation {given!r:.40}", "it is unknown", f"Choose from {', '.join(NAMED)}")
    return known


SYMBOLS: Mapping[Kind, str] = {
    "mean": "E(entry)",
    "second moment": "E(entry^2)",
    "variance": "Var(entry)",
}
VERBS: Mapping[Kind, str] = {
    "mean": "assert_mean",
    "second moment": "assert_second_moment",
    "variance": "assert_variance",
}


def _assert_moment(
    kind: Kind, draw: Draw, expected: ScalarLike, independent: bool, levels: Levels
) -> Finding:
    exact = scalar(expected, f"the expected {kind}")
    if exact.free_symbols or not exact.is_finite:
        raise ParameterError(f"expected {kind} {expected!s:.60}", "it is no number", "Give the number itself")
    value = float(exact)
    if exact and not TINY <= abs(value) < math.inf:
        raise ParameterError(
            f"expected {kind} {expected!s:.60}", "it is beyond the range of floats", "Rescale the draws"
        )
    if value < 0 and kind != "mean":
        raise ParameterError(f"expected {kind} {value:g}", "it is negative", "Give a number from 0 on")
    claim = f"{SYMBOLS[kind]} = {value:.8g}"
    blocks = Blocks(Draws(draw, levels.resolved_seed, claim), kind, independent)
    given = ", independent=True" if independent else ""
    return _judged(claim, blocks, value, levels, f"{VERBS[kind]}(draw, {value!r}{given}")


def _judged(claim: str, blocks: Blocks, expected: float, levels: Levels, call: str) -> Finding:
    nanoseconds = 1e9 * levels.budget
    count = int(nanoseconds / blocks.cost)
    if count < FIRST_LOOK and blocks.cost * FIRST_LOOK <= OVERDRAFT * nanoseconds:
        count = FIRST_LOOK
    plan = Plan.doubling(count, alpha=levels.alpha, power=levels.power, factor=levels.resolution)
    blocks.exponent = _exponent(blocks, expected)
    claimed = times(expected, -blocks.degree * blocks.exponent)
    band = Band() if expected else Band((plan.factor - 1) * _natural_scale(blocks))
    look: Look | None = None
    for looked in plan.looks:
        look = decide(blocks.first(looked), claimed, plan, band=band, premise=PREMISE)
        if look.verdict != "inconclusive":
            break
    SESSION.count(plan.alpha)
    first = float(blocks.first(1)[0])
    left, low, high = (look.left, look.low, look.high) if look else (first, -math.inf, math.inf)
    estimate, low, high = (
        times(value, blocks.degree * blocks.exponent) for value in (left, low + claimed, high + claimed)
    )
    finding = found(
        claim,
        look,
        plan,
        expected,
        estimate=estimate,
        limits=(low, high),
        draws=blocks.drawn,
        shape=blocks.draws.shape,
        premise=PREMISE.name,
        repeat=f"{call}{_settings(levels)})",
    )
    if finding.verdict == "disagrees":
        measured = _measured(blocks)
        finding = replace(finding, causes=likely_causes(blocks.kind, expected, finding.estimate, measured))
    if finding.verdict != "agrees":
        _fail(finding, levels.on_inconclusive)
    return finding


def _exponent(blocks: Blocks, expected: float) -> int:
    """The power of two that the first array, or what is expected, is of; entries in such units are near 1."""
    first = Blocks(blocks.draws, blocks.kind, of=blocks.of).entries(0)
    largest = max(float(np.abs(first).max()), abs(expected) ** (1 / blocks.degree))
    return math.frexp(largest)[1] if largest < math.inf else 0


def _settings(levels: Levels) -> str:
    """The settings that a repetition must name: the seed, and all that are not the usual ones."""
    usual = Levels()
    given = {field.name: getattr(levels, field.name) for field in fields(Levels)}
    given |= {"seed": levels.resolved_seed}
    named = {name: value for name, value in given.items() if value != getattr(usual, name)}
    return "".join(f", {name}={value!r}" for name, value in named.items())


def _natural_scale(blocks: Blocks) -> float:
    """A lower limit of sqrt(E x^2) for a mean, else of E x^2, from draws beyond those of the test."""
    beyond = Blocks(blocks.draws, "second moment", of=blocks.of, exponent=blocks.exponent)
    beyond.drawn = 2**30
    second = at_least(beyond.first(SCALE_DRAWS))
    return math.sqrt(second) if blocks.kind == "mean" else second


def _measured(blocks: Blocks) -> Measured:
    def moment(kind: Kind) -> float:
        again = Blocks(blocks.draws, kind, blocks.independent, blocks.of, exponent=blocks.exponent)
        return times(float(again.first(FIRST_LOOK).mean()), again.degree * again.exponent)

    return Measured(moment("mean"), moment("second moment"), blocks.draws.shape)


def _fail(finding: Finding | Evidence, on_inconclusive: Undecidedly) -> NoReturn:
    if finding.verdict == "disagrees":
        raise Disagreement(finding)
    if on_inconclusive == "discard":
        from hypothesis import reject  # noqa: PLC0415

        reject()
    raise Undecided(finding)
