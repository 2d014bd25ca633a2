"""What is random: distributions, joint objects, axes, expressions, activations, and the text that names them."""
