"""Networks exported by torch.onnx, by both of its exporters.

Needs torch, torchvision (for its definitions of SqueezeNet and ResNet), onnx and onnxscript:

    python -m tests.quantize.importers.exported.export_torch [beginning of a file's name ...]
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

import onnx
import torch
from torch import nn

from tests.quantize.importers.exported import patterns

PACKAGES = ["torch", "onnx", "onnxscript"]

try:
    import torchvision
except RuntimeError:
    # A torchvision built for another torch lacks its compiled operators; none is needed here.
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision


def fill(module: nn.Module) -> nn.Module:
    """Deterministic weights that compress, in evaluation mode."""
    for seed, layer in enumerate(module.modules()):
        if isinstance(layer, nn.Conv2d | nn.Linear):
            shape = tuple(layer.weight.shape)
            layer.weight.data = torch.from_numpy(patterns.weights(shape, seed))
            if layer.bias is not None:
                layer.bias.data = torch.from_numpy(patterns.biases(shape[0], seed + 1000))
        elif isinstance(layer, nn.BatchNorm2d):
            count = layer.num_features
            layer.weight.data = torch.from_numpy(patterns.biases(count, seed) + 1)
            layer.bias.data = torch.from_numpy(patterns.biases(count, seed + 1))
            layer.running_mean.data = torch.from_numpy(patterns.biases(count, seed + 2))
            layer.running_var.data = torch.from_numpy(patterns.biases(count, seed + 3) + 1)
    return module.eval()


def by_powers_of_two(module: nn.Module) -> nn.Module:
    """Normalizations of a large network divide by powers of two: exporters fold them into the
    weights, which then still compress."""
    for seed, layer in enumerate(module.modules()):
        if isinstance(layer, nn.BatchNorm2d):
            layer.weight.data.fill_(2.0 ** -(seed % 2))
            layer.running_var.data.fill_(1 - layer.eps)
    return module


class Fire(nn.Module):
    def __init__(self, inputs: int, squeeze: int, expand: int, norm: bool = False) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeeze, 1)
        self.one = nn.Conv2d(squeeze, expand, 1)
        self.three = nn.Conv2d(squeeze, expand, 3, padding=1)
        self.norm = nn.BatchNorm2d(2 * expand) if norm else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.squeeze(x))
        return self.norm(torch.cat([torch.relu(self.one(x)), torch.relu(self.three(x))], 1))


def body(norm: bool = False, padding: int = 0) -> nn.Sequential:
    """Features of 24 channels, a quarter of the input's size."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=padding),
        nn.BatchNorm2d(8) if norm else nn.Identity(),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(8, 4, 8, norm),
        Fire(16, 6, 12, norm),
    )


class PooledLinear(nn.Module):
    """The mean over the map first, then a linear classifier."""

    def __init__(self, norm: bool) -> None:
        super().__init__()
        self.body = body(norm)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(24, 7))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.adaptive_avg_pool2d(self.body(x), 1)
        return torch.softmax(self.classifier(x.view(x.size(0), -1)), dim=1)


class FlatLinear(nn.Module):
    """A linear classifier over the whole map, channels, rows and columns."""

    def __init__(self) -> None:
        super().__init__()
        self.body = body()
        self.hidden = nn.Linear(24 * 5 * 4, 9)
        self.classifier = nn.Linear(9, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(torch.relu(self.hidden(torch.flatten(self.body(x), 1))))


class Classified(nn.Module):
    """Convolution and ReLU as classifier, mean(dim=(2, 3)) at the end."""

    def __init__(self, features: nn.Module) -> None:
        super().__init__()
        self.features = features
        self.classifier = nn.Sequential(nn.Dropout(0.5), nn.Conv2d(24, 6, 1), nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x)).mean(dim=(2, 3))


class Normalized(Classified):
    """Takes 0..1 and normalizes by mean and standard deviation itself, ahead of zero padding."""

    def __init__(self) -> None:
        super().__init__(body(padding=1))
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward((x - self.mean) / self.std)


