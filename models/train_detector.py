"""Train the shipped detector: ``python -m firebrick.models.train_detector``.

A small SqueezeDet: Fire modules, and a ConvDet head over canvases with digits
(:mod:`models.canvases`).  All convolutions but the first and the head are trained with batch
normalization, which is folded into them at the end.  Needs PyTorch (models/requirements-train.txt)
and about ten minutes of one core.  Writes detector.onnx, which ends in the head's map, and
detector.json.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper
from torch import nn
from torch.nn.utils import fuse_conv_bn_eval

from firebrick.models.anchors import ANCHORS, anchor_boxes, targets
from firebrick.models.canvases import (
    CLASSES,
    FACTS_PATH,
    HEIGHT,
    MODEL_PATH,
    WIDTH,
    Canvases,
    training_canvases,
)
from firebrick.models.onnx_layers import OnnxLayers
from firebrick.models.train import Fire

SEED = 11
TRAINING = 16000
EPOCHS = 6
BATCH = 32
LEARNING_RATE = 1e-2
WARM_UP = 0.2
WEIGHT_DECAY = 1e-3
FIRST_CHANNELS = 24
# (squeeze filters, filters of each expand half); pooling follows conv1 and the second module.
FIRES = ((16, 16), (16, 24), (24, 32), (32, 48), (32, 64))
POOL_AFTER = 1
# What a wrong confidence, class and side cost, against each other.
COSTS = (1.0, 1.0, 4.0)


class DetectorNet(nn.Module):
    """3x3 stride-2 convolution, Fire modules, 3x3 head of K * (classes + 5) channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, FIRST_CHANNELS, 3, stride=2, padding=1)
        self.fires = nn.ModuleList()
        channels = FIRST_CHANNELS
        for squeeze, expand in FIRES:
            self.fires.append(Fire(channels, squeeze, expand))
            channels = 2 * expand
        self.head = nn.Conv2d(channels, len(ANCHORS) * (len(CLASSES) + 5), 3, padding=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)
        # To begin with nothing is there.
        nn.init.normal_(self.head.weight, std=0.01)
        with torch.no_grad():
            count = len(ANCHORS) * len(CLASSES)
            self.head.bias[count : count + len(ANCHORS)] = -4.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # The greatest is the same before a ReLU, and there are fewer values behind the pooling.
        x = F.relu(F.max_pool2d(self.conv1(x), 3, 2, ceil_mode=True))
        for index, fire in enumerate(self.fires):
            x = fire(x)
            if index == POOL_AFTER:
                x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        return self.head(x)


def normalize(net: DetectorNet) -> None:
    """Put batch normalization behind the convolutions of Fire modules."""
    for fire in net.fires:
        for name, layer in list(fire.named_children()):
            setattr(fire, name, nn.Sequential(layer, nn.BatchNorm2d(layer.out_channels)))


def fold(net: DetectorNet) -> None:
    """Take what :func:`normalize` put there into the convolutions, as seen in training."""
    net.eval()
    for fire in net.fires:
        for name, (layer, norm) in list(fire.named_children()):
            setattr(fire, name, fuse_conv_bn_eval(layer, norm))


