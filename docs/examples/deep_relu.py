"""A three-layer ReLU net keeps its variance exactly, even at width 3, unless a constant bias is added."""

import textwrap

import varprop as vp


def net(bias: object) -> vp.Expression:
    """Three layers with He's weights. Each variable names the axes along which it has fresh copies."""
    i, j, k = vp.Axis("i", "n0"), vp.Axis("j", "n1"), vp.Axis("k", "n2")
    x = vp.RandomVariable("x", vp.Normal(), axes=i)
    w1 = vp.RandomVariable("w1", vp.Normal(variance=2 / i.size), axes=(j, i), role="weights")
    w2 = vp.RandomVariable("w2", vp.Normal(variance=2 / j.size), axes=(k, j), role="weights")
    w3 = vp.RandomVariable("w3", vp.Normal(variance=2 / k.size), axes=k, role="weights")
    b = vp.RandomVariable("b", bias, axes=j) if isinstance(bias, vp.Distribution) else bias
    hidden = vp.relu(vp.sum_over(i, w1 * x) + b)
    return vp.sum_over(k, w3 * vp.relu(vp.sum_over(j, w2 * hidden)))


# No Gaussian limit: units that share their inputs are dependent, and the proof does not mind.
proof = vp.derive(vp.Variance(net(bias=0)))
print(f"no bias:            Var[y] = {proof.result} ({proof.validity}) at every width")
narrow = {"n0": 3, "n1": 3, "n2": 3}
evidence = vp.check(vp.Variance(net(bias=0)), equals=2, at=narrow, seed=4, resolution=1.1)
print(f"    simulated at width 3: {evidence.claims[0].estimate:.2f}, it {evidence.verdict}")

# A fresh symmetric bias per unit may change its sign with its row of weights: exact as well.
print(f"symmetric bias:     Var[y] = {vp.derive(vp.Variance(net(vp.Normal()))).result}")

# A constant bias cannot change its sign. Halving would now be wrong, so there is no formula.
try:
    vp.derive(vp.Variance(net(bias="1/2")))
except vp.DerivationError as error:
    print("constant bias:      refused")
    print(textwrap.fill(str(error), 80, initial_indent="    ", subsequent_indent="    "))
