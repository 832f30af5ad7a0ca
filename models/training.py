"""Train a SqueezeNet of any hyper-parameters, by PyTorch, on pictures of one channel or several.

All convolutions but the classifier are trained with batch normalization, which is folded into them
at the end: the paper's networks have none, but need many more pictures to learn anything through
squeeze layers of a few filters.  PyTorch is an extra (models/requirements-train.txt) and imported
where it is used: :func:`check_torch` says in one line that it is missing.  One thread, seeded, sums
in a fixed order: a machine repeats its own result.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from firebrick.quantize.architectures import (
    CLASSIFIER,
    SqueezeNetConfig,
    with_weights,
    without_weights,
)
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.network import Add, Concat, Conv, GlobalAverage, MaxPool, Network

# Biases of the classifier begin above zero: behind its ReLU no class is dead from the start.
CLASSIFIER_BIAS = 0.1
EPSILON = 1e-5
# Of what batch normalization has seen, the share that a batch replaces.
MOMENTUM = 0.1


@dataclass(frozen=True)
class Recipe:
    """How long and how fast: AdamW, a warm-up and a decay of the rate (one cycle), no augmentation,
    cross entropy."""

    epochs: int = 30
    batch: int = 32
    learning_rate: float = 1e-2
    weight_decay: float = 1e-2


def check_torch() -> None:
    """FirebrickError where there is no PyTorch."""
    if importlib.util.find_spec("torch") is None:
        raise FirebrickError(
            "training needs PyTorch, which is not installed here: make trained installs it into "
            ".venv-train (0.8 GB), or pip install -r models/requirements-train.txt"
        )


def train(
    config: SqueezeNetConfig,
    inputs: np.ndarray,
    labels: np.ndarray,
    recipe: Recipe,
    seeds: Sequence[int],
) -> list[Network]:
    """A network of ``config`` for each of ``seeds``, trained on ``inputs`` float32
    [seeds, N, C, H, W], as it sees them, whose classes are ``labels`` int64 [seeds, N].

    They are trained side by side, as groups of one network's convolutions: small networks cost
    PyTorch a call, not sums.  What a seed gets does not depend on the others but for the order of
    sums; the same arguments give the same networks.
    """
    check_torch()
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    net = without_weights(config)
    drawn = [torch.Generator().manual_seed(seed) for seed in seeds]
    layers = {n.name: _Layers(n, drawn) for n in net.nodes if isinstance(n, Conv)}
    pictures, truth = torch.from_numpy(inputs), torch.from_numpy(labels)
    count = pictures.shape[1]
    optimizer = torch.optim.AdamW(
        [value for layer in layers.values() for value in layer.learned()],
        recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=recipe.epochs * -(-count // recipe.batch)
    )
    each = torch.arange(len(drawn))[:, None]
    for _ in range(recipe.epochs):
        orders = torch.stack([torch.randperm(count, generator=one) for one in drawn])
        for chosen in orders.split(recipe.batch, dim=1):
            optimizer.zero_grad(set_to_none=True)
            logits = _forward(net, layers, pictures[each, chosen])
            loss = F.cross_entropy(logits.flatten(0, 1), truth[each, chosen].flatten())
            # The mean over all, times their number: each network's own mean.
            (loss * len(drawn)).backward()
            optimizer.step()
            schedule.step()
    return [
        with_weights(config, {name: layer.folded(n) for name, layer in layers.items()})
        for n in range(len(drawn))
    ]


class _Layers:
    """A convolution of all networks, side by side: weights [networks, O, I, kh, kw] by He's rule,
    each network's from its own generator; biases, and for all but the classifier what batch
    normalization multiplies with and has seen, [networks * O]."""

    def __init__(self, node: Conv, drawn: Sequence[Any]) -> None:
        import torch

        self.node, self.networks = node, len(drawn)
        self.weights = torch.empty((len(drawn), *node.weights.shape))
        for one, generator in zip(self.weights, drawn, strict=True):
            torch.nn.init.kaiming_normal_(one, nonlinearity="relu", generator=generator)
        channels = len(drawn) * len(node.bias)
        self.normalized = node.name != CLASSIFIER
        self.bias = torch.full((channels,), 0.0 if self.normalized else CLASSIFIER_BIAS)
        self.gain = torch.ones(channels)
        self.mean, self.variance = torch.zeros(channels), torch.ones(channels)
        for value in self.learned():
            value.requires_grad_()

    def learned(self) -> list[Any]:
        return [self.weights, self.bias, *([self.gain] if self.normalized else [])]

    def __call__(self, value: Any) -> Any:
        """As in training: by the mean and the variance of the batch, which are remembered."""
        import torch.nn.functional as F

        padding = self.node.padding[:2]  # the same on both sides, as in all networks of a config
        bias = None if self.normalized else self.bias
        kernels, stride = self.weights.flatten(0, 1), self.node.stride
        value = F.conv2d(value, kernels, bias, stride, padding, groups=self.networks)
        if not self.normalized:
            return value
        seen = self.mean, self.variance
        return F.batch_norm(value, *seen, self.gain, self.bias, True, MOMENTUM, EPSILON)

    def folded(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """One network's weights and biases, as they compute outside of training."""
        own = slice(number * len(self.node.bias), (number + 1) * len(self.node.bias))
        weights = self.weights[number].detach().numpy().astype(np.float64)
        bias, gain, mean, variance = (
            value[own].detach().numpy().astype(np.float64)
            for value in (self.bias, self.gain, self.mean, self.variance)
        )
        if self.normalized:
            factor = gain / np.sqrt(variance + EPSILON)
            weights = weights * factor[:, None, None, None]
            bias = bias - mean * factor
        return weights.astype(np.float32), bias.astype(np.float32)


def _forward(net: Network, layers: dict[str, _Layers], pictures: Any) -> Any:
    """Logits [networks, N, classes] of ``pictures`` [networks, N, C, H, W], tensors of PyTorch."""
    import torch
    import torch.nn.functional as F

    count = len(pictures)

    def apart(value: Any) -> Any:
        return value.unflatten(1, (count, -1))

    # A network's channels lie together: [N, networks * C, H, W].
    maps = {net.input: pictures.transpose(0, 1).flatten(1, 2)}
    for node in net.nodes:
        if isinstance(node, Conv):
            value = layers[node.name](maps[node.input])
        elif isinstance(node, MaxPool):
            value = F.max_pool2d(maps[node.input], node.kernel, 2, ceil_mode=node.ceil_mode)
        elif isinstance(node, Concat):
            value = torch.cat([apart(maps[name]) for name in node.inputs], dim=2).flatten(1, 2)
        elif isinstance(node, Add):
            value = maps[node.inputs[0]] + maps[node.inputs[1]]
        else:
            assert isinstance(node, GlobalAverage)
            value = maps[node.input].mean(dim=(2, 3))
        maps[node.output] = F.relu(value) if getattr(node, "relu", False) else value
    return apart(maps[net.nodes[-1].output]).transpose(0, 1)
