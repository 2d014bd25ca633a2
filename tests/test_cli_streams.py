"""The command and its streams: full disks, closed pipes, interruptions."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import varprop as vp
from varprop.cli import main, main_job as bare, neurons, reporting

COMMAND = [sys.executable, "-m", "varprop"]


BREAKING = ["derive --json", "--help", "nonsense --json"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize("arguments", BREAKING)
def test_a_full_disk_is_an_error(arguments: str) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [*COMMAND, *arguments.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr
        assert "No space left on device" in done.stderr
        silent = subprocess.run(
            [*COMMAND, *arguments.split()], stdout=full, stderr=full, check=False, timeout=120
        )
        assert silent.returncode == 2


@pytest.mark.skipif(os.name == "nt", reason="a shell")
@pytest.mark.parametrize(
    ("arguments", "code"), [("derive", 2), ("--version", 0), ("derive --fan-in 0", 2), ("nonsense", 2)]
)
def test_closed_streams_are_no_traceback(arguments: str, code: int) -> None:
    shell = f'"{sys.executable}" -m varprop {arguments}'
    done = subprocess.run(
        f"{shell} >&-", shell=True, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert subprocess.run(f"{shell} >&- 2>&-", shell=True, check=False, timeout=120).returncode == code


class Abandoned(io.StringIO):
    """A pipe whose reader has gone."""

    def flush(self) -> None:
        raise BrokenPipeError


def test_an_abandoned_main_job_stops_and_claims_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def explain(thing: Any, title: str) -> Any:
        asked.append(title)
        return vp.explain(thing, budget=0.05)

    monkeypatch.setattr(bare, "CASES", bare.CASES[:2])
    monkeypatch.setattr(bare, "explain_with_progress", explain)
    monkeypatch.setattr(sys, "stdout", Abandoned())
    assert main([]) == 3
    assert len(asked) == 1


def test_an_error_after_an_interruption_is_an_interruption(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> int:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("half imported") from None
        return 0

    monkeypatch.setattr(neurons, "quantity_of", broken)
    assert main(["derive"]) == 130
    assert capsys.readouterr().err == "varprop: interrupted\n"


class Held:
    """Interrupted where Python drops what is raised."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def test_an_interruption_that_python_swallows_comes_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def busy(*_: object) -> int:
        Held()
        for _ in range(1000):
            time.sleep(0.01)
        return 0

    monkeypatch.setattr(neurons, "quantity_of", busy)
    assert main(["derive", "--json"]) == 130
    printed = capsys.readouterr()
    assert printed.err == "varprop: interrupted\n"
    assert json.loads(printed.out)["error"]["kind"] == "Interrupted"


def test_interrupted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    def again(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(neurons, "quantity_of", again)
    monkeypatch.setattr(reporting.Output, "failed", again)
    assert main(["derive"]) == 130


def test_from_another_thread() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(main, ["derive", "--json"]).result() == 0


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("sign", ["derived and checked", "Result: "])
def test_interrupting_is_clean(sign: str) -> None:
    """Both while the libraries are imported and while a check runs."""
    process = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while sign not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert errors == "varprop: interrupted\n"
    assert process.returncode == 130


def test_a_closed_pipe_is_no_error() -> None:
    process = subprocess.Popen(
        [*COMMAND, "derive"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
