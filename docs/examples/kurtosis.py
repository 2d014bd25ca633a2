"""How far a neuron of finite width is from a Gaussian: its kurtosis is 3 + 6/n, exactly."""

import varprop as vp

z = vp.dot(weights="Normal(variance=1/n)", inputs="Normal()", fan_in="n")
kurtosis = vp.derive(vp.Kurtosis(z)).result
print("Kurt(z) =", kurtosis)
for n in (1, 10, 1000):
    print(f"n = {n:4}: {float(kurtosis.subs(vp.symbol('n'), n)):.3f}")
assert str(kurtosis) == "3 + 6/n"
