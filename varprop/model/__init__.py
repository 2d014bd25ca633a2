"""What is random: distributions, joint objects, axes, expressions, activations, and their names."""
