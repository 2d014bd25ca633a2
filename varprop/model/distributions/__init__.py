"""One frozen class per distribution: parameters, moments, symmetry and samples stand together."""

from varprop.model.distributions.base import Array, Distribution, Precision
from varprop.model.distributions.composed import Mixture, Rectified
from varprop.model.distributions.discrete import Bernoulli, Constant, Dropout, Rademacher
from varprop.model.distributions.foreign import FrozenScipy, from_sympy_stats, is_frozen_scipy, is_sympy_stats
from varprop.model.distributions.gaussian import Normal, TruncatedNormal
from varprop.model.distributions.tails import Exponential, Laplace, LogNormal, StudentT
from varprop.model.distributions.uniform import Uniform
from varprop.model.distributions.unknown import Unknown

__all__ = [
    "DISTRIBUTIONS",
    "Array",
    "Bernoulli",
    "Constant",
    "Distribution",
    "Dropout",
    "Exponential",
    "FrozenScipy",
    "Laplace",
    "LogNormal",
    "Mixture",
    "Normal",
    "Precision",
    "Rademacher",
    "Rectified",
    "StudentT",
    "TruncatedNormal",
    "Uniform",
    "Unknown",
    "from_sympy_stats",
    "is_frozen_scipy",
    "is_sympy_stats",
]

#: Every distribution that has a name in texts.
DISTRIBUTIONS: dict[str, type[Distribution]] = {
    cls.__name__: cls
    for cls in (
        Bernoulli,
        Constant,
        Dropout,
        Exponential,
        Laplace,
        LogNormal,
        Mixture,
        Normal,
        Rademacher,
        Rectified,
        StudentT,
        TruncatedNormal,
        Uniform,
        Unknown,
    )
}
