"""Moments of activations of normal variables, for arrays of means and standard deviations at once."""

from __future__ import annotations

from varprop.model.gaussian.inert import GaussianMean, error_of, gaussian_mean, precision_of
from varprop.model.gaussian.moments import (
    curvature,
    fourth_moment,
    mean,
    second_moment,
    slope_second_moment,
    variance,
)
from varprop.model.gaussian.pairs import cross_moment, slope_cross_moment
from varprop.model.gaussian.spread import GaussianValue

__all__ = [
    "GaussianMean",
    "GaussianValue",
    "cross_moment",
    "curvature",
    "error_of",
    "fourth_moment",
    "gaussian_mean",
    "mean",
    "precision_of",
    "second_moment",
    "slope_cross_moment",
    "slope_second_moment",
    "variance",
]
