"""The edge of chaos of activations with different fates."""

import varprop as vp


def tanh() -> vp.EdgeOfChaos:
    """A curve of attracting points."""
    return vp.edge_of_chaos("tanh")


def relu() -> vp.EdgeOfChaos:
    """A single point."""
    return vp.edge_of_chaos("relu")


def gelu() -> vp.EdgeOfChaos:
    """Points from which lengths leave."""
    return vp.edge_of_chaos("gelu")


def ordered() -> vp.MeanField:
    """Tanh with small weights."""
    return vp.mean_field("tanh", weight_variance=0.8, bias_variance=0.05)


def chaotic() -> vp.MeanField:
    """Tanh with large weights."""
    return vp.mean_field("tanh", weight_variance=3, bias_variance=0.05)
