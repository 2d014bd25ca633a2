"""Exact laws of results: densities, probabilities, tails; and bounds for inputs of unknown distribution."""

from varprop.laws.asking import law
from varprop.laws.digits import Digits, DigitsArray
from varprop.laws.law import Law

__all__ = ["Digits", "DigitsArray", "Law", "law"]