class CameraFrames(Classified):
    """Takes bytes [N, rows, columns, BGR]: cast, reorders, scales and centres them itself."""

    def __init__(self) -> None:
        super().__init__(body())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.permute(0, 3, 1, 2).float()
        return super().forward(x[:, [2, 1, 0]] * (2 / 255) - 1)


class Flipped(Classified):
    """Takes RGB and flips to BGR, less a mean."""

    def __init__(self) -> None:
        super().__init__(body())
        self.register_buffer("mean", torch.tensor([104.0, 117.0, 123.0]).view(3, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(torch.flip(x, [1]) - self.mean) / 64


def export(module: nn.Module, image: torch.Tensor, dynamo: bool, free: bool) -> onnx.ModelProto:
    """The ONNX model, with a free batch where ``free``."""
    with tempfile.TemporaryDirectory() as folder:
        if not dynamo:
            buffer = io.BytesIO()
            axes = {"image": {0: "batch"}, "scores": {0: "batch"}} if free else None
            torch.onnx.export(
                module,
                (image,),
                buffer,
                input_names=["image"],
                output_names=["scores"],
                dynamic_axes=axes,
                opset_version=17,
                dynamo=False,
            )
            return onnx.load_from_string(buffer.getvalue())
        path = Path(folder) / "model.onnx"
        shapes = ({0: torch.export.Dim("batch")},) if free else None
        torch.onnx.export(
            module,
            (image,),
            path,
            input_names=["image"],
            output_names=["scores"],
            dynamic_shapes=shapes,
            dynamo=True,
            external_data=False,
        )
        model = onnx.load(path)
    # Where the sources lay and what they said is no part of a network.
    for node in model.graph.node:
        del node.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.graph.value_info[:]
    return model


def main(wanted: tuple[str, ...]) -> None:
    """Write the files whose names begin with one of ``wanted``, or all of them."""

    def leave(name: str) -> bool:
        return bool(wanted) and not name.startswith(wanted)

    whole = {
        ("1_0", False): ("squeezenet1_0", 37, (227, 227), True),
        ("1_0", True): ("squeezenet1_0", 10, (96, 64), True),
        ("1_1", False): ("squeezenet1_1", 5, (64, 80), False),
        ("1_1", True): ("squeezenet1_1", 1000, (224, 224), True),
        ("resnet18", False): ("resnet18", 12, (75, 66), True),
        ("resnet18", True): ("resnet18", 1000, (224, 224), True),
    }
    for (short, dynamo), (network, classes, size, free) in whole.items():
        name = f"torchvision_{short}_{'dynamo' if dynamo else 'torchscript'}"
        if leave(name):
            continue
        module = getattr(torchvision.models, network)(num_classes=classes)
        patterns.pack(
            name,
            export(by_powers_of_two(fill(module)), torch.zeros(2, 3, *size), dynamo, free),
            [*PACKAGES, "torchvision"],
            f"torchvision's {network}, {classes} classes, pictures of "
            f"{size[0]}x{size[1]}, torch.onnx.export(dynamo={dynamo})",
        )
    image = torch.zeros(2, 3, 45, 38)
    frames = torch.zeros(2, 45, 38, 3, dtype=torch.uint8)
    small = {
        "pooled_linear": (PooledLinear(norm=True), image),
        "flat_linear": (FlatLinear(), torch.zeros(2, 3, 21, 18)),
        "normalized": (Normalized(), image),
        "camera": (CameraFrames(), frames),
        "flipped": (Flipped(), image),
        "classified": (Classified(body()), image),
        "plain_linear": (PooledLinear(norm=False), image),
    }
    for name, (module, example) in small.items():
        for dynamo in (False, True):
            file = f"torch_{name}_{'dynamo' if dynamo else 'torchscript'}"
            if leave(file):
                continue
            patterns.pack(
                file,
                export(fill(module), example, dynamo, free=True),
                PACKAGES,
                f"{(type(module).__doc__ or '').strip()} torch.onnx.export(dynamo={dynamo})",
            )


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
