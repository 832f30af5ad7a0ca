"""Models converted by hls4ml for the Firebrick backend."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import onnx
import pytest

from firebrick.models import digits
from firebrick.quantize.qnetwork import Preprocessing

MISSING = importlib.util.find_spec("hls4ml") is None
if MISSING:
    collect_ignore_glob = ["test_*.py"]
else:
    import hls4ml

# Small networks of the tests see pixels as they are.
PLAIN = Preprocessing("RGB", 0, (0, 0), 1 / 64, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
ENGINE = {"pixels": 4, "channels": 8}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if MISSING:
        terminalreporter.write_line(
            "tests of the hls4ml backend: none ran, hls4ml is not installed; run make setup"
        )


@pytest.fixture(scope="session")
def pictures() -> tuple[np.ndarray, np.ndarray]:
    """Digits for calibration and others for tests, uint8 [N, 1, 32, 32]."""
    train, _, held_out, _ = digits.load_digits_split()
    return train[:32], held_out[:6]


def convert(model, folder: Path, **options):
    """hls4ml's conversion for this backend, with a small engine."""
    options = {**ENGINE, "preprocessing": PLAIN, **options}
    return hls4ml.converters.convert_from_onnx_model(
        model, backend="Firebrick", output_dir=str(folder / "project"), **options
    )


def random_pictures(model: onnx.ModelProto, count: int = 4, seed: int = 5) -> np.ndarray:
    """uint8 pictures [count, C, H, W] of the size of the model's input."""
    dims = model.graph.input[0].type.tensor_type.shape.dim[1:]
    shape = (count, *(dim.dim_value for dim in dims))
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@pytest.fixture(scope="session")
def traced_digits(pictures, tmp_path_factory):
    """The bundled network, every layer traced, compiled."""
    path = str(digits.MODEL_PATH)
    config = hls4ml.utils.config_from_onnx_model(path, granularity="name", backend="Firebrick")
    for layer in config["LayerName"].values():
        layer["Trace"] = True
    folder = tmp_path_factory.mktemp("digits")
    model = convert(
        path, folder, hls_config=config, preprocessing="digits", calibration=pictures[0]
    )
    model.compile()
    return model
