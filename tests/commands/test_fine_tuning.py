"""docs/fine-tuning.md: its Python code, every line as it stands, and its commands on what it makes.

The page trains with torchvision; without PyTorch the test is skipped.  FIREBRICK_TORCH names the
Python of another environment that has it.  Random weights lie where torchvision would put the
trained ones, so that nothing is fetched.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from firebrick.quantize import golden, qfile
from tests.conftest import ROOT
from tests.docs.test_documents import made

PAGE = ROOT / "docs" / "fine-tuning.md"
PYTHON = os.environ.get("FIREBRICK_TORCH", sys.executable)
CLASSES = ("blue", "green", "red")
WEIGHTS = """
import pathlib, torch, torchvision
name = torchvision.models.SqueezeNet1_1_Weights.DEFAULT.url.rpartition("/")[2]
folder = pathlib.Path(torch.hub.get_dir()) / "checkpoints"
folder.mkdir(parents=True)
torch.manual_seed(1)
torch.save(torchvision.models.squeezenet1_1().state_dict(), folder / name)
"""


def blocks(language: str) -> list[str]:
    """The code blocks of the page in one language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.S)


def photos(folder: Path, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for channel, name in ((2, "blue"), (1, "green"), (0, "red")):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            pixels = rng.integers(0, 120, (240, 260, 3), np.uint8)
            pixels[..., channel] += 120
            Image.fromarray(pixels).save(folder / name / f"{name}{index}.png")


def test_every_line_of_the_page(tmp_path, monkeypatch):
    modules = ("torch", "torchvision", "onnx", "onnxscript")
    found = subprocess.run([PYTHON, "-c", f"import {', '.join(modules)}"], capture_output=True)
    if found.returncode:
        pytest.skip(f"{PYTHON} lacks one of {', '.join(modules)}; FIREBRICK_TORCH names another")
    photos(tmp_path / "photos" / "train", 6, 1)
    photos(tmp_path / "photos" / "test", 3, 2)
    code = "\n".join(blocks("python"))
    assert code.count("\n") > 40
    environment = os.environ | {"TORCH_HOME": str(tmp_path / "hub")}
    for text in (WEIGHTS, code):
        done = subprocess.run(
            [PYTHON, "-c", text], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    assert "epoch 10: loss" in done.stdout and "of 9 photos right" in done.stdout
    calibration = tmp_path / "calibration"
    calibration.mkdir()
    for path in sorted((tmp_path / "photos" / "train").glob("*/*.png")):
        shutil.copy(path, calibration)
    files = {
        "mine.onnx": tmp_path / "mine.onnx",
        "calibration": calibration,
        "classes.csv": tmp_path / "classes.csv",
        "build/mine.npz": tmp_path / "mine.npz",
        "photos/test/cats": tmp_path / "photos" / "test" / "red",
        "others": tmp_path / "photos" / "train",
    }
    # What the commands write, and the simulated board, which is built once.
    monkeypatch.setenv("FIREBRICK_BUILD", str(tmp_path / "build"))
    ran = []
    for line in blocks("sh")[1].replace("\\\n", "").splitlines():
        (call,) = made(line)
        words = [str(files.get(word, word)) for word in shlex.split(call)[1:]]
        done = subprocess.run(
            [sys.executable, "-m", "firebrick", *words], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        ran.append(words[0])
    assert ran == ["quantize", "demo", "deploy", "notebook", "learn"]
    qnet = qfile.load(tmp_path / "mine.npz")
    assert qnet.classes == CLASSES
    shape = qnet.tensors[qnet.input].shape
    assert shape == (3, 224, 224)
    assert golden.run(qnet, np.zeros((1, *shape), np.uint8)).logits.shape == (1, 3)
    assert json.loads((tmp_path / "build" / "demo.json").read_text())["mismatches"] == 0
    assert json.loads((tmp_path / "build" / "learn.json").read_text())["classes"] == 3
