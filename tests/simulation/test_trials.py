"""Trials: block results are unbiased, budgets are plans, an interrupt keeps the last complete look."""

from __future__ import annotations

import numpy as np
import pytest

from varprop.errors import SamplingError
from varprop.model.activations import relu, sigmoid, step
from varprop.model.axes import Axis
from varprop.model.expressions import Expression, sum_over
from varprop.model.variables import RandomVariable
from varprop.simulation.blocks import Estimand, SideSampler, Term
from varprop.simulation.lost import ROUNDED
from varprop.simulation.panel import Coupled, Flat
from varprop.simulation.pilot import natural_scale
from varprop.simulation.rare import EQUAL, single_values
from varprop.simulation.sequential import Band, Look
from varprop.simulation.streams import Streams
from varprop.simulation.trials import Trial


def neuron(n: int, inputs: str = "Normal()") -> Expression:
    i = Axis("i", n)
    w = RandomVariable("w", f"Normal(variance=1/{n})", axes=i, role="weights")
    return sum_over(i, w * RandomVariable("x", inputs, axes=i))


def variance(z: Expression) -> tuple[Term]:
    return (Term(1.0, (Estimand("variance", (z,)),)),)


def number(value: float) -> tuple[Term]:
    return (Term(value),)


@pytest.mark.parametrize("n", [1, 16])
@pytest.mark.parametrize(
    ("kind", "order", "truth"),
    [
        ("variance", 1, lambda n: 1.0),
        ("central moment", 3, lambda n: 0.0),
        ("central moment", 4, lambda n: 3 + 6 / n),
        ("cumulant", 4, lambda n: 6 / n),
        ("cumulant", 1, lambda n: 0.0),
        ("central moment", 2, lambda n: 1.0),
    ],
)
def test_block_results_are_unbiased_plain_and_crossed(kind: str, order: int, truth: object, n: int) -> None:
    side = SideSampler((Term(1.0, (Estimand(kind, (neuron(n),), order),)),))  # type: ignore[arg-type]
    assert side.describe()[0].startswith("plain" if n == 1 else "crossed")
    chunks = range(512 // side.chunk_blocks)
    values = np.concatenate([side.results(Streams(4), chunk=chunk) for chunk in chunks])
    error = values.std() / np.sqrt(values.size)
    assert abs(values.mean() - truth(n)) < 5 * error  # type: ignore[operator]


def test_covariance_of_two_units_that_read_the_same_inputs() -> None:
    i, j = Axis("i", 8), Axis("j", 2)
    w, x = RandomVariable("w", "Normal()", axes=(j, i)), RandomVariable("x", "Normal(mean=1)", axes=i)
    one, two = j.places(2)
    units = tuple(sum_over(i, w[place, i.index] * x) for place in (one, two))
    squares = Estimand("covariance", (units[0] ** 2, units[1] ** 2))
    side = SideSampler((Term(1.0, (squares,)),))
    values = np.concatenate([side.results(Streams(4), chunk=c) for c in range(512 // side.chunk_blocks)])
    assert abs(values.mean() - 8 * 6) < 5 * values.std() / np.sqrt(512)  # n Var x^2, x of mean and variance 1


def test_products_use_independent_estimates() -> None:
    x = RandomVariable("x", "Normal()")
    mean = Estimand("mean", (x,))
    side = SideSampler((Term(1.0, (mean, mean)),))
    values = side.results(Streams(2), chunk=0)
    assert abs(values.mean()) < 5 * values.std() / 16 and values.min() < 0


@pytest.mark.parametrize(
    ("n", "claim", "verdict"),
    [(1, 1.0, "agrees"), (16, 1.0, "agrees"), (256, 1.0, "agrees"), (256, 1.02, "disagrees")],
)
def test_verdicts(n: int, claim: float, verdict: str) -> None:
    assert Trial(variance(neuron(n)), number(claim)).run(Streams(3)).verdict == verdict


def test_rectified_inputs_and_zero_claims() -> None:
    z = neuron(16, "Rectified(Normal())")
    assert Trial(variance(z), number(0.5)).run(Streams(3)).verdict == "agrees"
    outcome = Trial((Term(1.0, (Estimand("mean", (z,)),)),), number(0.0)).run(Streams(3))
    assert (outcome.verdict, outcome.resolution.relative_to) == ("agrees", "the natural scale")
    shifted = z + 0.1
    assert (
        Trial((Term(1.0, (Estimand("mean", (shifted,)),)),), number(0.0)).run(Streams(3)).verdict
        == "disagrees"
    )


@pytest.mark.parametrize("claims", [("1/3000", "1/2000"), ("1/2000", "1/3000"), ("-1/3000", "-1/2000")])
def test_rare_sides_are_held_to_the_factor_once_they_are_told_from_zero(claims: tuple[str, str]) -> None:
    """By the natural scale sqrt(p) their difference would be within the resolution."""
    for seed in range(4):
        outcome = Trial(*map(rare, claims)).run(Streams(seed))
        assert (outcome.verdict, outcome.resolution.relative_to) == ("disagrees", "the claim")


def rare(mean: str) -> tuple[Term, ...]:
    law = f"Bernoulli({mean.lstrip('-')})"
    return (Term(-1.0 if mean[0] == "-" else 1.0, (Estimand("mean", (RandomVariable("x", law),)),)),)


def test_sides_near_zero_are_held_to_the_natural_scale() -> None:
    sides = [(Term(1.0, (Estimand("mean", (RandomVariable(name, "Normal(0, 4)"),)),)),) for name in "xy"]
    for seed in range(4):
        outcome = Trial(sides[0], sides[1]).run(Streams(seed))
        assert (outcome.verdict, outcome.resolution.relative_to) == ("agrees", "the natural scale")
    near = np.full(512, 0.01) + np.random.default_rng(1).normal(size=512)
    band = Band(0.02, near_zero=True)
    assert band.at(near, -near) == band and band.at(near, near + 1) == band.at(near - 1, near) == Band()
    assert Band(0.02).at(near, near + 1) == Band(0.02)
    assert (
        band.at(1e304 * near, 1e304 * near) == band and band.at(1e-304 * (near + 1), 1e-304 * near) == Band()
    )

    zero = np.full(512, 1e-17)
    near -= near.mean()
    assert band.at(near, zero) == band.at(zero, near) == band and band.at(zero, 0 * near) == Band()


@pytest.mark.parametrize("mean", [0.0, 1.0])
def test_places_that_cancel_have_a_sum_without_doubt(mean: float) -> None:
    """Drawn as values and their mirror images, the places of x add up to a constant."""
    i = Axis("i", 6)
    x, w = (RandomVariable(name, "Normal()", axes=i) for name in "xw")
    laws = {x.variable: Coupled(Flat(), mean, 1.0, "alternating")}
    total = Estimand("mean", (sum_over(i, x),))
    one, weight = Estimand("mean", (x,)), Estimand("mean", (w,))
    assert single_values([sum_over(i, 3 * x)], laws) == [18 * mean]
    assert single_values([sum_over(i, x**2), sum_over(i, w * x), x], laws) == [None] * 3
    sides = [((Term(1.0, (total,)),), (Term(6.0, (one,)),))]
    if not mean:
        joint = Estimand("mean", (sum_over(i, w * x),))
        sides.append(((Term(1.0, (joint,)),), (Term(1.0, (weight, total)),)))
    for left, right in sides:
        assert Trial(left, right, laws=laws).run(Streams(5)).verdict == "agrees"
    sparse = (Term(1.0, (Estimand("mean", (w**2,)), one)),)
    side = SideSampler(sparse, laws)
    assert side.doubt(np.zeros(512), 1e-11) == EQUAL


def test_a_natural_scale_is_no_larger_than_the_truth() -> None:
    """From a few draws of a rare value it would be several times too large every now and then."""
    rare, sign = RandomVariable("b", "Bernoulli(1/4000)"), RandomVariable("s", "Rademacher()")
    b, z = rare * sign, RandomVariable("z", "Normal()")
    truths = {
        Estimand("mean", (b,)): 4000**-0.5,
        Estimand("variance", (b,)): 1 / 4000,
        Estimand("covariance", (b, z)): 4000**-0.5,
        Estimand("cumulant", (z,), 4): 3.0,
        Estimand("mean", (z,)): 1.0,
    }
    for estimand, truth in truths.items():
        found = [
            natural_scale((Term(-2.0, (estimand,)),), {}, Streams(seed)) / (2 * truth) for seed in range(40)
        ]
        assert max(found) < 1 and np.mean(found) > 0.2


def test_no_verdict_rests_on_rounding() -> None:
    """All of these claims are true, or off by more than rounding; the samples have lost their digits."""
    x, far = RandomVariable("x", "Normal()"), RandomVariable("y", "Normal(1e16, 1)")
    both = sigmoid(x) + sigmoid(-x)
    mean = (Term(1.0, (Estimand("mean", (both - 1,)),)),)
    for left, claim in ((variance(both), 0.0), (mean, 0.0), (variance(far), 1.0)):
        outcome = Trial(left, number(claim), budget=0.05).run(Streams(1))
        assert outcome.look and (outcome.verdict, outcome.look.alarm) == ("inconclusive", ROUNDED)
    assert Trial(variance(far), number(100.0)).run(Streams(1)).verdict == "disagrees"
    near = RandomVariable("z", "Normal(1e12, 1)")
    assert Trial(variance(near), number(1.0)).run(Streams(1)).verdict == "agrees"
    square = RandomVariable("s", "Rademacher()") ** 2
    assert Trial(variance(square * 0.1), number(0.0)).run(Streams(1)).verdict == "agrees"


def test_jumps_at_numbers_that_are_not_rounded_raise_no_doubt() -> None:
    axis = Axis("a", 3)
    x = RandomVariable("x", "Normal()", axes=axis)
    (k,) = axis.places(1)
    sign = RandomVariable("s", "Rademacher()")
    for jumping, mean in ((sum_over(axis, step(x - x[k])), 1.0), (step(sign - 1) + step(sign), 0.5)):
        outcome = Trial((Term(1.0, (Estimand("mean", (jumping,)),)),), number(mean)).run(Streams(1))
        assert outcome.verdict == "agrees", jumping


def test_same_seed_same_bits_other_seed_other_bits() -> None:
    trial = Trial(variance(neuron(4)), number(1.0))
    assert trial.run(Streams(3)) == trial.run(Streams(3)) != trial.run(Streams(4))


def test_a_small_budget_is_inconclusive_but_estimates() -> None:
    outcome = Trial(variance(neuron(64)), number(1.5), budget=1e-4).run(Streams(3))
    assert (outcome.verdict, outcome.look) == ("inconclusive", None)
    assert outcome.blocks <= 256 and 0 < outcome.standard_error < 5


def test_heavy_tails_are_inconclusive() -> None:
    x = RandomVariable("a", "Normal()")
    for name in "bcdefgh":
        x = x * RandomVariable(name, "Normal()")
    outcome = Trial(variance(x), number(1.0), budget=0.3).run(Streams(3))
    assert outcome.verdict == "inconclusive" and outcome.look is not None and outcome.look.alarm


def test_an_interrupt_keeps_the_last_complete_look() -> None:
    def stop(look: Look) -> None:
        if look.blocks == 512:
            raise KeyboardInterrupt

    trial = Trial(variance(neuron(1)), number(1.0), factor=1.002)
    outcome = trial.run(Streams(3), stop)
    assert outcome.interrupted and outcome.look is not None
    assert (outcome.look.blocks, outcome.verdict) == (512, "inconclusive")


def test_an_interrupt_inside_a_chunk() -> None:
    calls = 0

    class Slow:
        def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
            nonlocal calls
            calls += 1
            if calls == 3:
                raise KeyboardInterrupt
            return rng.standard_normal(shape)

        def numbers(self, places: int) -> int:
            return places

    x = RandomVariable("x", "Normal()")
    trial = Trial(variance(x), number(1.0), {x.variable: Slow()}, factor=1.001)
    outcome = trial.run(Streams(3))
    assert outcome.interrupted and outcome.look is not None and outcome.look.blocks == 512


def test_an_interrupt_of_the_pilot() -> None:
    class Stopped:
        def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
            raise KeyboardInterrupt

        def numbers(self, places: int) -> int:
            return places

    x = RandomVariable("x", "Normal()")
    outcome = Trial(variance(x), variance(x + 0), {x.variable: Stopped()}).run(Streams(3))
    assert (outcome.interrupted, outcome.look, outcome.verdict, outcome.blocks) == (
        True,
        None,
        "inconclusive",
        0,
    )


@pytest.mark.parametrize("budget", [0, -1, float("nan"), float("inf"), "2"])
def test_budgets_are_positive_numbers(budget: object) -> None:
    with pytest.raises(SamplingError, match="positive"):
        Trial(variance(neuron(1)), number(1.0), budget=budget)  # type: ignore[arg-type]


def test_overflow_is_an_error() -> None:
    x = RandomVariable("x", "Normal()") * 10**200
    with pytest.raises(SamplingError, match="not finite"), np.errstate(all="ignore"):
        Trial(variance(x), number(1.0)).run(Streams(3))


def test_too_large_for_memory() -> None:
    i = Axis("i", 10**9)
    x = RandomVariable("x", "Normal()", axes=i)
    with pytest.raises(SamplingError, match="numbers at once"):
        Trial(variance(sum_over(i, x) * x.at(i=0)), number(1.0))
    with pytest.raises(SamplingError, match="single block takes about"):
        Trial(variance(relu(neuron(10**9))), number(1.0)).run(Streams(1))


def test_orders_beyond_the_estimates() -> None:
    with pytest.raises(SamplingError, match="up to order 8"):
        Estimand("cumulant", (neuron(1),), 9)
