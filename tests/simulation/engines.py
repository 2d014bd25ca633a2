"""One check on one engine, in a process of its own; prints what is needed to tell two runs apart.

    python tests/simulation/engines.py ENGINE [CHECKPOINT]

ENGINE: serial, threads, processes, dask; "killed": dask with one worker killed while it computes; or "dying":
serial, killed itself on its way, with a checkpoint that is written often.
"""

from __future__ import annotations

import hashlib
import math
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import varprop as vp
from varprop.simulation import checkpoint as checkpoints


def shown(checkpoint: str | None, progress: Callable[[float], None], executor: Any = None) -> str:
    """The hash of all that the check found, and of an estimate."""
    z = vp.neuron(weights=vp.Normal(variance="1/n"), inputs=vp.relu(vp.Normal()), fan_in="n")
    found = vp.check(
        vp.Equal(vp.Variance(z), "1/2"),
        at={"n": 128},
        seed=-7,
        resolution=1.006,
        budget=6,
        executor=executor,
        checkpoint=checkpoint,
        progress=progress,
    )
    text = found.to_json()
    for n in (2, 40):  # by quasi-random points, and by crossed blocks
        number = vp.estimate(vp.Variance(z), at={"n": n}, seed=3, relative_error=0.006, executor=executor)
        text += repr((number.method, number.value, number.standard_error, number.samples))
    return f"{found.verdict} {found.claims[0].blocks} {hashlib.sha256(text.encode()).hexdigest()}"


def main(engine: str, checkpoint: str | None = None) -> None:
    seen: list[float] = []
    with ExitStack() as stack:
        executor: Any = None
        progress: Callable[[float], None] = seen.append
        if engine == "threads":
            executor = stack.enter_context(ThreadPoolExecutor(3))
        elif engine == "processes":
            executor = stack.enter_context(ProcessPoolExecutor(2))
        elif engine == "dying":
            checkpoints.SAVE_EVERY, checkpoints.SHARE = 0.0, math.inf

            def progress(share: float) -> None:
                seen.append(share)
                if len(seen) == 6:
                    os.kill(os.getpid(), signal.SIGKILL)

        elif engine in ("dask", "killed"):
            from distributed import Client, LocalCluster

            cluster = stack.enter_context(
                LocalCluster(
                    n_workers=2,
                    threads_per_worker=1,
                    host="127.0.0.1",
                    dashboard_address=":0",
                    silence_logs=50,
                )
            )
            client = stack.enter_context(Client(cluster))
            victims = list(client.run(os.getpid).values())
            executor = client.get_executor(pure=False)

            def progress(share: float) -> None:
                seen.append(share)
                if engine == "killed" and len(seen) == 3:
                    os.kill(victims[0], signal.SIGKILL)

        result = shown(checkpoint, progress, executor)
        if engine == "killed":
            assert len(seen) > 10, "the worker died when all was done"
            assert victims[0] not in client.run(os.getpid).values()
        print(result, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
