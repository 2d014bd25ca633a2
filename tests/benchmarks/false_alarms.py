"""How often a true claim is called wrong, over its level alpha, law by law, plain and crossed.

Every run draws block results of a true claim and looks at the planned prefixes. Printed per law and alpha:
false alarms / alpha with the one-sided 95 % upper confidence bound (goal: at most 1.5), the same with the
alarms off, the same for a plain t interval, and the share of runs in which some look was allowed to decide.

    python tests/benchmarks/false_alarms.py  # all laws, 20,000 runs each: about an hour
    python tests/benchmarks/false_alarms.py --runs 2000 --only "N x N"

Plain laws use a shortcut that has exactly the law of the block results: given x, (w.x)^2 needs one normal and
the squared length of x one gamma variable. Crossed laws run the library's own sampler and estimator.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from varprop.model.axes import Axis
from varprop.model.expressions import sum_over
from varprop.model.variables import RandomVariable
from varprop.simulation.blocks import Estimand
from varprop.simulation.layout import Design
from varprop.simulation.premises import Asymptotic, Summary
from varprop.simulation.sampling import Program
from varprop.simulation.schedule import first_group
from varprop.simulation.sequential import FIRST_LOOK, Plan
from varprop.simulation.streams import Streams

Array = np.ndarray
ALPHAS = (1e-1, 1e-2, 1e-3)
GOAL = 1.5
PLAIN_BLOCKS, CROSSED_BLOCKS = 2**15, 2**10


@dataclass(frozen=True)
class Law:
    """A true claim: block results, and the number that is their mean."""

    name: str
    draw: Callable[[int, int, int], Array]
    blocks: int
    truth: float = 1.0
    finite_fourth: bool = True


def plain(draw: Callable[[np.random.Generator, tuple[int, int]], Array]) -> Callable[[int, int, int], Array]:
    def results(seed: int, batch: int, runs: int) -> Array:
        rng = np.random.Generator(np.random.SFC64([seed, batch]))
        return draw(rng, (runs, PLAIN_BLOCKS))

    return results


def neuron(n: int, rectified: bool = False) -> Callable[[np.random.Generator, tuple[int, int]], Array]:
    """(w.x)^2 for n pairs, normal weights, normal or rectified normal inputs, mean 1."""

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
        alive = rng.binomial(n, 0.5, shape) / 2 if rectified else n / 2
        length = 2 * rng.standard_gamma(alive, shape) / n
        return (2 if rectified else 1) * length * rng.standard_normal(shape) ** 2

    return draw


def product(factors: int) -> Callable[[np.random.Generator, tuple[int, int]], Array]:
    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
        result = np.ones(shape)
        for _ in range(factors):
            result *= rng.standard_normal(shape) ** 2
        return result

    return draw


def log_normal(sigma: float) -> Callable[[np.random.Generator, tuple[int, int]], Array]:
    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
        logs = rng.standard_normal(shape)
        return rng.standard_normal(shape) ** 2 * np.exp(2 * sigma * logs - 2 * sigma**2)

    return draw


def student(dof: int) -> Callable[[np.random.Generator, tuple[int, int]], Array]:
    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
        return rng.standard_normal(shape) ** 2 * rng.standard_t(dof, shape) ** 2 * (dof - 2) / dof

    return draw


def covariance(skewed: bool) -> Callable[[np.random.Generator, tuple[int, int]], Array]:
    """w^2 x x': the covariance of two units that share w is zero."""

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
        first, second = (
            (rng.standard_exponential(shape) - 1 for _ in range(2))
            if skewed
            else (rng.standard_normal(shape) for _ in range(2))
        )
        return rng.standard_normal(shape) ** 2 * first * second

    return draw


def crossed(n: int, inputs: str, shape: tuple[int, int]) -> Callable[[int, int, int], Array]:
    """Var(w.x) from crossed blocks, by the sampler and the U-statistic of the library."""
    i = Axis("i", n)
    w = RandomVariable("w", f"Normal(variance=1/{n})", axes=i, role="weights")
    z = sum_over(i, w * RandomVariable("x", inputs, axes=i))
    program, design = Program([z], {}, first_group(z)), Design(*shape)
    estimand = Estimand("variance", (z,))

    def results(seed: int, batch: int, runs: int) -> Array:
        rows = [
            estimand.of(
                program.run(Streams(seed, batch), chunk=run, blocks=CROSSED_BLOCKS, design=design),
                design,
            )
            for run in range(runs)
        ]
        return np.stack(rows)

    return results


