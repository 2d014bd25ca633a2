"""What a run of 10^15 samples on 1,000 workers would take, from figures measured here.

    python tests/benchmarks/cluster.py [--samples 1e15] [--workers 1000]

Measured in one process, in CPU seconds: a chunk, the bytes of its task and of its result, and what the
waiting process needs to take in a result, to write a checkpoint and to evaluate all results. The rest is
arithmetic. Set OMP_NUM_THREADS=1 and OPENBLAS_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import pickle
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import varprop as vp
from varprop.simulation.checkpoint import Checkpoint
from varprop.simulation.crossing import two_way
from varprop.simulation.engine import Engine, Run
from varprop.simulation.functionals import Functional, Scaling
from varprop.simulation.layout import Design
from varprop.simulation.methods import MOST_RESULTS, Blocks
from varprop.simulation.premises import Asymptotic
from varprop.simulation.problem import TAIL
from varprop.simulation.sampling import Program
from varprop.simulation.schedule import first_group
from varprop.simulation.streams import Streams
from varprop.simulation.twoway import Crossed

DOLLARS = 0.04
"""What a core costs in an hour; an assumption, not a measurement."""


COLUMNS = (
    "expression",
    "samples/s/core",
    "samples in a chunk",
    "chunk",
    "chunks",
    "time",
    "cost",
    "traffic per chunk",
    "in all",
    "taking in a result",
    "load of the waiting process",
    "evaluating all",
    "checkpoint",
)


class Free(Executor):
    """Hands back a result that it was given: what is left is the work of the process that waits."""

    def __init__(self, result: np.ndarray) -> None:
        self.result, self.sent, self.received = result, 0, 0

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Future[Any]:
        future: Future[Any] = Future()
        chunks = arguments[-1]
        task = pickle.dumps((work, *arguments))
        answer = pickle.dumps([self.result] * len(chunks))
        self.sent, self.received = self.sent + len(task), self.received + len(answer)
        future.set_result(pickle.loads(answer))
        return future


def seconds(action: Callable[[], object], repeats: int = 5) -> float:
    found = []
    for _ in range(repeats):
        start = time.process_time()
        action()
        found.append(time.process_time() - start)
    return median(found)


def row(name: str, sampler: Blocks | Crossed, samples: int, wanted: float, workers: int) -> str:
    streams = Streams(7)
    result = sampler.results(streams, chunk=0)
    chunks = iter(range(10**6))
    piece = seconds(lambda: sampler.results(streams, chunk=next(chunks)))
    pieces = 1
    while wanted / samples / pieces > MOST_RESULTS:
        pieces *= 2
    count = int(np.ceil(wanted / samples / pieces))
    each = piece * pieces
    some = 2**14
    free = Free(result)
    long = type(sampler)(**{**vars(sampler), "pieces": pieces})
    with Run(Engine(free), [long], [streams]) as run:
        taking = seconds(lambda: run.prefix([some]), 1) / some
    table = np.concatenate([result] * count)
    if isinstance(sampler, Crossed):
        look = seconds(lambda: two_way(table, count, sampler.rows, sampler.columns, TAIL))
    else:
        pseudo = sampler.functional.pseudo_values(table, sampler.scaling)
        look = seconds(lambda: Asymptotic().limits(pseudo, TAIL))
    with tempfile.TemporaryDirectory() as folder:
        stored = Checkpoint(Path(folder) / "run", "run")
        for chunk in range(count):
            stored.put((0,), chunk, result)
        saving = seconds(stored.save, 1)
        size = (Path(folder) / "run").stat().st_size
    hours = each * count / workers / 3600
    traffic = (free.sent + free.received) / some
    cells = (
        name,
        f"{samples / piece:.2g}",
        f"{pieces * samples:.2g}",
        f"{each:.3g} s",
        f"{count:,}",
        f"{hours:.3g} h",
        f"{each * count / 3600 * DOLLARS:,.0f} $",
        f"{traffic:.0f} B",
        f"{traffic * count / 1e6:.0f} MB",
        f"{taking * 1e6:.0f} us",
        f"{taking * workers / each:.2%}",
        f"{look:.2g} s",
        f"{size / 1e6:.0f} MB, {saving:.2g} s",
    )
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=float, default=1e15)
    parser.add_argument("--workers", type=int, default=1000)
    arguments = parser.parse_args()
    print(
        f"{arguments.samples:.0e} samples, {arguments.workers:,} workers, one core each, as fast as this one"
    )
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "---|" * len(COLUMNS))
    variance = Functional("variance")
    for name, n, inputs in (("w x", 1, "Normal()"), ("sum of 1,024 w_i x_i", 1024, "relu(Normal())")):
        z: Any = vp.dot(weights=vp.Normal(variance=f"1/{n}"), inputs=inputs, fan_in=n)
        if n == 1:
            program = Program([z], {}, ())
            sampler: Blocks | Crossed = Blocks(program, variance, Scaling((0.0,), (1.0,)), Design(2**17), 1)
            samples = 2**17
        else:
            sampler = Crossed(Program([z], {}, first_group(z)), variance, 512, 512)
            samples = 512 * 512
        print(row(name, sampler, samples, arguments.samples, arguments.workers), flush=True)


if __name__ == "__main__":
    main()
