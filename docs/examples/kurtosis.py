"""A sum of n products is nearly normal: its kurtosis at every n, and when it never comes down to 3."""

import varprop as vp

n, k = vp.symbol("n"), vp.symbol("k")

# k is the kurtosis of one input; 3 for a normal one, 9/5 for a uniform one.
inputs = vp.Unknown(mean=0, variance=1, fourth_moment=k)
z = vp.dot(weights=vp.Normal(variance=1 / n), inputs=inputs, fan_in=n)
independent = vp.derive(vp.Kurtosis(z)).result
print(f"independent inputs:  Kurt[z] = {independent}")
for size in (1, 4, 16, 256):
    print(f"    n = {size:<4} normal inputs: {float(independent.subs({n: size, k: 3})):.3f}")

# One x shared by all terms: a variable that does not name the axis is the same along it.
i = vp.Axis("i", n)
w = vp.RandomVariable("w", vp.Normal(variance=1 / n), axes=i)
x = vp.RandomVariable("x", inputs)
shared = vp.derive(vp.Kurtosis(vp.sum_over(i, w * x))).result
print(f"\none shared input:    Kurt[z] = {shared}, however large n is")

# A fourth moment that nobody declared is asked for by name, never guessed.
try:
    vp.derive(vp.Kurtosis(vp.dot(weights=vp.Normal(), inputs=vp.Unknown(), fan_in=n)))
except vp.MomentError as error:
    print(f"\nrefused: {error}")

# Simulation agrees with the fourth moment at n = 4: E[z^4] = Kurt[z] Var[z]^2 = 4.5 for normal inputs.
normal = vp.dot(weights=vp.Normal(variance="1/4"), inputs=vp.Normal(), fan_in=4)
fourth = vp.check(vp.Moment(normal, 4), equals="9/2", seed=3, resolution=1.1)
print(f"\nE[z^4] = 9/2 at n = 4? It {fourth.verdict}: {fourth.claims[0].estimate:.2f}.")
