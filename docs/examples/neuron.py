"""One neuron, z = sum_i w_i x_i + b: its variance derived, and every line put to the test."""

import varprop as vp

# Of the inputs nothing is known but mean and variance. They may depend on each other in any way.
neuron = vp.neuron(
    weights=vp.Normal(variance="1/n"),
    inputs=vp.Unknown(mean=0, variance=1),
    bias=vp.Normal(variance="s"),
    fan_in="n",
)

# A quantity such as `Variance(neuron)` only states; `derive` acts.
proof = vp.derive(vp.Variance(neuron))
print(f"Var[z] = {proof.result}: {proof.validity}, {proof.precision}, {len(proof)} lines\n")

# `explain` derives too, and tests each line by simulation, which shares no formula with the proof.
# The inputs are drawn from very different distributions that have this mean and this variance.
values = {"n": 16, "s": 1}
print(vp.explain(neuron, at=values, seed=1, resolution=1.05, panel="short"))

# Any claim can be put to the test, also a wrong one: forgetting the bias is found out.
wrong = vp.check(vp.Variance(neuron), equals=1, at=values, seed=1, panel="short")
print(f"\nVar[z] = 1? It {wrong.verdict}: the estimate is {wrong.claims[0].estimate:.2f}.")
