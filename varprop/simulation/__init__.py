"""The numeric wing: samples of expressions, unbiased estimates, and verdicts at planned looks."""
