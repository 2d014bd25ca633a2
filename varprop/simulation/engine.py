"""Who computes the chunks: this process, threads, processes or a cluster; the bits are the same.

A chunk is known by its stream and its number, so any chunk can be computed anywhere and again. Results are
handed over in the order of their numbers, however they arrive.
"""

from __future__ import annotations

import logging
import math
import multiprocessing
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from varprop.errors import SamplingError, brief
from varprop.simulation.checkpoint import Checkpoint
from varprop.simulation.streams import Streams

__all__ = ["Engine", "Late", "Run", "Sampler"]

Array = NDArray[np.float64]
Task = tuple[int, tuple[int, ...]]

TASK_NANOSECONDS = 5e7
"""The work of a task by the cost formula: enough for what sending it costs."""
IN_FLIGHT = 4096
"""Tasks that may wait for their results: a few for every worker of a large cluster."""
RESTARTS = 3
POLL = 0.5

log = logging.getLogger("varprop")


class Late(KeyboardInterrupt):
    """The deadline has passed."""


class Sampler(Protocol):
    """Anything that computes chunks."""

    @property
    def chunk_cost(self) -> float:
        """Nanoseconds per chunk, by a fixed formula."""
        ...

    def results(self, streams: Streams, *, chunk: int) -> Array:
        """The results of one chunk; nothing but the streams and the number may change them."""
        ...


@dataclass(frozen=True)
class Engine:
    """Where chunks are computed, and what watches over them; none of it changes a result.

    Args:
        executor: any executor of concurrent.futures; this process if there is none. It is not shut down.
        executor_factory: makes an executor where there is none or the one there was broke; those are shut
            down at the end. Without it the missing chunks are computed in this process.
        checkpoint: the file of chunk results.
        deadline: the instant of time.monotonic() at which the run ends like an interrupted one.
        progress: called with the share of the planned chunks that is done, from 0 to 1.

    Raises:
        SamplingError: the executor cannot take tasks, or there is nothing to call.
    """

    executor: Executor | None = None
    executor_factory: Callable[[], Executor] | None = None
    checkpoint: Checkpoint | None = None
    deadline: float = math.inf
    progress: Callable[[float], None] | None = None

    def __post_init__(self) -> None:
        if self.executor is not None and not callable(getattr(self.executor, "submit", None)):
            raise SamplingError(
                f"executor={self.executor!r:.60}",
                "it takes no tasks",
                "Give an executor of concurrent.futures, or client.get_executor() of dask.",
            )
        if self.progress is not None and not callable(self.progress):
            raise SamplingError(
                f"progress={self.progress!r:.60}",
                "it cannot be called",
                "Give a function of the share that is done.",
            )
        if self.executor_factory is not None and not callable(self.executor_factory):
            raise SamplingError(
                f"executor_factory={self.executor_factory!r:.60}",
                "it makes no executor",
                "Give a function without arguments, such as ProcessPoolExecutor.",
            )

    def late(self) -> None:
        """End the run if the deadline has passed.

        Raises:
            Late: it has.
        """
        if time.monotonic() >= self.deadline:
            raise Late


