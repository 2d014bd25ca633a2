"""Chunk results on disk, by number: a run that was killed goes on to the same bits."""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from varprop.errors import SamplingError
from varprop.simulation.fingerprint import fingerprint

__all__ = ["Checkpoint"]

Array = NDArray[np.float64]
Key = tuple[int, ...]

MAGIC = b"varprop checkpoint 1\n"
SAVE_EVERY = 1.0
"""Seconds between two writes of a file; they decide what a killed run loses, never what it finds."""
SHARE = 0.05
"""The share of the time that writing may take."""


class Checkpoint:
    """A file of chunk results that belongs to one run, written whole to a second file and renamed.

    Args:
        path: the file; made if there is none, continued if it belongs to this run.
        identity: all that fixes the bits of the run: what is estimated, seed, plan.

    Raises:
        SamplingError: the file cannot be written, is no checkpoint, is damaged, or belongs to another run or
            to a machine of other arithmetic.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "run"
        >>> first = Checkpoint(path, "seed 7")
        >>> first.put((0, 1), 5, np.arange(3.0))
        >>> first.save()
        >>> Checkpoint(path, "seed 7").of((0, 1))
        {5: array([0., 1., 2.])}
    """

    def __init__(self, path: str | os.PathLike[str], identity: str) -> None:
        try:
            self.path = Path(path)
        except TypeError as problem:
            raise SamplingError(
                f"checkpoint={path!r:.60}", "it is no path", "Give the name of a file."
            ) from problem
        self.identity = hashlib.sha256(identity.encode()).hexdigest()
        self._chunks: dict[tuple[Key, int], Array] = {}
        self._saved, self._dirty, self._writing = time.monotonic(), False, 0.0
        try:
            os.stat(self.path)
            there = True
        except FileNotFoundError:
            there = False
        except (OSError, ValueError):  # a name that is too long, or holds a null character
            self._refuse("it is no name of a file", "Choose another name.")
        if there and not self.path.is_file():
            self._refuse("it is no file", "Choose another name.")
        if there:
            self._load()
        self.save()  # a file that cannot be written is better known now than after an hour

    def of(self, key: Key) -> dict[int, Array]:
        """The results of one series by number."""
        return {chunk: values for (other, chunk), values in self._chunks.items() if other == key}

    def put(self, key: Key, chunk: int, values: Array) -> None:
        """Keep the result of one chunk, and write the file if the last time was a while ago."""
        self._chunks[key, chunk] = np.ascontiguousarray(values, dtype=np.float64)
        self._dirty = True
        if time.monotonic() - self._saved > max(SAVE_EVERY, self._writing / SHARE):
            self.save()

    def save(self) -> None:
        """Write the file: all of it, or nothing.

        Raises:
            SamplingError: it cannot be written.
        """
        if not self._dirty and self.path.exists():
            return
        started = time.monotonic()
        entries = [[list(key), chunk, list(values.shape)] for (key, chunk), values in self._chunks.items()]
        header = {"identity": self.identity, "fingerprint": fingerprint(), "entries": entries}
        body = json.dumps(header, separators=(",", ":")).encode() + b"\n"
        body += b"".join(values.astype("<f8").tobytes() for values in self._chunks.values())
        digest = hashlib.sha256(body).hexdigest().encode()
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}.part")
        try:
            with open(beside, "wb") as file:
                file.write(MAGIC + digest + b"\n" + body)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, self.path)
        except OSError as problem:
            with suppress(OSError):
                beside.unlink()
            raise SamplingError(
                f"checkpoint {self.path}",
                f"it cannot be written ({problem.strerror})",
                "Choose another file.",
            ) from problem
        self._saved, self._dirty = time.monotonic(), False
        self._writing = self._saved - started

    def _load(self) -> None:
        try:
            content = self.path.read_bytes()
        except OSError as problem:
            raise SamplingError(
                f"checkpoint {self.path}", f"it cannot be read ({problem.strerror})", "Choose another file."
            ) from problem
        if not content.startswith(MAGIC):
            self._refuse("it is no checkpoint", "Choose another file; this one is left as it is.")
        digest, _, body = content[len(MAGIC) :].partition(b"\n")
        if hashlib.sha256(body).hexdigest().encode() != digest:
            self._refuse("it is damaged", "Delete it to begin anew.")
        head, _, data = body.partition(b"\n")
        try:
            self._read(json.loads(head), data)
        except (ValueError, KeyError, TypeError, AttributeError):
            self._refuse("it is damaged", "Delete it to begin anew.")

    def _read(self, header: dict[str, Any], data: bytes) -> None:
        if header["identity"] != self.identity:
            self._refuse(
                "it belongs to another run: another claim, seed, plan or version",
                "Choose another file; this one is left as it is.",
            )
        if header["fingerprint"] != fingerprint():
            self._refuse(
                "it was written on a machine of other arithmetic, and bits would mix",
                "Continue there, or begin anew with another file.",
            )
        numbers, start = np.frombuffer(data, dtype="<f8"), 0
        for key, chunk, shape in header["entries"]:
            size = math.prod(shape)
            values = numbers[start : start + size].reshape(shape)
            self._chunks[tuple(key), chunk] = values.astype(np.float64)
            start += size

    def _refuse(self, missing: str, remedy: str) -> NoReturn:
        raise SamplingError(f"checkpoint {self.path}", missing, remedy)

    def foreign(self) -> SamplingError:
        """The error of a file whose chunks do not repeat."""
        return SamplingError(
            f"checkpoint {self.path}",
            "its first chunk does not repeat, so it belongs to another run",
            "Choose another file; this one is left as it is.",
        )
