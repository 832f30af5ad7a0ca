"""Train the shipped digits network: ``python -m firebrick.models.train``.

Needs PyTorch (models/requirements-train.txt), uses the CPU and takes under a minute.  Seeds,
thread count and the order of all sums are fixed, so a machine repeats its own result exactly;
other CPUs may round sums differently.  Writes digits.onnx and digits.json.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper
from torch import nn

from firebrick.models.digits import FACTS_PATH, MODEL_PATH, SIZE, SPLIT_SEED, load_digits_split
from firebrick.models.onnx_layers import OnnxLayers

SEED = 7
EPOCHS = 120
BATCH = 64
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-2
LABEL_SMOOTHING = 0.05
DROPOUT = 0.3
CLASSES = 10
FIRST_CHANNELS = 32
# (squeeze filters, filters of each expand half); pooling follows conv1 and the second module.
FIRES = ((8, 16), (8, 16), (16, 64), (16, 64))
POOL_AFTER = 1


class Fire(nn.Module):
    """Squeeze to ``squeeze`` channels, expand to 1x1 and 3x3 halves of ``expand`` each."""

    def __init__(self, inputs: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze1x1 = nn.Conv2d(inputs, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.squeeze1x1(x))
        return F.relu(torch.cat((self.expand1x1(x), self.expand3x3(x)), dim=1))


class DigitsNet(nn.Module):
    """SqueezeNet v1.0 in small: 7x7 stride-2 convolution, Fire modules, 1x1 classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, FIRST_CHANNELS, 7, stride=2)
        self.fires = nn.ModuleList()
        channels = FIRST_CHANNELS
        for squeeze, expand in FIRES:
            self.fires.append(Fire(channels, squeeze, expand))
            channels = 2 * expand
        self.conv10 = nn.Conv2d(channels, CLASSES, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 3, 2, ceil_mode=True)
        for index, fire in enumerate(self.fires):
            x = fire(x)
            if index == POOL_AFTER:
                x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        x = F.relu(self.conv10(F.dropout(x, DROPOUT, self.training)))
        return x.mean(dim=(2, 3))


def augment(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Turn, scale, stretch and move each picture [N, 1, H, W] a little, as handwriting varies."""
    count = len(images)

    def uniform(limit: float) -> torch.Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1) * limit

    angle = uniform(math.radians(12))
    wide, high, shear = 1 + uniform(0.12), 1 + uniform(0.12), uniform(0.12)
    cos, sin = torch.cos(angle), torch.sin(angle)
    matrices = torch.stack(
        (
            torch.stack((cos * wide, shear - sin, uniform(0.12)), dim=1),
            torch.stack((sin, cos * high, uniform(0.12)), dim=1),
        ),
        dim=1,
    )
    grid = F.affine_grid(matrices, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def train(images: np.ndarray, labels: np.ndarray) -> DigitsNet:
    """The network trained on ``images`` uint8 [N, 1, 32, 32] for a fixed number of epochs."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    generator = torch.Generator().manual_seed(SEED)
    inputs, targets = to_input(images), torch.from_numpy(labels)
    net = DigitsNet()
    steps = EPOCHS * (len(inputs) // BATCH)
    optimizer = torch.optim.AdamW(net.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    for epoch in range(EPOCHS):
        total = 0.0
        order = torch.randperm(len(inputs), generator=generator)
        for chosen in order[: len(order) // BATCH * BATCH].split(BATCH):
            optimizer.zero_grad()
            logits = net(augment(inputs[chosen], generator))
            loss = F.cross_entropy(logits, targets[chosen], label_smoothing=LABEL_SMOOTHING)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(chosen)
        if (epoch + 1) % 10 == 0:
            print(f"epoch {epoch + 1:3d} of {EPOCHS}, loss {total / len(order):.4f}", flush=True)
    return net.eval()


def to_input(images: np.ndarray) -> torch.Tensor:
    """Pixels uint8 to what the network sees: float32 in [0, 1]."""
    return torch.from_numpy(images).float() / 255


def accuracy(net: DigitsNet, images: np.ndarray, labels: np.ndarray) -> float:
    """Share of pictures named rightly, in percent."""
    with torch.no_grad():
        best = net(to_input(images)).argmax(dim=1).numpy()
    return 100.0 * float((best == labels).mean())


def to_onnx(net: DigitsNet) -> onnx.ModelProto:
    """The trained network with ordinary operators, a dynamic batch and a softmax at the end."""
    layers = OnnxLayers()
    x = layers.pool("pool1", layers.rectified("conv1", net.conv1, "data"))
    x = layers.fires(net.fires, x, POOL_AFTER)
    x = layers.add("GlobalAveragePool", "pool10", [layers.rectified("conv10", net.conv10, x)])
    layers.add("Softmax", "prob", [layers.add("Flatten", "logits", [x], axis=1)], axis=1)
    return layers.model(
        "digits",
        helper.make_tensor_value_info("data", TensorProto.FLOAT, ["N", 1, SIZE, SIZE]),
        helper.make_tensor_value_info("prob", TensorProto.FLOAT, ["N", CLASSES]),
    )


def facts(net: DigitsNet, split: tuple[np.ndarray, ...]) -> dict:
    """What digits.json states: accuracy in percent, how it was trained, preprocessing."""
    train_images, train_labels, held_out, held_out_labels = split
    return {
        "data": "scikit-learn load_digits, 8x8 values 0..16 scaled by 255/16, rounded, "
        "enlarged to 32x32 with Pillow's bilinear filter",
        "train_images": len(train_images),
        "train_accuracy": round(accuracy(net, train_images, train_labels), 2),
        "held_out_images": len(held_out),
        "held_out_accuracy": round(accuracy(net, held_out, held_out_labels), 2),
        "seed": SEED,
        "split_seed": SPLIT_SEED,
        "epochs": EPOCHS,
        "parameters": sum(value.numel() for value in net.parameters()),
        "preprocessing": {
            "color": "L",
            "resize": SIZE,
            "crop": [SIZE, SIZE],
            "scale": 1 / 255,
            "mean": [0.0],
            "std": [1.0],
        },
    }


def main() -> None:
    """Train, print the accuracy and write both files."""
    parser = argparse.ArgumentParser(prog="python -m firebrick.models.train", description=__doc__)
    parser.add_argument("--out", type=Path, default=MODEL_PATH.parent, help="folder of both files")
    out = parser.parse_args().out
    split = load_digits_split()
    net = train(split[0], split[1])
    result = facts(net, split)
    out.mkdir(parents=True, exist_ok=True)
    onnx.save(to_onnx(net), out / MODEL_PATH.name)
    (out / FACTS_PATH.name).write_text(json.dumps(result, indent=2) + "\n")
    print(f"training digits {result['train_accuracy']:.2f} % right")
    print(f"held-out digits {result['held_out_accuracy']:.2f} % right")
    print(f"wrote {out / MODEL_PATH.name} and {out / FACTS_PATH.name}")


if __name__ == "__main__":
    main()
