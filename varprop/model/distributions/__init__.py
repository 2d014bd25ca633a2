"""One frozen class per distribution: parameters, moments, symmetry and samples stand together."""

from varprop.model.distributions.base import Array, Distribution
from varprop.model.distributions.gaussian import Normal
from varprop.model.distributions.uniform import Uniform
from varprop.model.distributions.unknown import Unknown

__all__ = ["DISTRIBUTIONS", "Array", "Distribution", "Normal", "Uniform", "Unknown"]

#: Every distribution that has a name in texts.
DISTRIBUTIONS: dict[str, type[Distribution]] = {cls.__name__: cls for cls in (Normal, Uniform, Unknown)}
