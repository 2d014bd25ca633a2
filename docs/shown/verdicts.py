"""Claims with each of the three outcomes."""

import varprop as vp

z = vp.dot(weights=vp.Normal(variance="1/n"), inputs=vp.Uniform(0, 1), fan_in="n")


def right() -> tuple[vp.Quantity, str]:
    """The truth."""
    return vp.Variance(z), "1/3"


def off_by_ten_percent() -> tuple[vp.Quantity, str]:
    """A tenth too much."""
    return vp.Variance(z), "11/30"


def heavy() -> tuple[vp.Quantity, int]:
    """The variance of a product of eight standard normal variables."""
    product = vp.RandomVariable("x1", vp.Normal())
    for k in range(2, 9):
        product = product * vp.RandomVariable(f"x{k}", vp.Normal())
    return vp.Variance(product), 1
