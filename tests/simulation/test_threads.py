"""Samples have the same bits whatever the number of BLAS threads, which is left as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from varprop.simulation.threads import one_blas_thread

CODE = (
    "import hashlib, varprop as vp\n"
    "from varprop.simulation.fingerprint import fingerprint\n"
    "z = vp.dot(weights=vp.Normal(), inputs=vp.Normal(), fan_in=300)\n"
    "double = vp.estimate(vp.Variance(z + z**2), seed=1, method='crossed', relative_error=0.02)\n"
    "single = vp.estimate(vp.Variance(z), seed=1, method='crossed', relative_error=0.005)\n"
    "print(double.value.hex(), single.value.hex(), fingerprint())\n"
)


def blas_threads() -> list[int]:
    return [found["num_threads"] for found in threadpool_info() if found["user_api"] == "blas"]


def test_bits_do_not_depend_on_the_number_of_threads() -> None:
    seen = set()
    for threads in ("1", "2", "3"):
        environment = os.environ | {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        command = [sys.executable, "-c", CODE]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True, timeout=300
        )
        seen.add(done.stdout)
    assert len(seen) == 1


def test_the_last_to_leave_restores_the_number_of_threads() -> None:
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        first, second = one_blas_thread(), one_blas_thread()
        first.__enter__()
        second.__enter__()
        assert set(blas_threads()) == {1}
        first.__exit__(None, None, None)
        assert set(blas_threads()) == {1}
        second.__exit__(None, None, None)
        assert blas_threads() == before and set(before) == {2}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")
def test_a_child_that_is_forked_inside_begins_outside() -> None:
    with threadpool_limits(2, user_api="blas"), one_blas_thread():
        child = os.fork()
        if child == 0:
            found = blas_threads()
            with one_blas_thread():
                inside = blas_threads()
            os._exit(int(not (set(found) == {2} == set(blas_threads()) and set(inside) == {1})))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_any_thread_may_set_it_whoever_set_it_before() -> None:
    def inside() -> set[int]:
        with one_blas_thread():
            return set(blas_threads())

    with threadpool_limits(2, user_api="blas"), ThreadPoolExecutor(1) as pool:
        for _ in range(2):
            assert inside() == pool.submit(inside).result() == {1}
            assert set(blas_threads()) == {2}


def test_an_error_restores_it_too() -> None:
    before = blas_threads()
    with pytest.raises(ZeroDivisionError), one_blas_thread():
        print(1 // 0)
    assert blas_threads() == before
