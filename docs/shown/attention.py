"""Why attention divides by the root of d: the variance of a dot product of two random vectors."""

import varprop as vp


def score() -> vp.Expression:
    """The score of a query and a key with d standardized entries each."""
    i = vp.Axis("i", "d")
    q, k = (vp.RandomVariable(name, vp.Normal(), axes=i) for name in "qk")
    return vp.sum_over(i, q * k)


def scaled() -> vp.Quantity:
    """The variance of the score divided by sqrt(d)."""
    return vp.Variance(score() / vp.parse_scalar("sqrt(d)"))


def variance() -> object:
    """The variance of the score."""
    return vp.derive(vp.Variance(score())).result


def scaled_variance() -> object:
    """The variance of the scaled score."""
    return vp.derive(scaled()).result
