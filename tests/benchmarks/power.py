"""Which errors a check notices, and what it costs: true claims, and claims off by 1, 2, 5 and 10 percent.

    python tests/benchmarks/power.py [--runs 20] [--only TEXT ...]

Per law and claim: the shares of "agrees" (A), "disagrees" (D) and "inconclusive" (I), and median CPU seconds,
at alpha 1e-6, power 0.999, resolution 2 percent. At the end the share of inconclusive checks of laws that are
too heavy, which is to be at least 99 percent.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from statistics import median
from typing import Any

import varprop as vp

OFF = (0.0, 0.01, 0.02, 0.05, 0.1)


def product(n: int, inputs: str) -> Any:
    return vp.Variance(vp.dot(weights=f"Normal(variance=1/{n})", inputs=inputs, fan_in=n))


def normals(count: int) -> Any:
    result: Any = vp.RandomVariable("a", vp.Normal())
    for name in "bcdefgh"[: count - 1]:
        result = result * vp.RandomVariable(name, vp.Normal())
    return vp.Variance(result)


LAWS: dict[str, tuple[Any, str]] = {
    **{f"N x N, n={n}": (product(n, "Normal()"), "1") for n in (1, 16, 256, 1024)},
    **{f"N x R, n={n}": (product(n, "Rectified(Normal())"), "1/2") for n in (16, 256, 1024)},
    "N x LogNormal(1/2), n=16": (product(16, "LogNormal(-1/4, 1/4)"), "1"),
    "N x t(5), n=16": (product(16, "StudentT(dof=5, variance=1)"), "1"),
    "product of 4 normals": (normals(4), "1"),
}
HEAVY: dict[str, tuple[Any, str]] = {
    "N x t(3), n=16": (product(16, "StudentT(dof=3, variance=1)"), "1"),
    "product of 6 normals": (normals(6), "1"),
    "product of 8 normals": (normals(8), "1"),
}


def cell(quantity: Any, claim: str, off: float, runs: int) -> tuple[str, Counter[str]]:
    verdicts: Counter[str] = Counter()
    seconds = []
    equals = vp.parse_scalar(f"({claim})*(1 + {off})")
    for seed in range(runs):
        start = time.process_time()
        verdicts[vp.check(quantity, equals=equals, seed=seed).verdict] += 1
        seconds.append(time.process_time() - start)
    shares = " ".join(
        f"{verdict[0].upper()} {count / runs:.2g}" for verdict, count in sorted(verdicts.items())
    )
    return f"{shares}, {median(seconds):.2g} s", verdicts


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--heavy-runs", type=int, default=200)
    parser.add_argument("--only", nargs="*", default=[""], help="laws whose name holds one of these texts")
    arguments = parser.parse_args()
    print(f"| law, {arguments.runs} runs | " + " | ".join(f"off {off:.0%}" for off in OFF) + " |")
    print("|---" * (len(OFF) + 1) + "|")
    for name, (quantity, claim) in LAWS.items():
        if not any(text in name for text in arguments.only):
            continue
        cells = [cell(quantity, claim, off, arguments.runs)[0] for off in OFF]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    print(
        f"\n| too heavy, {arguments.heavy_runs} runs | true claim | goal: inconclusive >= 99 % |"
        "\n|---|---|---|"
    )
    for name, (quantity, claim) in HEAVY.items():
        if not any(text in name for text in arguments.only):
            continue
        text, verdicts = cell(quantity, claim, 0.0, arguments.heavy_runs)
        share = verdicts["inconclusive"] / arguments.heavy_runs
        print(f"| {name} | {text} | {share:.1%}, {'reached' if share >= 0.99 else 'MISSED'} |", flush=True)


if __name__ == "__main__":
    main()
