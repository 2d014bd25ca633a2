"""Three layers with rectifiers, three units wide: with variance 2/n the second moment is kept exactly."""

import varprop as vp

width = 3
i, j, k = vp.Axis("i", width), vp.Axis("j", width), vp.Axis("k", width)
x = vp.RandomVariable("x", vp.Normal(), axes=i)
first = vp.RandomVariable("a", vp.Normal(variance="2/3"), axes=(i, j))
second = vp.RandomVariable("b", vp.Normal(variance="2/3"), axes=(j, k))
last = vp.RandomVariable("c", vp.Normal(variance="2/3"), axes=k)

h = vp.sum_over(i, first * x)
g = vp.sum_over(j, second * vp.relu(h))
z = vp.sum_over(k, last * vp.relu(g))
proof = vp.derive(vp.Variance(z))
print("Var(z) =", proof.result, f"({proof.validity})")
assert proof.validity == "exact"
assert proof.result == 2  # the first layer reads inputs that were not rectified
