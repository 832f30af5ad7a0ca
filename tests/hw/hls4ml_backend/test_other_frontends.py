"""Networks from Keras and PyTorch, in an environment of their own; what hls4ml drops from PyTorch's
modules."""

from __future__ import annotations

import os
import re
import subprocess
from types import SimpleNamespace

import pytest

from firebrick.hw.hls4ml_backend import pytorch
from firebrick.quantize.errors import FirebrickError
from tests.conftest import ROOT
from tests.hw.hls4ml_backend.layers import Layers, chain

ENVIRONMENT = ROOT / ".venv-frontends"
TESTS = "tests/hw/hls4ml_backend/other_frontends.py"
# Both versions of each conversion of PyTorch's, one of Keras's, and what each refuses.
COUNT = 5


def test_keras_and_pytorch() -> None:
    """`make frontends` makes the environment; where pip finds no PyTorch it leaves a note why."""
    note = ENVIRONMENT / "unavailable"
    if note.is_file():
        pytest.skip(f"{ENVIRONMENT.name} could not be installed: {note.read_text()[-300:]}")
    if not (ENVIRONMENT / ".installed").is_file():
        message = f"{ENVIRONMENT.name} is not there: `make frontends` makes it for this test"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(message)
        pytest.skip(message)
    # One thread each: the other cores have tests of their own.
    environment = {**os.environ, "KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1"}
    command = [ENVIRONMENT / "bin" / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, TESTS], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1200
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0 and re.search(rf"^{COUNT} passed in ", told, re.M), told[-4000:]


class MaxPool2d(SimpleNamespace):
    """Stands for PyTorch's, whose attributes are read only."""


class Modules:
    def __init__(self, **modules: object) -> None:
        self.modules = modules

    def named_modules(self):
        return self.modules.items()


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (MaxPool2d(ceil_mode=False), None),
        (MaxPool2d(ceil_mode=True), r"module pool1 \(MaxPool2d\): .*drops its ceil_mode"),
        (MaxPool2d(ceil_mode=False, dilation=2), r"module pool1 .*its dilation is 2"),
        (MaxPool2d(padding_mode="reflect"), "module pool1 .*padding_mode is 'reflect'"),
    ],
)
def test_what_hls4ml_drops_from_pytorch_modules(module, message, tmp_path):
    """The graph's pool1 reads a map of 9x9: with ceil_mode its windows would be more."""
    layers = Layers()
    layers.average("average", chain(layers))
    model = layers.convert(tmp_path)
    model.config.config["PytorchModel"] = Modules(pool1=module)
    if message is None:
        pytorch.check(model)
        return
    with pytest.raises(FirebrickError, match=message):
        pytorch.check(model)


def test_ceil_mode_of_a_module_that_the_graph_lacks(tmp_path):
    layers = Layers()
    layers.average("average", chain(layers))
    model = layers.convert(tmp_path)
    model.config.config["PytorchModel"] = Modules(other=MaxPool2d(ceil_mode=True))
    with pytest.raises(FirebrickError, match=r"module other \(MaxPool2d\)"):
        pytorch.check(model)


def test_ceil_mode_that_changes_nothing_passes(tmp_path):
    layers = Layers()
    x = layers.conv("conv1", "pixels", 6, 4)
    layers.average("average", layers.conv("last", layers.pool("pool1", x), 5))
    model = layers.convert(tmp_path)
    model.config.config["PytorchModel"] = Modules(pool1=MaxPool2d(ceil_mode=True))
    pytorch.check(model)
