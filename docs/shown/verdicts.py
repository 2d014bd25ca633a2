"""Claims with each of the three outcomes."""

import varprop as vp
from shown.typical import product

z = vp.dot(weights=vp.Normal(variance="1/n"), inputs=vp.Uniform(0, 1), fan_in="n")


def right() -> tuple[vp.Quantity, str]:
    """The truth."""
    return vp.Variance(z), "1/3"


def off_by_ten_percent() -> tuple[vp.Quantity, str]:
    """A tenth too much."""
    return vp.Variance(z), "11/30"


def heavy() -> tuple[vp.Quantity, int]:
    """The variance of a product of eight standard normal variables."""
    return product(), 1