LAWS = (
    *(Law(f"N x N, n={n}", plain(neuron(n)), PLAIN_BLOCKS) for n in (1, 16, 256)),
    *(Law(f"N x R, n={n}", plain(neuron(n, True)), PLAIN_BLOCKS) for n in (1, 16, 256)),
    *(Law(f"N x LogNormal({s:g}), n=1", plain(log_normal(s)), PLAIN_BLOCKS) for s in (0.5, 1.0)),
    *(Law(f"product of {k} normals", plain(product(k)), PLAIN_BLOCKS) for k in (4, 6, 8)),
    *(Law(f"N x t({k}), n=1", plain(student(k)), PLAIN_BLOCKS, 1.0, False) for k in (3, 5)),
    Law("Cov(w x, w x'), normal", plain(covariance(False)), PLAIN_BLOCKS, 0.0),
    Law("Cov(w x, w x'), skewed", plain(covariance(True)), PLAIN_BLOCKS, 0.0),
    Law("crossed 16 x 16, N x N, n=16", crossed(16, "Normal()", (16, 16)), CROSSED_BLOCKS),
    Law("crossed 24 x 8, N x R, n=16", crossed(16, "Rectified(Normal())", (24, 8)), CROSSED_BLOCKS, 0.5),
    Law("crossed 16 x 8, N x U(0,1), n=64", crossed(64, "Uniform(0, 1)", (16, 8)), CROSSED_BLOCKS, 1 / 3),
)


def upper(count: int, runs: int) -> float:
    """One-sided 95 % upper confidence bound of a rate (Clopper and Pearson)."""
    return 1.0 if count == runs else float(betaincinv(count + 1, runs - count, 0.95))


def judge(law: Law, runs: int, seed: int) -> dict[str, Array]:
    """Counts over runs, per alpha: false alarms, without alarms, of a plain t, and runs that may decide."""
    plans = [Plan.doubling(law.blocks, first=FIRST_LOOK, alpha=alpha) for alpha in ALPHAS]
    final, student_t = Asymptotic(), Asymptotic(correct=False, alarms=False)
    names = ("final", "no alarms", "plain t", "may decide")
    counts = {name: np.zeros(len(ALPHAS), dtype=int) for name in names}
    size = 64
    for batch in range(-(-runs // size)):
        rows = law.draw(seed, batch, min(size, runs - batch * size))
        for row in rows:
            found = {look: Summary.of(row[:look]) for look in plans[0].looks}
            for place, plan in enumerate(plans):
                seen = dict.fromkeys(names, False)
                for look in plan.looks:
                    limits = final.limits_of(found[look], plan.alarm_tail)
                    outside = not limits.low <= law.truth <= limits.high
                    bare = student_t.limits_of(found[look], plan.alarm_tail)
                    seen["final"] |= outside and not limits.alarm
                    seen["no alarms"] |= outside
                    seen["plain t"] |= not bare.low <= law.truth <= bare.high
                    seen["may decide"] |= not limits.alarm
                for name in names:
                    counts[name][place] += seen[name]
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--only", nargs="*", default=[""], help="laws whose name holds one of these texts")
    arguments = parser.parse_args()
    print("false alarms / alpha <95 % upper bound [alarms off, plain t] share of runs that may decide")
    print(f"| law, {arguments.runs} runs | " + " | ".join(f"alpha {alpha:g}" for alpha in ALPHAS) + " | |")
    print("|---|---|---|---|---|")
    failed = []
    for law in LAWS:
        if not any(text in law.name for text in arguments.only):
            continue
        start = time.perf_counter()
        counts = judge(law, arguments.runs, arguments.seed)
        cells, worst = [], 0.0
        for place, alpha in enumerate(ALPHAS):
            rate = {name: count[place] / arguments.runs / alpha for name, count in counts.items()}
            bound = upper(int(counts["final"][place]), arguments.runs) / alpha
            worst = max(worst, bound)
            cells.append(
                f"{rate['final']:.2f} <{bound:.2f} [{rate['no alarms']:.3g}, {rate['plain t']:.3g}] "
                f"{rate['may decide'] * alpha:.0%}"
            )
        verdict = "holds" if worst <= GOAL else "BROKEN"
        failed += [law.name] * (worst > GOAL)
        seconds = time.perf_counter() - start
        print(f"| {law.name} | " + " | ".join(cells) + f" | {verdict} ({seconds:.0f} s) |", flush=True)
    print(f"goal: every upper bound at most {GOAL}; " + (f"missed by {failed}" if failed else "reached"))


if __name__ == "__main__":
    main()
