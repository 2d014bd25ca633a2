"""P1, P2, P3: derivations against sympy.stats, and the import against SymPy's, as ratios in one run.

    python tests/benchmarks/symbolic.py [--limit SECONDS]

All times are CPU seconds of one thread. The rival runs in fresh processes, after its imports, each stopped
after the limit (except where its time is one side of a ratio). Our side runs in this process with SymPy's
memo and our own cleared before every repeat; building the expression, all steps and `.result` count.
"""

from __future__ import annotations

import argparse
import functools
import gc
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from types import ModuleType
from typing import Any

import sympy as sp
from scipy import stats
from sympy.core.cache import clear_cache

import varprop as vp

REPEATS = 15
RIVAL = """
import json, time
from sympy import Max, symbols
from sympy.stats import E, Normal, Uniform, Variance, variance
a, c = symbols("a c", real=True)
s, t = symbols("s t", positive=True)
start = time.process_time()
answer = {code}
print(json.dumps([time.process_time() - start, str(answer)]))
"""
PRODUCT = 'variance(Normal("w", a, s) * Normal("x", c, t))'
SUM_OF_TEN = 'variance(sum(Normal(f"w{k}", 0, 2) * Normal(f"x{k}", 0, 3) for k in range(10)))'


@dataclass(frozen=True)
class Case:
    """A quantity that the rival cannot find, and its value by quadrature at the given parameters."""

    name: str
    quantity: Callable[[], Any]
    rival: str
    truth: float
    at: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    goal: str
    wanted: str
    reached: str
    ok: bool


def memos() -> list[Any]:
    """Every memo that a module of varprop keeps between calls."""
    modules = [m for name, m in sys.modules.items() if name.startswith("varprop") and type(m) is ModuleType]
    values = [value for module in modules for value in vars(module).values()]
    return [value for value in values if isinstance(value, functools._lru_cache_wrapper)]


def ours(quantity: Callable[[], Any], repeats: int = REPEATS) -> tuple[float, sp.Expr]:
    """Median CPU seconds of a derivation with every memo cleared, and its result."""
    result = vp.derive(quantity()).result
    times = []
    for _ in range(repeats):
        clear_cache()
        for memo in memos():
            memo.cache_clear()
        gc.collect()  # the rival's fresh process has no garbage of earlier repeats either
        start = time.process_time()
        proof = vp.derive(quantity())
        assert proof.steps and proof.result == result
        times.append(time.process_time() - start)
    return median(times), result


