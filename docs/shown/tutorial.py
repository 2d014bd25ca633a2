"""The neuron of the tutorial."""

import sympy as sp

import varprop as vp


def neuron() -> vp.Expression:
    """Pixels in [0, 1], weights of variance 1/n."""
    return vp.neuron(weights=vp.Normal(variance="1/n"), inputs=vp.Uniform(0, 1), fan_in="n")


def variance_of_x() -> sp.Expr:
    """The variance of an input."""
    return vp.Uniform(0, 1).variance


def second_moment_of_x() -> sp.Expr:
    """Its second moment."""
    return vp.Uniform(0, 1).moment(2)


def variance_for_second_moment() -> tuple[vp.Quantity, str]:
    """The claim that the variance of the inputs is what counts."""
    return vp.Variance(neuron()), "1/12"
