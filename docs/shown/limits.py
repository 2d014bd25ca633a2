"""Results of different kinds: exact, exact with a bound, in a limit."""

import varprop as vp


def irises() -> vp.Expression:
    """A neuron that reads a random row of a real table."""
    return vp.dot(weights=vp.Normal(variance="v"), inputs=vp.RandomVector("x", vp.read_table("iris")))


def rectified_mean() -> vp.Quantity:
    """The mean of a ReLU of a neuron whose weights are uniform."""
    neuron = vp.neuron(weights=vp.Uniform(variance="1/n"), inputs=vp.Rademacher(), fan_in="n")
    return vp.Mean(vp.relu(neuron))
