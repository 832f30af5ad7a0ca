"""Training the detector by PyTorch, where there is one: FIREBRICK_TORCH names the Python of another
environment that has it, such as .venv-train/bin/python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PYTHON = os.environ.get("FIREBRICK_TORCH", sys.executable)
CODE = """
import sys
import numpy as np, onnx, torch
from pathlib import Path
from firebrick.models.canvases import HEIGHT, WIDTH, training_canvases
from firebrick.models.train_detector import (
    DetectorNet, fold, inverted, normalize, to_input, to_onnx, train,
)
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.importers.load import load_model

# Folded, the network computes what it did with batch normalization outside of training.
torch.manual_seed(1)
net = DetectorNet()
normalize(net)
pictures = torch.rand(8, 1, HEIGHT, WIDTH)
with torch.no_grad():
    torch.nn.init.normal_(net.head.weight, std=0.1)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.uniform_(0.5, 2)
            module.bias.uniform_(-1, 1)
    for _ in range(20):
        net(pictures)
    wanted = net.eval()(pictures[:2])
    fold(net)
    assert wanted.std() > 0.1 and torch.allclose(net(pictures[:2]), wanted, atol=1e-3)
assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in net.modules())

# Half of the pictures are negatives.
seen = inverted(pictures, torch.Generator().manual_seed(3))
same = [torch.equal(a, b) for a, b in zip(seen, pictures)]
assert 0 < sum(same) < len(same)
assert all(kept or torch.equal(a, 1 - b) for kept, a, b in zip(same, seen, pictures))

# The same once more, and the same from the file.
data = training_canvases(32, 5)
net, again = train(data, 2), train(data, 2)
values = net.state_dict()
assert all(torch.equal(value, values[name]) for name, value in again.state_dict().items())
path = Path(sys.argv[1])
onnx.save(to_onnx(net), path)
read, _ = load_model(path, "digits", resize=0)
inputs = to_input(torch.from_numpy(data.pictures[:2]))
with torch.no_grad():
    wanted = net(inputs).flatten(1).numpy()
np.testing.assert_allclose(FloatModel(read).logits(inputs.numpy()), wanted, atol=1e-3)
print("done")
"""


def test_the_file_computes_what_was_trained(tmp_path: Path) -> None:
    modules = "import torch, sklearn, onnx, rich"
    if subprocess.run([PYTHON, "-c", modules], capture_output=True).returncode:
        pytest.skip(
            f"{PYTHON} lacks PyTorch or the project's packages; FIREBRICK_TORCH names another"
        )
    done = subprocess.run(
        [PYTHON, "-c", CODE, str(tmp_path / "net.onnx")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "done"
