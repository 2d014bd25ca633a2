"""One hash for one process, threads, processes and a cluster that loses a worker; a killed run goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("engines.py")
LIMIT = 300


@cache
def serial() -> str:
    return run("serial")


def run(*arguments: str) -> str:
    command = [sys.executable, str(SCRIPT), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["processes", "killed"])
def test_every_engine_finds_the_same_bits(engine: str) -> None:
    assert run(engine) == serial()
    assert serial().startswith("agrees")


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    path = tmp_path / "run"
    command = [sys.executable, str(SCRIPT), "dying", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert (done.stdout, done.returncode) == ("", -signal.SIGKILL)
    kept = path.stat().st_size
    assert run("serial", str(path)) == serial()
    assert path.stat().st_size > kept


@pytest.mark.slow
def test_an_interrupt_of_processes_leaves_no_traceback() -> None:
    code = (
        "import os, signal, varprop as vp\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # the tests may run where it is ignored
        "from concurrent.futures import ProcessPoolExecutor\n"
        "def stop(share):\n"
        "    if share > 0.01:\n"
        "        os.killpg(0, signal.SIGINT)\n"
        "if __name__ == '__main__':\n"
        "    z = vp.neuron(weights='Normal(variance=1/n)', inputs='Normal()', fan_in='n')\n"
        "    with ProcessPoolExecutor(2) as pool:\n"
        "        pool.submit(int).result()\n"
        "        claim = vp.Equal(vp.Variance(z), 1)\n"
        "        settings = {'at': {'n': 64}, 'resolution': 1.001, 'budget': 60}\n"
        "        found = vp.check(claim, executor=pool, progress=stop, **settings)\n"
        "    print(found.interrupted, found.claims[0].look > 0, found.claims[0].blocks > 0)\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=LIMIT, check=False, start_new_session=True
    )
    assert done.stdout.split() == ["True", "True", "True"], done.stderr
    assert "Traceback" not in done.stderr
