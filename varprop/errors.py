"""The one tree of errors: what was asked, what is missing, what would grant it."""

from __future__ import annotations

import re

__all__ = [
    "CheckError",
    "DerivationError",
    "ExpressionError",
    "LawError",
    "MomentError",
    "ParameterError",
    "ParseError",
    "SamplingError",
    "VarpropError",
    "WorkLimitError",
    "brief",
    "shortened",
]


LONGEST = 1500
LONGEST_WORD = 70
"""A longer part of a message, and a longer word in it, is cut in the middle."""


def shortened(text: str) -> str:
    """Return a text for a message: long words and long texts lose their middle.

    Example:
        >>> shortened("x" * 5000 + " is no number")
        'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx is no number'
    """
    side, half = LONGEST_WORD // 2 - 2, LONGEST // 2
    text = re.sub(rf"\S{{{LONGEST_WORD + 1},}}", lambda word: f"{word[0][:side]}...{word[0][-side:]}", text)
    return text if len(text) <= LONGEST else f"{text[:half]} ... {text[-half:]}"


def brief(value: object, width: int = 80) -> str:
    """Return any object as a short text for a message.

    Args:
        value: what was given; its own text may fail, as that of a number of 5,000 digits does.
        width: the most characters.

    Examples:
        >>> brief(10**5000), brief("Normal(variance=1)", 8)
        ('a value of type int', "'Normal(")
    """
    try:
        return repr(value)[:width]
    except Exception:
        return f"a value of type {type(value).__name__}"


class VarpropError(Exception):
    """The root of every error that varprop raises on purpose.

    Args:
        asked: what was asked, and of which object.
        missing: why it cannot be given; may be empty.
        remedy: what would grant it; may be empty.
    """

    def __init__(self, asked: str, missing: str = "", remedy: str = "") -> None:
        self.asked, self.missing, self.remedy = asked, missing, remedy
        message = ": ".join(shortened(part) for part in (asked, missing) if part)
        super().__init__(f"{message}. {remedy}" if remedy else message)

    def __reduce__(self) -> tuple[type[VarpropError], tuple[str, str, str]]:
        return type(self), (self.asked, self.missing, self.remedy)


class ParameterError(VarpropError, ValueError):
    """A parameter has the wrong type or lies outside its domain."""


class ParseError(VarpropError, ValueError):
    """A text is not in the small language that varprop reads."""


class MomentError(VarpropError):
    """A moment does not exist, or was not declared."""


class ExpressionError(VarpropError):
    """An expression of random variables is malformed or ambiguous."""


class DerivationError(VarpropError):
    """No rule covers what was asked."""


class WorkLimitError(DerivationError):
    """The derivation exists but would exceed a stated bound on work."""


class SamplingError(VarpropError):
    """An expression cannot be simulated as asked."""


class CheckError(VarpropError):
    """A claim cannot be put to the test as asked."""


class LawError(VarpropError):
    """An exact law, or a bound on it, cannot be given as asked."""