def loss(values: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Of a batch: ``values`` [N, K * (classes + 5), rows, columns], ``wanted`` [N, A, 5]."""
    count, kinds = len(ANCHORS), len(CLASSES)
    size = len(values)
    logits = values[:, : count * kinds].reshape(size, count, kinds, -1).transpose(2, 3)
    sure = values[:, count * kinds : count * (kinds + 1)].reshape(size, -1)
    moves = values[:, count * (kinds + 1) :].reshape(size, count, 4, -1).transpose(2, 3)
    kind = wanted[..., 0]
    taken, known = kind >= 0, kind > -2
    found = taken.sum().clamp(min=1)
    confidence = F.binary_cross_entropy_with_logits(
        sure[known], taken[known].float(), reduction="sum"
    )
    named = F.cross_entropy(
        logits.reshape(size, -1, kinds)[taken], kind[taken].long(), reduction="sum"
    )
    placed = F.smooth_l1_loss(
        moves.reshape(size, -1, 4)[taken], wanted[..., 1:][taken], reduction="sum", beta=0.1
    )
    parts = zip(COSTS, (confidence, named, placed), strict=True)
    return sum(cost * part for cost, part in parts) / found


def train(data: Canvases, epochs: int = EPOCHS) -> DetectorNet:
    """The network trained on ``data`` for a fixed number of epochs."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    generator = torch.Generator().manual_seed(SEED)
    net = DetectorNet()
    normalize(net)
    inputs = torch.from_numpy(data.pictures)
    rows, columns = _map_shape(net)[1:]
    anchors = anchor_boxes(rows, columns).reshape(-1, 4)
    wanted = torch.from_numpy(
        np.stack([targets(b, c, anchors) for b, c in zip(data.boxes, data.classes, strict=True)])
    )
    steps = epochs * math.ceil(len(inputs) / BATCH)
    optimizer = torch.optim.AdamW(net.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=steps, pct_start=WARM_UP
    )
    for epoch in range(epochs):
        total = 0.0
        order = torch.randperm(len(inputs), generator=generator)
        for chosen in order.split(BATCH):
            optimizer.zero_grad()
            seen = inverted(to_input(inputs[chosen]), generator)
            cost = loss(net(seen), wanted[chosen])
            cost.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 10.0)
            optimizer.step()
            schedule.step()
            total += cost.item() * len(chosen)
        print(f"epoch {epoch + 1:2d} of {epochs}, loss {total / len(order):.4f}", flush=True)
    fold(net)
    return net


def inverted(pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """``pictures`` [N, 1, H, W] in [0, 1], half of them with black and white exchanged."""
    negative = torch.rand(len(pictures), 1, 1, 1, generator=generator) < 0.5
    return torch.where(negative, 1 - pictures, pictures)


def to_input(pictures: torch.Tensor) -> torch.Tensor:
    """Pixels uint8 to what the network sees: float32 in [0, 1]."""
    return pictures.float() / 255


def head_facts() -> dict[str, Any]:
    """What the host needs to know of the head to find boxes in its map."""
    return {"anchors": ANCHORS, "classes": len(CLASSES), "picture": [HEIGHT, WIDTH]}


def to_onnx(net: DetectorNet) -> onnx.ModelProto:
    """The trained network with ordinary operators and a dynamic batch; its output is the map."""
    layers = OnnxLayers()
    x = layers.pool("pool1", layers.rectified("conv1", net.conv1, "data"))
    x = layers.conv("head", net.head, layers.fires(net.fires, x, POOL_AFTER))
    return layers.model(
        "detector",
        helper.make_tensor_value_info("data", TensorProto.FLOAT, ["N", 1, HEIGHT, WIDTH]),
        helper.make_tensor_value_info(x, TensorProto.FLOAT, ["N", *_map_shape(net)]),
    )


def _map_shape(net: DetectorNet) -> list[int]:
    training = net.training
    net.eval()
    with torch.no_grad():
        shape = list(net(torch.zeros(1, 1, HEIGHT, WIDTH)).shape[1:])
    net.train(training)
    return shape


def main() -> None:
    """Train and write both files."""
    parser = argparse.ArgumentParser(
        prog="python -m firebrick.models.train_detector", description=__doc__
    )
    parser.add_argument("--out", type=Path, default=MODEL_PATH.parent, help="folder of both files")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="(%(default)s)")
    parser.add_argument("--canvases", type=int, default=TRAINING, help="(%(default)s)")
    options = parser.parse_args()
    net = train(training_canvases(options.canvases, SEED), options.epochs)
    facts = {
        "data": "scikit-learn load_digits over noise, stripes and load_sample_images",
        "train_canvases": options.canvases,
        "seed": SEED,
        "epochs": options.epochs,
        "parameters": sum(value.numel() for value in net.parameters()),
        "head": head_facts(),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    onnx.save(to_onnx(net), options.out / MODEL_PATH.name)
    (options.out / FACTS_PATH.name).write_text(json.dumps(facts, indent=2) + "\n")
    print(f"wrote {options.out / MODEL_PATH.name} and {options.out / FACTS_PATH.name}")


if __name__ == "__main__":
    main()
