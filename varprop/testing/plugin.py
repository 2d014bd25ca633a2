"""The pytest plugin: the option `--varprop-seed`, the fixture `varprop_testing`, a line in the summary."""

from __future__ import annotations

from typing import Any

import pytest

import varprop.testing
from varprop.testing.session import SESSION

__all__ = ["pytest_addoption", "pytest_configure", "pytest_terminal_summary", "varprop_testing"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for the seed."""
    parser.getgroup("varprop").addoption(
        "--varprop-seed",
        type=int,
        default=0,
        metavar="SEED",
        help="seed of variance assertions that name none (default: %(default)s)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start the session from the seed."""
    SESSION.seed = config.getoption("--varprop-seed")
    SESSION.claims, SESSION.alpha = 0, 0.0


@pytest.fixture
def varprop_testing() -> Any:
    """Everything in `varprop.testing`, without an import: assertions, errors and `strategies`."""
    return varprop.testing


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many claims were tested, and how likely a true one of them was to fail."""
    if SESSION.claims:
        terminalreporter.write_line(
            f"varprop: {SESSION.claims} claims tested with seed {SESSION.seed};"
            f" if all were true, one fails with probability <= {min(1.0, SESSION.alpha):.2g}"
        )
