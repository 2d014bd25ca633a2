"""Hypothesis profiles: few examples while working, many and the same ones in CI; frameworks."""

import importlib.util
import os
from collections.abc import Callable

import pytest
from hypothesis import settings

settings.register_profile("dev", max_examples=20, deadline=None)
settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture
def need() -> Callable[[str], None]:
    """Skip where a framework is not installed; fail where VARPROP_FRAMEWORKS says that it must be."""

    def check(framework: str) -> None:
        if importlib.util.find_spec(framework) is None:
            if os.environ.get("VARPROP_FRAMEWORKS"):
                pytest.fail(f"{framework} is not installed")
            pytest.skip(f"{framework} is not installed")

    return check
