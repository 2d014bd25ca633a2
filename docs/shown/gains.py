"""Gains, and what the constants in use do over depth."""

import varprop as vp
from varprop.render import Document


def gelu() -> vp.Gain:
    """The gains of GELU."""
    return vp.gain("gelu")


def relu_gain() -> object:
    """The gain of ReLU, squared."""
    return vp.gain("relu").forward ** 2


def gelu_gain() -> object:
    """The gain of GELU."""
    return vp.gain("gelu").forward


def gelu_std() -> float:
    """The standard deviation that it asks of weights of fan_in 512."""
    return float(vp.gain("gelu").std(fan_in=512))


def softplus() -> vp.Gain:
    """The gains of softplus, which has no closed form."""
    return vp.gain("softplus")


def table() -> Document:
    """Gains of all named activations, and the constants that libraries quote."""
    return vp.gain_table().document()
