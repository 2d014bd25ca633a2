"""The examples in README.md and docs/ are tests."""

from importlib.util import find_spec
from typing import Any

from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser, SkipParser


def say_what_is_missing(namespace: dict[str, Any]) -> None:
    """Let pages skip an example where a framework is not installed."""
    namespace["missing"] = lambda framework: find_spec(framework) is None


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()],
    patterns=["README.md", "docs/*.md", "docs/**/*.md"],
    setup=say_what_is_missing,
    excludes=["docs/_build/**", "docs/reference_pages/**"],
).pytest()
