"""The settings of a check: what may be asked, and under which premise."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from numbers import Real
from typing import Literal, TypeAlias

from varprop.errors import CheckError, brief
from varprop.simulation.panel import COUPLINGS, Coupling
from varprop.simulation.premises import Asymptotic, Bounded, KurtosisBound, Premise
from varprop.simulation.trials import MOST_SECONDS

__all__ = ["PremiseLike", "number", "premise_of", "seconds", "validated", "watched"]

LARGEST = 1e300

COARSEST = 1.5
"""An agreement within a larger factor would say next to nothing; within the factor 2, nothing of a zero."""

PremiseLike: TypeAlias = Literal["asymptotic", "bounded"] | str | KurtosisBound | Bounded


def number(value: object, asked: str, missing: str, remedy: str, above: float, most: float) -> float:
    """A real number above one bound and at most another, of any type that stands for one.

    Example:
        >>> import numpy as np
        >>> number(np.float32(0.5), "check with power=0.5", "it is a probability", "Choose 0.999.", 0, 1)
        0.5

    Raises:
        CheckError: it is none, with the words given.
    """
    if type(value) is not bool and isinstance(value, Real):
        with suppress(OverflowError):
            found = float(value)
            if above < found <= most:
                return found
    raise CheckError(asked, missing, remedy)


def seconds(value: object, call: str, name: str, most: float = MOST_SECONDS) -> float:
    """A budget or a deadline.

    Raises:
        CheckError: it is no positive number.
    """
    asked, missing = f"{call} with {name}={brief(value, 40)}", "it is no number of seconds above 0"
    if most < LARGEST:
        missing += f" and at most {most:g}"
    return number(value, asked, missing, f"Write {name}=2, for example.", 0.0, most)


def validated(resolution: float, power: float, alpha: float, couplings: Sequence[Coupling]) -> None:
    """Refuse settings that mean nothing.

    Raises:
        CheckError: a number is out of range, or a coupling is not known.
    """
    for name, value in (("resolution", resolution), ("power", power), ("alpha", alpha)):
        asked, remedy = f"check with {name}={brief(value, 40)}", f"Leave out {name}, or give one."
        number(value, asked, "it is no finite number", remedy, -LARGEST, LARGEST)
    if not 1 < resolution <= COARSEST:
        raise CheckError(
            f"check with resolution={resolution:g}",
            f"it is a factor off the claim, above 1 and at most {COARSEST:g}",
            "Write 1.02 for two percent.",
        )
    for name, value in (("power", power), ("alpha", alpha)):
        if not 0 < value < 1:
            raise CheckError(f"check with {name}={value:g}", "it is a probability", f"Choose 0 < {name} < 1.")
    if (
        not isinstance(couplings, (tuple, list))
        or not couplings
        or any(coupling not in COUPLINGS for coupling in couplings)
    ):
        raise CheckError(
            f"check with couplings={brief(couplings, 60)}",
            "it is no tuple of known couplings",
            f"Choose from {', '.join(map(repr, COUPLINGS))}.",
        )


def watched(panel: object, **called: object) -> None:
    """Refuse a panel that is not known, and what cannot be called.

    Raises:
        CheckError: it is one of these.
    """
    if panel not in ("full", "short"):
        raise CheckError(
            f"check with panel={brief(panel, 40)}", "it is no panel", "Choose 'full' or 'short'."
        )
    for name, value in called.items():
        if value is not None and not callable(value):
            raise CheckError(
                f"check with {name}={brief(value, 40)}", "it cannot be called", "Give a function."
            )


def premise_of(premise: object) -> Premise:
    """What limits shall rest on, from a premise or its name.

    Example:
        >>> premise_of("kurtosis <= 15")
        KurtosisBound(kurtosis=15.0)

    Raises:
        CheckError: it is none of the three premises.
    """
    if isinstance(premise, str):
        name, _, number = premise.partition("<=" if "<=" in premise else "width")
        if name in ("asymptotic", "bounded") and not number:
            return Asymptotic() if name == "asymptotic" else Bounded()
        with suppress(ValueError):
            if name == "kurtosis ":
                return KurtosisBound(float(number))
            if name == "bounded, ":
                return Bounded(float(number))
    if isinstance(premise, KurtosisBound | Bounded):
        return premise
    raise CheckError(
        f"check with premise={brief(premise, 60)}",
        "it is no premise",
        'Choose "asymptotic", KurtosisBound(K) with a kurtosis K that you can state, or Bounded().',
    )
