"""The symbolic wing: quantities, assumptions, rules, and the derivations they make."""
