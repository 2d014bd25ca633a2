"""The words of a lecture on weight initialization as results."""

from __future__ import annotations

import difflib
import inspect
from typing import Any

from varprop.errors import ParameterError
from varprop.questions.lessons import Lesson
from varprop.questions.multipliers import Multiplier, StartingPoint
from varprop.questions.rules_of_thumb import AnotherVersion, OneForTanh, TheRoot, TwoForRelu

__all__ = ["LESSONS", "lesson"]

LESSONS: dict[str, type[Lesson]] = {
    "root": TheRoot,
    "tanh": OneForTanh,
    "relu": TwoForRelu,
    "bengio": AnotherVersion,
    "multiplier": Multiplier,
    "starting_point": StartingPoint,
}
"""What can be asked, in the order of the lecture."""


def lesson(topic: str, **parameters: Any) -> Lesson:
    """Return what stands behind a sentence of the lectures on initialization, derived and in numbers.

    "root": why randn times sqrt(2/n); "tanh": why 1/n, and why the signal still fades; "relu": why 2/n;
    "bengio": what 2/(n_in + n_out) is for; "multiplier": what a factor on the weights does over depth;
    "starting_point": how far it may be off.

    Args:
        topic: one of these.
        **parameters: n_out and n_in, depth, activation, m, within, q, as far as the topic has them.

    Returns:
        A Lesson: statement, derivation, number, `table()`, `plot()`, `document()`.

    Raises:
        ParameterError: no such topic or parameter, or a value outside its domain.

    Example:
        >>> lesson("relu").number
        2/n
        >>> lesson("starting_point", depth=3).number
        10**(1/6)
        >>> float(lesson("multiplier", m=1.1, depth=5, activation="tanh").number) < 1.1**10
        True

    Source: Ng, Deep Learning, course 2, week 1, "Weight initialization for deep networks"; He, Zhang, Ren,
    Sun 2015; Glorot, Bengio 2010.
    """
    kind = LESSONS.get(topic) if isinstance(topic, str) else None
    if kind is None:
        close = difflib.get_close_matches(str(topic), LESSONS, n=1)
        remedy = f"Did you mean {close[0]!r}?" if close else f"The topics are {', '.join(LESSONS)}."
        raise ParameterError(f"lesson {topic!r:.40}", "there is none of this name", remedy)
    known = list(inspect.signature(kind).parameters)
    unknown = [name for name in parameters if name not in known]
    if unknown:
        missing = f"it has no parameter {unknown[0]:.40}"
        raise ParameterError(f"lesson {topic!r}", missing, f"It takes {', '.join(known)}.")
    return kind(**parameters)
