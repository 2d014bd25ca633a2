"""Arrays from a stranger's `draw(seed)`: called with many seeds, and never trusted."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from varprop.errors import SamplingError
from varprop.simulation.streams import seed_words

__all__ = ["Draw", "DrawError", "Draws"]

Array: TypeAlias = NDArray[np.float64]
Draw: TypeAlias = Callable[[int], Any]

SEEDS = 2**31
"""Every framework takes a seed below it."""
_STRIDE = 1_103_515_245  # odd, so that all seeds of one run are different


class DrawError(SamplingError, AssertionError):
    """A `draw(seed)` does not keep the contract: finite arrays of one shape that depend on the seed alone."""


@dataclass
class Draws:
    """The arrays of one `draw`, each from a seed of its own.

    Args:
        draw: maps a seed, an integer from 0 to 2^31 - 1, to an array of floats.
        seed: any integer; fixes all the seeds that are used.
        label: what is claimed, so that two claims under one seed use different draws.

    Raises:
        DrawError: the draws are not arrays of finite real numbers of one shape, ignore the seed, do not
            repeat with it, or change the state of a global generator.

    Example:
        >>> draws = Draws(lambda seed: np.random.default_rng(seed).normal(size=3), seed=7)
        >>> draws.shape, draws[0].shape
        ((3,), (3,))
    """

    draw: Draw
    seed: int = 0
    label: str = ""
    shape: tuple[int, ...] = field(init=False)
    constant: bool = field(init=False)

    def __post_init__(self) -> None:
        if not callable(self.draw):
            raise DrawError(
                f"draw={self.draw!r:.60}", "it is not callable", "Give a function draw(seed) -> array."
            )
        words = [*seed_words(self.seed), *self.label.encode()]
        self._start = int(np.random.SeedSequence(words).generate_state(1)[0])
        with _global_generators_at_rest():
            first = self._called(0)
            again, other = self._called(0), self._called(1)
        self._kept = {0: first, 1: other}
        self.shape = first.shape
        if first.size == 0:
            raise self._refused(
                f"it returned an array of shape {first.shape}", "Choose a shape without zeros"
            )
        self.constant = bool((first == first.flat[0]).all())
        if not np.array_equal(first, again):
            raise self._refused("one seed gave two different arrays", "Take all randomness from the seed")
        if np.array_equal(first, other) and not self.constant:
            raise self._refused("two seeds gave one array: the seed is ignored", "Pass it to the generator")

    def __getitem__(self, number: int) -> Array:
        """The array of a number, always the same one."""
        drawn = self._kept[number] if number in self._kept else self._called(number)
        if drawn.shape != self.shape:
            raise self._refused(f"it returned shapes {self.shape} and {drawn.shape}", "Return one shape")
        return drawn

    def seed_of(self, number: int) -> int:
        """The seed behind an array."""
        return (self._start + number * _STRIDE) % SEEDS

    def _called(self, number: int) -> Array:
        given = self.draw(self.seed_of(number))
        drawn = self._array(given)
        if drawn.dtype.kind not in "biuf":
            raise self._refused(f"it returned {type(given).__name__} of {drawn.dtype}", "Return real numbers")
        numbers = drawn.astype(np.float64)
        if not np.isfinite(numbers).all():
            bad = "nan" if np.isnan(numbers).any() else "inf"
            raise self._refused(f"it returned {bad} for seed {self.seed_of(number)}", "Mend the initializer")
        return numbers

    def _array(self, given: Any) -> NDArray[Any]:
        """A torch parameter is taken without its gradient, and bfloat16, which NumPy lacks, as float32."""
        if callable(getattr(given, "detach", None)):
            given = given.detach().cpu()
            given = given.float() if "bfloat16" in str(given.dtype) else given
        try:
            drawn = np.asarray(given)
        except ValueError as error:
            raise self._refused(f"it returned no array: {error}", "Return one shape") from None
        return drawn.astype(np.float64) if drawn.dtype.name == "bfloat16" else drawn

    def _refused(self, missing: str, remedy: str) -> DrawError:
        name = getattr(self.draw, "__qualname__", type(self.draw).__name__)
        return DrawError(f"draws of {name}", missing, f"{remedy}.")


@contextmanager
def _global_generators_at_rest() -> Iterator[None]:
    """Raise if what runs inside moves a global generator."""
    before = _states()
    yield
    moved = [name for name, state in _states().items() if before.get(name) != state]
    if moved:
        raise DrawError(
            "draws of an initializer",
            f"it changed the state of the global generator of {' and '.join(moved)}",
            "Make a generator from the seed, such as np.random.default_rng(seed), and draw from that; layers"
            " of torch take none: build them inside `with torch.random.fork_rng():`.",
        )


def _states() -> dict[str, object]:
    kind, keys, *rest = np.random.get_state(legacy=True)
    states: dict[str, object] = {
        "random": random.getstate(),
        "numpy.random": (kind, np.asarray(keys).tobytes(), *rest),
    }
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_rng_state"):
        states["torch"] = bytes(torch.get_rng_state().numpy())
    return states
