"""Fisher's irises as inputs: four measurements that depend on each other, and are not alike."""

import textwrap

import varprop as vp

# One random row per draw. Nothing is assumed of the columns: not independence, not equal means.
table = vp.read_table("iris")
x = vp.RandomVector("x", table)
z = vp.dot(weights=vp.Normal(variance="v"), inputs=x)
print(f"{table}\n")

proof = vp.derive(vp.Variance(z))
print(proof)

# The moments are exact for this table, up to a proven round-off bound. As estimates for all irises
# they have a standard error: of E x_i^2, for each column.
print("\ncolumn          E x^2    standard error for the population")
for name in table.columns:
    value, bound = table.moment({name: 2})
    print(f"{name:<14}{value:7.3f}    {table.standard_error({name: 2}):.3f}   (round-off < {bound:.0e})")

evidence = vp.check(proof, at={"v": 1}, seed=5)
print(f"\nSimulation, whole rows drawn with replacement: {evidence.verdict}.")

# The kurtosis would need the fourth moments of whole rows: no rule has them, so none is made up.
try:
    vp.derive(vp.Kurtosis(z))
except vp.DerivationError as error:
    print("\nThe kurtosis is refused:")
    print(textwrap.fill(str(error), 80, initial_indent="    ", subsequent_indent="    "))
