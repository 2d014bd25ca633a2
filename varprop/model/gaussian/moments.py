"""Moments of an activation of one normal variable."""

from __future__ import annotations

from typing import Any

from varprop.model.activations.base import Activation
from varprop.model.gaussian.spread import GaussianValue, Question

__all__ = ["curvature", "fourth_moment", "mean", "second_moment", "slope_second_moment", "variance"]


def mean(phi: Activation | str, mean: Any, std: Any) -> GaussianValue:
    """E phi(X) for X of N(mean, std^2).

    Args:
        phi: an activation, or its name.
        mean: the mean; a number or an array.
        std: the standard deviation, from 0 on; a number or an array of a shape that fits.

    Raises:
        MomentError: phi(X) has no such moment.
        ParameterError: a mean or a std is no finite number, or a std is negative.

    Example:
        >>> from varprop.model import gaussian
        >>> found = gaussian.mean("softplus", [0.0, 1.0], 1.0)
        >>> found.value.round(12).tolist(), found.precision
        ([0.806059183347, 1.406856283088], 'estimate')
    """
    return Question(phi, mean, std).answer("mean")


def second_moment(phi: Activation | str, mean: Any, std: Any) -> GaussianValue:
    """E phi(X)^2 for X of N(mean, std^2); arguments and errors as for `mean`.

    Example:
        >>> from varprop.model import gaussian
        >>> round(float(gaussian.second_moment("tanh", 0, 1)), 14)
        0.39429449039784
    """
    return Question(phi, mean, std).answer("second moment")


def fourth_moment(phi: Activation | str, mean: Any, std: Any) -> GaussianValue:
    """E phi(X)^4 for X of N(mean, std^2); arguments and errors as for `mean`."""
    return Question(phi, mean, std).answer("fourth moment")


def variance(phi: Activation | str, mean: Any, std: Any) -> GaussianValue:
    """Var phi(X) for X of N(mean, std^2), without loss of digits where the spread is small.

    Arguments and errors as for `mean`.

    Example:
        >>> from varprop.model import gaussian
        >>> round(float(gaussian.variance("sigmoid", 0, 1e-8)) * 16e16, 12)
        1.0
    """
    return Question(phi, mean, std).answer("variance")


def slope_second_moment(phi: Activation | str, mean: Any, std: Any) -> GaussianValue:
    """E phi'(X)^2 for X of N(mean, std^2), phi' where it exists; arguments and errors as for `mean`."""
    return Question(phi, mean, std).answer("slope second moment")


def curvature(phi: Activation | str, mean: Any, std: Any) -> GaussianValue:
    r"""E phi(X) phi''(X) for X of N(mean, std^2), in the sense of distributions: jumps of phi' count.

    So d E phi^2 / d variance = E phi'^2 + E phi phi''. Arguments and errors as for `mean`.
    """
    return Question(phi, mean, std).answer("curvature")
