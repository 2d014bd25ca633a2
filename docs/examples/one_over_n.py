"""Why weights have variance 1/n: the variance of a neuron, line by line."""

import varprop as vp

neuron = vp.neuron(weights="Normal(variance=v)", inputs="Unknown(mean=0, variance=s)", fan_in="n")
proof = vp.derive(vp.Variance(neuron))
print(proof)
assert str(proof.result) == "n*s*v"

keeps = vp.solve(vp.Equal(vp.Variance(neuron), vp.symbol("s")), unknown="v")
print("The variance is kept by v =", keeps.result)
assert str(keeps.result) == "1/n"
