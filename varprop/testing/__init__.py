"""Tests of variance claims for other people's projects: assertions, Hypothesis strategies, a pytest plugin.

Nothing is imported before its first use: every pytest run in the environment opens this door.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from varprop.testing import strategies as strategies
    from varprop.testing.assertions import (
        assert_agrees as assert_agrees,
        assert_mean as assert_mean,
        assert_preserves as assert_preserves,
        assert_second_moment as assert_second_moment,
        assert_variance as assert_variance,
    )
    from varprop.testing.draws import (
        DrawError as DrawError,
    )
    from varprop.testing.findings import (
        Disagreement as Disagreement,
        Finding as Finding,
        Undecided as Undecided,
    )

_NAMES = {
    "assertions": "assert_agrees assert_mean assert_preserves assert_second_moment assert_variance",
    "draws": "DrawError",
    "findings": "Disagreement Finding Undecided",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = list(_HOME)


def __getattr__(name: str) -> object:
    if name == "strategies":
        return import_module(f"{__name__}.strategies")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME, "strategies"})
