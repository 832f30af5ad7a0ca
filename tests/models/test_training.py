"""Training by PyTorch, where there is one: FIREBRICK_TORCH names the Python of another environment
that has it, such as .venv-train/bin/python."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from firebrick.models import training
from firebrick.quantize.errors import FirebrickError
from tests.conftest import ROOT

PYTHON = os.environ.get("FIREBRICK_TORCH", sys.executable)
CODE = """
import numpy as np, torch
import torch.nn.functional as F
from firebrick.hw.explore.trained.family import base
from firebrick.models.datasets import dataset, split
from firebrick.models.training import MOMENTUM, Recipe, _Layers, train
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.network import Conv

data = dataset("digits")
config = base("small", 1, (8, 8), 10)
parts = [split(data, 300, 300, seed) for seed in (3, 4)]
inputs = np.stack([part.images for part in parts]).astype(np.float32) / 255
labels = np.stack([part.labels for part in parts])

def learned(chosen, epochs):
    seeds = [3 + n for n in chosen]
    return train(config, inputs[chosen], labels[chosen], Recipe(epochs=epochs), seeds)

nets = learned([0, 1], 8)
for net, part in zip(nets, parts):
    logits = FloatModel(net).logits(part.held_out.astype(np.float32) / 255)
    right = float((logits.argmax(axis=1) == part.held_out_labels).mean())
    print("right", right)
    assert right > 0.5, right

def weights(net):
    return np.concatenate([n.weights.ravel() for n in net.nodes if isinstance(n, Conv)])

# The same once more; side by side as alone, but for the order of sums.
first, again = (weights(learned([0, 1], 1)[1]) for _ in range(2))
alone = weights(learned([1], 1)[0])
other = weights(learned([0], 1)[0])
assert np.array_equal(first, again)
assert np.abs(first - alone).max() < 1e-2 < np.abs(first - other).max()

# Folded, a layer computes what PyTorch's batch normalization does outside of training.
node = next(n for n in nets[0].nodes if n.name == "fire2/expand3x3")
layer = _Layers(node, [torch.Generator().manual_seed(n) for n in (0, 1)])
inside = node.weights.shape[1]
with torch.no_grad():
    layer.gain.uniform_(0.5, 2)
    layer.bias.uniform_(-1, 1)
    for _ in range(20):
        layer(torch.rand(16, 2 * inside, 8, 8) * 3 - 1)
    x = torch.rand(2, 2 * inside, 8, 8)
    raw = F.conv2d(x, layer.weights.flatten(0, 1), None, 1, 1, groups=2)
    wanted = F.batch_norm(raw, layer.mean, layer.variance, layer.gain, layer.bias, False)
    pairs = [[torch.from_numpy(v) for v in layer.folded(n)] for n in (0, 1)]
    parts = [F.conv2d(x[:, n * inside:(n + 1) * inside], *pairs[n], padding=1) for n in (0, 1)]
assert not torch.allclose(raw, wanted, atol=0.1)
assert torch.allclose(torch.cat(parts, 1), wanted, atol=1e-4)
print("done")
"""


def test_a_small_network_learns_and_again_the_same() -> None:
    modules = "import torch, sklearn, onnx"
    if subprocess.run([PYTHON, "-c", modules], capture_output=True).returncode:
        pytest.skip(f"{PYTHON} lacks PyTorch; FIREBRICK_TORCH names another")
    done = subprocess.run(
        [PYTHON, "-c", CODE],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "done"


def test_without_pytorch_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FirebrickError, match=r"training needs PyTorch.*make trained installs it"):
        training.check_torch()
