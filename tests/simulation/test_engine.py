"""Engines: the same bits from any workers, also when they die, stop or come late."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from varprop.errors import SamplingError
from varprop.model.variables import RandomVariable
from varprop.simulation.blocks import Estimand, Term
from varprop.simulation.checkpoint import Checkpoint
from varprop.simulation.engine import Engine, Run
from varprop.simulation.streams import Streams
from varprop.simulation.trials import Outcome, Trial


class Normals:
    """Chunks of three numbers; the cost decides how many chunks make a task."""

    def __init__(self, chunk_cost: float = 1e9) -> None:
        self.chunk_cost = chunk_cost

    def results(self, streams: Streams, *, chunk: int) -> np.ndarray:
        return streams.generator(chunk=chunk).normal(size=3)


class Counted:
    """Says how often it was asked for its cost, which is once for every task."""

    asked = 0

    @property
    def chunk_cost(self) -> float:
        self.asked += 1
        return 1e9

    def results(self, streams: Streams, *, chunk: int) -> np.ndarray:
        return np.zeros(1)


class Deadly(Normals):
    """Kills its process at one chunk, once: the file remembers that it did."""

    def __init__(self, once: str) -> None:
        super().__init__()
        self.once = once

    def results(self, streams: Streams, *, chunk: int) -> np.ndarray:
        if chunk == 4 and not os.path.exists(self.once):
            Path(self.once).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().results(streams, chunk=chunk)


class Shuffled(Executor):
    """Does nothing until it is asked, and then the last task first."""

    def __init__(self, breaks_after: int = 10**9) -> None:
        self.left, self.tasks = breaks_after, 0

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Future[Any]:
        if self.left <= 0:
            raise BrokenExecutor("gone")
        self.left -= 1
        self.tasks += 1
        future: Future[Any] = Future()
        future.set_result(work(*arguments, **keywords))
        return future


def chunks(engine: Engine, sampler: Normals, count: int = 8) -> bytes:
    with Run(engine, [sampler, Normals(1.0)], [Streams(3, 0), Streams(3, 1)]) as run:
        run.prefix([2, 1], [count, count])
        first, second = run.prefix([count, count])
    return np.concatenate([*first, *second]).tobytes()


WANTED = chunks(Engine(), Normals())


def test_threads_and_any_order_give_the_bits_of_one_process() -> None:
    with ThreadPoolExecutor(3) as pool:
        assert chunks(Engine(pool), Normals()) == WANTED
        assert chunks(Engine(pool), Normals(1.0)) == WANTED
    shuffled = Shuffled()
    assert chunks(Engine(shuffled), Normals()) == WANTED and shuffled.tasks >= 9


@pytest.mark.parametrize("survives", [0, 1, 3])
def test_a_broken_executor_leaves_the_rest_to_this_process(survives: int) -> None:
    assert chunks(Engine(Shuffled(survives)), Normals()) == WANTED


def test_a_broken_executor_is_replaced_by_the_factory() -> None:
    made: list[Shuffled] = []

    def factory() -> Shuffled:
        made.append(Shuffled(2))
        return made[-1]

    assert chunks(Engine(executor_factory=factory), Normals()) == WANTED
    assert len(made) > 2


@pytest.mark.parametrize("with_factory", [False, True])
def test_a_killed_process_is_made_good(tmp_path: Path, with_factory: bool) -> None:
    sampler = Deadly(str(tmp_path / "died"))
    with ProcessPoolExecutor(1) as pool:
        factory = (lambda: ThreadPoolExecutor(2)) if with_factory else None
        assert chunks(Engine(pool, factory), sampler) == WANTED
        with pytest.raises(BrokenProcessPool):
            pool.submit(int).result()
    assert (tmp_path / "died").exists()


def test_a_factory_that_never_works_ends_in_this_process() -> None:
    made = []

    def factory() -> Shuffled:
        made.append(1)
        return Shuffled(0)

    assert chunks(Engine(executor_factory=factory), Normals()) == WANTED
    assert 1 < len(made) < 20


def test_what_a_worker_raises_is_raised() -> None:
    class Wrong(Normals):
        def results(self, streams: Streams, *, chunk: int) -> np.ndarray:
            raise SamplingError("chunk 0")

    with ThreadPoolExecutor(1) as pool, pytest.raises(SamplingError, match="chunk 0"):
        chunks(Engine(pool), Wrong())


def test_an_executor_that_was_shut_down() -> None:
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(SamplingError, match="not been shut down"):
        chunks(Engine(pool), Normals())


def test_what_takes_no_tasks_is_refused() -> None:
    with pytest.raises(SamplingError, match=r"get_executor\(\)"):
        Engine(executor=3)  # type: ignore[arg-type]
    with pytest.raises(SamplingError, match="function without arguments"):
        Engine(executor_factory=3)  # type: ignore[arg-type]


def test_what_cannot_be_sent_to_processes() -> None:
    sampler = Normals()
    sampler.note = lambda: None  # type: ignore[attr-defined]
    with ThreadPoolExecutor(1) as pool:
        assert chunks(Engine(pool), sampler) == WANTED
    with pytest.raises(SamplingError, match="use threads"):
        chunks(Engine(Shuffled()), sampler)


def test_a_checkpoint_continues_to_the_same_bits(tmp_path: Path) -> None:
    path = tmp_path / "run"
    calls = 0

    class Stopped(Normals):
        def results(self, streams: Streams, *, chunk: int) -> np.ndarray:
            nonlocal calls
            calls += 1
            if calls == 6:
                raise KeyboardInterrupt
            return super().results(streams, chunk=chunk)

    with pytest.raises(KeyboardInterrupt):
        chunks(Engine(checkpoint=Checkpoint(path, "a")), Stopped())
    before = calls
    assert chunks(Engine(checkpoint=Checkpoint(path, "a")), Stopped()) == WANTED
    assert calls - before == 8 - 5 + 1  # three were missing, and the first one is held against the file
    with ThreadPoolExecutor(2) as pool:
        assert chunks(Engine(pool, checkpoint=Checkpoint(path, "a")), Normals()) == WANTED


def test_a_checkpoint_of_other_chunks_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run"
    stored = Checkpoint(path, "a")
    stored.put((0,), 0, np.zeros(3))
    with pytest.raises(SamplingError, match="does not repeat"):
        chunks(Engine(checkpoint=stored), Normals())


def trial(factor: float = 1.002) -> Trial:
    z = RandomVariable("w", "Normal()") * RandomVariable("x", "Normal()")
    return Trial((Term(1.0, (Estimand("variance", (z,)),)),), (Term(1.0),), factor=factor, budget=0.5)


def test_a_deadline_returns_the_last_complete_look() -> None:
    for executor in (None, Shuffled()):
        engine = Engine(executor, deadline=time.monotonic() - 1)
        outcome = trial().run(Streams(3), engine=engine)
        assert (outcome.interrupted, outcome.look, outcome.verdict) == (True, None, "inconclusive")

    def slow(look: object) -> None:
        time.sleep(0.06)

    outcome = trial().run(Streams(3), slow, engine=Engine(deadline=time.monotonic() + 0.05))
    assert outcome.interrupted and outcome.look is not None and outcome.look.blocks == 256


def test_a_trial_on_threads_reports_progress_and_has_one_outcome() -> None:
    seen: list[float] = []
    serial = trial().run(Streams(3))
    with ThreadPoolExecutor(2) as pool:
        parallel: Outcome = trial().run(Streams(3), engine=Engine(pool, progress=seen.append))
    assert parallel.look == serial.look
    assert seen == sorted(seen) and 0 < seen[0] < seen[-1] <= 1


def test_chunks_beyond_a_gap_are_restored_too(tmp_path: Path) -> None:
    whole = Checkpoint(tmp_path / "whole", "run")
    with Run(Engine(checkpoint=whole), [Normals()], [Streams(3)]) as run:
        wanted = run.prefix([6])[0]
    holes = Checkpoint(tmp_path / "holes", "run")
    for chunk in (1, 2, 5):
        holes.put((), chunk, whole.of(Streams(3).key)[chunk])
    shuffled = Shuffled()
    with Run(Engine(shuffled, checkpoint=holes), [Normals()], [Streams(3)]) as run:
        assert run.complete() == [[]]
        again = run.prefix([6])[0]
    np.testing.assert_array_equal(np.concatenate(again), np.concatenate(wanted))
    assert shuffled.tasks == 3


def test_many_chunks_are_handed_out_once() -> None:
    """What is left is not listed anew for every task."""
    counted = Counted()
    with Run(Engine(Shuffled()), [counted], [Streams(3)]) as run:
        assert len(run.prefix([20_000])[0]) == 20_000
    assert counted.asked == 20_000


def test_a_factory_that_makes_no_executor_is_refused() -> None:
    with pytest.raises(SamplingError, match="it takes no tasks"):
        chunks(Engine(executor_factory=lambda: 3), Normals())  # type: ignore[arg-type,return-value]