def rival(code: str, limit: float, repeats: int = 1) -> tuple[float | None, str]:
    """Median CPU seconds of sympy.stats in fresh processes, None if it gave no answer; and what it said."""
    times, said = [], ""
    for _ in range(repeats):
        command = [sys.executable, "-c", RIVAL.format(code=code)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
        except subprocess.TimeoutExpired:
            return None, f"no answer in {limit:g} s"
        if done.returncode:
            return None, done.stderr.strip().splitlines()[-1]
        seconds, said = json.loads(done.stdout)
        times.append(seconds)
    return median(times), said


def seconds_of(code: str) -> float:
    """CPU seconds of a fresh interpreter that runs this."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def normal(name: str, mean: object = 0, std: object = 1) -> vp.RandomVariable:
    return vp.RandomVariable(name, vp.Normal(mean=mean, std=std))


def product_variance(w: Any, x: Any, rectified: bool = False) -> float:
    """Var(w x), or Var(w relu(x)), for frozen SciPy distributions, by quadrature."""

    def moment(k: int) -> float:
        return float(x.expect(lambda v: v**k, lb=0) if rectified else x.expect(lambda v: v**k))

    return float(w.expect(lambda v: v**2)) * moment(2) - (float(w.mean()) * moment(1)) ** 2


def relu_terms(count: int) -> Any:
    return vp.Variance(sum(normal(f"w{k}", std=2) * vp.relu(normal(f"x{k}", std=3)) for k in range(count)))


def rival_relu_terms(count: int) -> str:
    return f'variance(sum(Normal(f"w{{k}}", 0, 2) * Max(0, Normal(f"x{{k}}", 0, 3)) for k in range({count})))'


CASES = [
    Case(
        "Var[N U], means",
        lambda: vp.Variance(normal("w", 1, 2) * vp.RandomVariable("x", vp.Uniform(0, 2))),
        'variance(Normal("w", 1, 2) * Uniform("x", 0, 2))',
        product_variance(stats.norm(1, 2), stats.uniform(0, 2)),
    ),
    Case(
        "Var[N relu(N)], means",
        lambda: vp.Variance(normal("w", 1, 2) * vp.relu(normal("x", 1, 3))),
        'variance(Normal("w", 1, 2) * Max(0, Normal("x", 1, 3)))',
        product_variance(stats.norm(1, 2), stats.norm(1, 3), rectified=True),
    ),
    Case(
        "Var[N relu(N)], symbols",
        lambda: vp.Variance(normal("w", "a", "s") * vp.relu(normal("x", "c", "t"))),
        'variance(Normal("w", a, s) * Max(0, Normal("x", c, t)))',
        product_variance(stats.norm(1, 2), stats.norm(1, 3), rectified=True),
        {"a": 1, "s": 2, "c": 1, "t": 3},
    ),
    Case("Var of 2 N relu(N)", lambda: relu_terms(2), rival_relu_terms(2), 36),
    Case("Var of 3 N relu(N)", lambda: relu_terms(3), rival_relu_terms(3), 54),
    Case(
        "Var of 10 N N, expanded",
        lambda: vp.Variance(sum(normal(f"w{k}", std=2) * normal(f"x{k}", std=3) for k in range(10))),
        f"{SUM_OF_TEN.replace('variance(', 'Variance(')}.expand().doit()",
        360,
    ),
    Case(
        "E[relu(N)^2], symbols",
        lambda: vp.Moment(vp.relu(normal("x", "c", "t")), 2),
        'E(Max(0, Normal("x", c, t)) ** 2)',
        float(stats.norm(1, 3).expect(lambda v: v**2, lb=0)),
        {"c": 1, "t": 3},
    ),
    Case(
        "E[relu(N)^4], means",
        lambda: vp.Moment(vp.relu(normal("x", 1, 3)), 4),
        'E(Max(0, Normal("x", 1, 3)) ** 4)',
        float(stats.norm(1, 3).expect(lambda v: v**4, lb=0)),
    ),
]


def p1() -> list[Row]:
    """One N x N of symbolic means and variances in a sum of symbolic length; N x relu(N) beside it."""

    def neuron(inputs: vp.Distribution) -> Any:
        return vp.Variance(vp.dot(weights=vp.Normal(mean="a", std="s"), inputs=inputs, fan_in="n"))

    inputs = vp.Normal(mean="c", std="t")
    plain, _ = ours(lambda: neuron(inputs))
    rectified, _ = ours(lambda: neuron(vp.relu(inputs)))
    theirs, _ = rival(PRODUCT, limit=600, repeats=3)
    assert theirs is not None
    return [
        ratio_row("P1 n N x N, means", theirs, plain, 150),
        Row(
            "P1 n N x relu(N) over n N x N",
            "<= 5",
            f"{rectified / plain:.1f} ({1e3 * rectified:.0f} ms)",
            rectified <= 5 * plain,
        ),
    ]


def ratio_row(name: str, theirs: float, mine: float, wanted: float) -> Row:
    reached = f"{theirs / mine:,.0f} x ({theirs:.2f} s / {1e3 * mine:.1f} ms)"
    return Row(name, f">= {wanted:,.0f} x", reached, theirs >= wanted * mine)


def p2(limit: float) -> list[Row]:
    """A sum of ten products, and what sympy.stats cannot do."""

    def ten() -> Any:
        return vp.Variance(vp.dot(weights=vp.Normal(std=2), inputs=vp.Normal(std=3), fan_in=10))

    mine, result = ours(ten)
    patience = 600
    theirs, said = rival(SUM_OF_TEN, limit=patience)
    assert theirs is None or float(result) == float(said)
    rows = [ratio_row("P2 sum of 10 N x N", patience if theirs is None else theirs, mine, 5000)]
    for case in CASES:
        seconds, result = ours(case.quantity, repeats=3)
        value = float(result.subs({vp.symbol(name): number for name, number in case.at.items()}))
        right = abs(value - case.truth) <= 1e-6 * abs(case.truth)
        took, said = rival(case.rival, limit)
        their_answer = said if took is None else f"{took:.1f} s: {said}"
        reached = f"{'right' if right else 'WRONG'}, {1e3 * seconds:.0f} ms; sympy.stats: {their_answer}"
        rows.append(Row(f"P2 {case.name}", "right, < 100 ms", reached, right and seconds < 0.1))
    return rows


def p3() -> list[Row]:
    """The import alone, over the bare interpreter."""
    codes = ["pass", "import varprop", "import sympy"]
    runs = [[seconds_of(code) for code in codes] for _ in range(REPEATS)]
    bare, own, theirs = (median(column) for column in zip(*runs, strict=True))
    share = (own - bare) / (theirs - bare)
    reached = f"1/{1 / share:.0f} ({1e3 * (own - bare):.1f} of {1e3 * (theirs - bare):.0f} ms)"
    return [Row("P3 import varprop / import sympy", "<= 1/30", reached, share <= 1 / 30)]


def main() -> int:
    """Print the table; the exit code is 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=float, default=20, help="seconds given to what hangs in sympy.stats")
    limit = parser.parse_args().limit
    rows = [*p1(), *p2(limit), *p3()]
    print(f"{'goal':<32} {'wanted':<16} {'ok':<4} reached")
    for row in rows:
        reached = row.reached if len(row.reached) <= 90 else f"{row.reached[:87]}..."
        print(f"{row.goal:<32} {row.wanted:<16} {'yes' if row.ok else 'NO':<4} {reached}")
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
