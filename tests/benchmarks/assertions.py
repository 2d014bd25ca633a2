"""How often assertions on true promises fail, and how often wrong ones pass, over many independent runs.

    python tests/benchmarks/assertions.py [RUNS]

Prints, for a level of 1e-2 and for the default 1e-6, the share of true promises that failed with its
one-sided 95 % upper confidence bound (Clopper, Pearson 1934), then the verdicts on promises that are wrong
by 1, 2, 5, 10 percent.
"""

from __future__ import annotations

import sys
import time
from collections import Counter

import numpy as np
from scipy.special import betaincinv

from varprop.testing import Disagreement, Undecided, assert_variance

ENTRIES = 2**14


def draw(seed: int) -> np.ndarray:
    """One array of independent standard normals, made from a fast bit generator."""
    return np.random.Generator(np.random.SFC64(seed)).normal(size=ENTRIES)


def products(seed: int) -> np.ndarray:
    """Products of two standard normals: skewed squares."""
    rng = np.random.Generator(np.random.SFC64(seed))
    return rng.normal(size=ENTRIES) * rng.normal(size=ENTRIES)


def verdicts(runs: int, law: object, promise: float, **settings: float) -> Counter[str]:
    """Count the verdicts of many runs with different seeds."""
    found: Counter[str] = Counter()
    for seed in range(runs):
        try:
            assert_variance(law, promise, seed=seed, independent=True, **settings)  # type: ignore[arg-type]
            found["agrees"] += 1
        except Undecided:
            found["inconclusive"] += 1
        except Disagreement:
            found["disagrees"] += 1
    return found


def upper(failures: int, runs: int) -> float:
    """One-sided 95 % upper confidence bound of a rate."""
    return float(betaincinv(failures + 1, runs - failures, 0.95)) if failures < runs else 1.0


def main() -> None:
    """Print both tables."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    head = ("alpha", 8), ("runs", 9), ("agrees", 9), ("undecided", 10), ("failed", 8)
    print(f"{'true promises':<24}" + "".join(f"{name:>{width}}" for name, width in head) + "  95 % bound")
    for name, law, alpha, share in (
        ("normal", draw, 1e-6, 1.0),
        ("normal", draw, 1e-2, 0.2),
        ("product of two normals", products, 1e-2, 0.1),
    ):
        start, count = time.perf_counter(), int(runs * share)
        found = verdicts(count, law, 1.0, alpha=alpha, resolution=1.1, budget=0.002)
        bound = upper(found["disagrees"], count)
        print(
            f"{name:<24}{alpha:>8.0e}{count:>9,}{found['agrees']:>9,}{found['inconclusive']:>10,}"
            f"{found['disagrees']:>8,}  {bound:.2g} ({bound / alpha:.3g} alpha), "
            f"{(time.perf_counter() - start) / count * 1e3:.2f} ms each",
            flush=True,
        )
    print(f"\n{'promise off by':<24}{'agrees':>9}{'undecided':>10}{'disagrees':>10}   (defaults, 200 runs)")
    for percent in (0, 1, 2, 5, 10):
        found = verdicts(200, draw, 1 + percent / 100)
        print(
            f"{percent:>3} %{'':<19}{found['agrees']:>9}{found['inconclusive']:>10}{found['disagrees']:>10}",
            flush=True,
        )


if __name__ == "__main__":
    main()
