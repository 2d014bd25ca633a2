"""Hypothesis profiles: few examples while working, many and the same ones in CI; bounds; frameworks."""

import cProfile
import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from hypothesis import settings

settings.register_profile("dev", max_examples=20, deadline=None)
settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@contextmanager
def at_most_calls(most: int) -> Iterator[None]:
    """Hold work to a number of calls of Python functions: a bound that no machine's speed moves."""
    with cProfile.Profile(builtins=False) as profile:
        yield
    made = sum(entry.callcount for entry in profile.getstats())
    assert made <= most, f"{made} calls of functions, more than {most}"


@pytest.fixture
def at_most() -> Callable[[int], AbstractContextManager[None]]:
    """Give the bound of work to a test: `with at_most(calls): ...`."""
    return at_most_calls


@pytest.fixture
def need() -> Callable[[str], None]:
    """Skip where a framework is not installed; fail where VARPROP_FRAMEWORKS says that it must be."""

    def check(framework: str) -> None:
        if importlib.util.find_spec(framework) is None:
            if os.environ.get("VARPROP_FRAMEWORKS"):
                pytest.fail(f"{framework} is not installed")
            pytest.skip(f"{framework} is not installed")

    return check