@dataclass
class Run:
    """The chunks of a few series, complete in the order of their numbers.

    Args:
        engine: who computes them.
        samplers: one for each series.
        streams: one for each series.

    Example:
        >>> class Normals:
        ...     chunk_cost = 1e6
        ...     def results(self, streams, *, chunk):
        ...         return streams.generator(chunk=chunk).normal(size=2)
        >>> with Run(Engine(), [Normals()], [Streams(7)]) as run:
        ...     first = run.prefix([3])
        >>> len(first[0]), (first[0][2] == Normals().results(Streams(7), chunk=2)).all()
        (3, np.True_)
    """

    engine: Engine
    samplers: Sequence[Sampler]
    streams: Sequence[Streams]
    planned: float = 0.0
    _done: dict[tuple[int, int], Array] = field(default_factory=dict)
    _waiting: dict[Future[list[Array]], Task] = field(default_factory=dict)
    _needed: set[tuple[int, int]] = field(default_factory=set)
    _queue: Iterator[Task] | None = None
    _executor: Executor | None = None
    _own: list[Executor] = field(default_factory=list)
    _failures: int = 0

    def __enter__(self) -> Run:
        self._payloads: dict[int, bytes | Sampler] = {}
        self._executor = self.engine.executor
        self._parallel = self._executor is not None or self.engine.executor_factory is not None
        self._restore()
        return self

    def __exit__(self, *problem: object) -> None:
        for future in self._waiting:
            future.cancel()
        for executor in self._own:
            executor.shutdown(wait=False, cancel_futures=True)
        if self.engine.checkpoint is not None:
            self.engine.checkpoint.save()

    def complete(self) -> list[list[Array]]:
        """Of every series the chunks from 0 on up to the first one that is missing."""
        return [list(self._unbroken(key)) for key in range(len(self.samplers))]

    def _unbroken(self, key: int) -> Iterator[Array]:
        chunk = 0
        while (key, chunk) in self._done:
            yield self._done[key, chunk]
            chunk += 1

    def drop(self, counts: Sequence[int]) -> None:
        """Forget chunks below these numbers, where they were merged elsewhere."""
        for key, chunk in list(self._done):
            if chunk < counts[key]:
                del self._done[key, chunk]

    def prefix(self, counts: Sequence[int], ahead: Sequence[int] = ()) -> list[list[Array]]:
        """The first chunks of every series.

        Args:
            counts: how many of each; what is missing is computed.
            ahead: how many may be begun meanwhile, so that no worker waits for a look.

        Raises:
            KeyboardInterrupt: the run was interrupted, or its deadline has passed; `complete` has the rest.
            SamplingError: a chunk cannot be computed, or the executor was shut down.
        """
        wanted = [(key, chunk) for key, count in enumerate(counts) for chunk in range(count)]
        missing = [item for item in wanted if item not in self._done]
        if self._parallel:
            further = [
                (key, chunk)
                for key, (count, more) in enumerate(zip(counts, ahead or counts, strict=True))
                for chunk in range(count, more)
            ]
            self._gather(missing, further)
        for key, chunk in missing:
            if (key, chunk) not in self._done:
                self.engine.late()
                self._keep(key, chunk, self.samplers[key].results(self.streams[key], chunk=chunk))
        return [[self._done[key, chunk] for chunk in range(count)] for key, count in enumerate(counts)]

    # ---- what is there already

    def _name(self, key: int) -> tuple[int, ...]:
        return self.streams[key].key

    def _restore(self) -> None:
        stored = self.engine.checkpoint
        if stored is None:
            return
        for key, sampler in enumerate(self.samplers):
            found = stored.of(self._name(key))
            if not found:
                continue
            first = min(found)
            if sampler.results(self.streams[key], chunk=first).tobytes() != found[first].tobytes():
                raise stored.foreign()
            self._done |= {(key, chunk): values for chunk, values in found.items()}

    def _keep(self, key: int, chunk: int, values: Array) -> None:
        self._done[key, chunk] = values
        self._needed.discard((key, chunk))
        if self.engine.checkpoint is not None:
            self.engine.checkpoint.put(self._name(key), chunk, values)
        if self.engine.progress is not None and self.planned:
            self.engine.progress(min(1.0, len(self._done) / self.planned))

    # ---- workers

    def _gather(self, missing: Sequence[tuple[int, int]], further: Sequence[tuple[int, int]]) -> None:
        """Have the missing chunks computed; leave the rest for this process if every executor breaks."""
        self._needed = {item for item in missing if item not in self._done}
        self._queue = None
        while self._needed and self._ready():
            if self._queue is None:
                running = {(key, chunk) for key, chunks in self._waiting.values() for chunk in chunks}
                left = [
                    item for item in (*missing, *further) if item not in self._done and item not in running
                ]
                self._queue = self._tasks(left)
            self._submit(self._queue)
            if self._waiting:
                self._collect()

    def _ready(self) -> bool:
        """Whether there is an executor to ask; makes a new one where one broke."""
        if self._executor is None and self.engine.executor_factory is not None and self._failures <= RESTARTS:
            self._executor = Engine(self._made(self.engine.executor_factory)).executor
            if self._executor is not None:
                self._own.append(self._executor)
        return self._executor is not None

    @staticmethod
    def _made(factory: Callable[[], Executor]) -> Executor:
        try:
            return factory()
        except Exception as problem:  # whatever a foreign function raises
            raise SamplingError(
                f"an executor from {brief(factory, 60)}",
                f"it raised {type(problem).__name__}: {brief(problem, 120)}",
                "Give a function without arguments, such as ProcessPoolExecutor.",
            ) from problem

    def _tasks(self, queue: Sequence[tuple[int, int]]) -> Iterator[Task]:
        """Consecutive chunks of a series, as many as make a task worth sending."""
        position = 0
        while position < len(queue):
            key, chunk = queue[position]
            most = max(1, int(TASK_NANOSECONDS / max(1.0, self.samplers[key].chunk_cost)))
            chunks = [chunk]
            position += 1
            while position < len(queue) and len(chunks) < most and queue[position] == (key, chunks[-1] + 1):
                chunks.append(queue[position][1])
                position += 1
            yield key, tuple(chunks)

    def _submit(self, queue: Iterator[Task]) -> None:
        while len(self._waiting) < IN_FLIGHT and self._executor is not None:
            if (task := next(queue, None)) is None:
                return
            key, chunks = task
            seed, name = self.streams[key].seed, self.streams[key].key
            try:
                future = self._executor.submit(_work, self._payload(key), seed, name, chunks)
            except BrokenExecutor as problem:
                self._broke(problem)
                return
            except RuntimeError as problem:
                raise SamplingError(
                    f"a run on {type(self._executor).__name__}",
                    f"it takes no tasks ({problem})",
                    "Give an executor that has not been shut down.",
                ) from problem
            self._waiting[future] = task

    def _payload(self, key: int) -> bytes | Sampler:
        if key not in self._payloads:
            try:
                self._payloads[key] = pickle.dumps(self.samplers[key])
            except Exception as problem:  # whatever a foreign object's reduction raises
                if "Thread" not in type(self._executor).__name__:
                    raise SamplingError(
                        "a run on other processes",
                        f"its expression cannot be sent there ({problem})",
                        "Define its functions and classes in a module, or use threads.",
                    ) from problem
                self._payloads[key] = self.samplers[key]
        return self._payloads[key]

    def _collect(self) -> None:
        self.engine.late()
        left = self.engine.deadline - time.monotonic()
        finished, _ = wait(self._waiting, min(POLL, max(0.0, left)), FIRST_COMPLETED)
        for future in finished:
            key, chunks = self._waiting.pop(future)
            try:
                results = future.result()
            except (BrokenExecutor, CancelledError) as problem:
                self._broke(problem)
                return
            except Exception as problem:
                if type(problem).__module__.partition(".")[0] not in {"distributed", "dask"}:
                    raise
                self._broke(problem)
                return
            self._failures = 0
            for chunk, values in zip(chunks, results, strict=True):
                self._keep(key, chunk, values)

    def _broke(self, problem: BaseException) -> None:
        """Forget what was under way; the same executor gets another chance unless it is dead for good."""
        log.warning("a worker was lost (%s); its chunks are computed again", type(problem).__name__)
        for future, (key, chunks) in list(self._waiting.items()):
            if future.done() and not future.cancelled() and future.exception() is None:
                for chunk, values in zip(chunks, future.result(), strict=True):
                    self._keep(key, chunk, values)
            future.cancel()
        self._waiting.clear()
        self._queue = None
        self._failures += 1
        if isinstance(problem, BrokenExecutor) or self._failures > RESTARTS:
            self._executor = None


_loaded = threading.local()


def _work(payload: bytes | Sampler, seed: int, key: tuple[int, ...], chunks: Sequence[int]) -> list[Array]:
    """Compute chunks in a worker. Every thread has its own copy: a foreign law may keep a state."""
    if multiprocessing.parent_process() is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that waits decides what an interrupt means
    sampler: Any = payload
    if isinstance(payload, bytes):
        if getattr(_loaded, "payload", None) != payload:
            _loaded.payload, _loaded.sampler = payload, pickle.loads(payload)
        sampler = _loaded.sampler
    streams = Streams(seed, *key)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        return [sampler.results(streams, chunk=chunk) for chunk in chunks]
