"""Public models of torchvision at initialization, predicted and measured.

    python tests/benchmarks/real_models.py [MODELS [INPUTS]]

VGG-11, ResNet-18 and a small vision transformer are built without trained weights. Every operation that is
read has its predicted second moment beside the mean over fresh models and its standard error; what is not
read is listed by name, and the prediction starts again behind it.
"""

from __future__ import annotations

import sys
import time

import torchvision
from torch import nn

import varprop as vp


def vgg() -> nn.Module:
    """VGG-11 for 10 classes."""
    return torchvision.models.vgg11(weights=None, num_classes=10)


def resnet() -> nn.Module:
    """ResNet-18 for 10 classes, batch normalization by its running statistics."""
    return torchvision.models.resnet18(weights=None, num_classes=10).eval()


def transformer() -> nn.Module:
    """A vision transformer of two blocks."""
    return torchvision.models.VisionTransformer(
        image_size=32, patch_size=8, num_layers=2, num_heads=4, hidden_dim=64, mlp_dim=128, num_classes=10
    ).eval()


CASES = ((vgg, 32), (resnet, 32), (transformer, 32))


def main() -> None:
    """Print one table per model."""
    models = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    batch = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    for build, size in CASES:
        start = time.perf_counter()
        reading = vp.read(build, (3, size, size), batch_norm="running")
        compared = vp.compare(reading, models=models, batch=batch)
        print(f"\n{build.__doc__}\n")
        print(compared.to_text(120))
        predicted = [line for line in compared if line.predicted == line.predicted and line.error > 0]
        near = sum(abs(line.deviation) < 4 for line in predicted)
        print(
            f"{len(compared.lines)} operations, {len(predicted)} predicted, {near} of them within 4 standard"
            f" errors, {len(compared.unsupported)} not read; {time.perf_counter() - start:.0f} s"
        )


if __name__ == "__main__":
    main()
