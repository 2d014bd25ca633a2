"""What is random: distributions, joint objects, axes, expressions, activations, and their names."""

# Expressions are shown by the printer from the moment they exist.
from varprop.model import printing as printing
