"""`answer`: a question of learners, by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from varprop.errors import ParameterError
from varprop.model.calls import explained
from varprop.questions.cancellation import cancellation
from varprop.questions.statements import Answer
from varprop.questions.vanishing import vanishing

__all__ = ["QUESTIONS", "answer"]

QUESTIONS: dict[str, Callable[..., Answer]] = {"cancellation": cancellation, "vanishing": vanishing}


@explained
def answer(question: str, **parameters: Any) -> Answer:
    """Answer a question of learners in statements, each with a formula, numbers and evidence.

    Args:
        question: "cancellation" (signs cancel: why must each w_i x_i be small?) or "vanishing" (why do
            small products not make the gradients vanish?).
        parameters: of `cancellation` and `vanishing`: n, weights, inputs, data, depth, activation ...

    Raises:
        ParameterError: no such question or parameter, or one outside its domain.

    Example:
        >>> found = answer("cancellation", n=10, samples=20_000, budget=0.05)
        >>> found.statements[0].number, found["four numbers, given their sizes"].verdict
        (1, 'agrees')
    """
    if question not in QUESTIONS:
        raise ParameterError(
            f"answer({question!r:.40})", "no such question", f"Choose from {', '.join(QUESTIONS)}."
        )
    try:
        return QUESTIONS[question](**parameters)
    except TypeError as error:
        if "unexpected keyword" not in str(error):
            raise
        raise ParameterError(
            f"answer({question!r}, ...)", str(error).split("() ")[-1], "See its help."
        ) from None
