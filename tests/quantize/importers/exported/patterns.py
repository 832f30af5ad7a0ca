"""What the scripts of this folder share: weights that compress, and packed files."""

from __future__ import annotations

import json
import lzma
from importlib.metadata import version

import numpy as np
import onnx

from tests.quantize.importers.exported.files import FOLDER

MANIFEST = FOLDER / "manifest.json"
# Weights repeat after a prime number of values, so that no two filters are alike but xz finds
# the repetition.
PERIOD = 1021


def weights(shape: tuple[int, ...], seed: int, fan_in: int | None = None) -> np.ndarray:
    """Small integers times a power of two, float32, of about He's spread for ``fan_in``."""
    rng = np.random.default_rng(seed)
    base = np.clip(np.rint(rng.normal(0, 2, PERIOD)), -9, 9).astype(np.float32)
    fan = fan_in or int(np.prod(shape[1:]))
    step = 2.0 ** np.round(np.log2(np.sqrt(2 / fan) / np.sqrt(np.mean(base**2))))
    return np.resize(base * np.float32(step), shape)


def biases(count: int, seed: int) -> np.ndarray:
    """Multiples of 1/64 within +-0.2, float32."""
    return (np.random.default_rng(seed).integers(-12, 13, count) / 64).astype(np.float32)


def pack(name: str, model: onnx.ModelProto, packages: list[str], what: str) -> None:
    """Write ``name``.onnx.xz and enter it, and the versions that made it, into the manifest."""
    onnx.checker.check_model(model)
    data = lzma.compress(model.SerializeToString(), preset=9 | lzma.PRESET_EXTREME)
    (FOLDER / f"{name}.onnx.xz").write_bytes(data)
    entries = json.loads(MANIFEST.read_text()) if MANIFEST.is_file() else {}
    entries[name] = {
        "what": what,
        "producer": f"{model.producer_name} {model.producer_version}".strip(),
        "opset": {entry.domain or "onnx": entry.version for entry in model.opset_import},
        "made with": {package: version(package) for package in packages},
    }
    MANIFEST.write_text(json.dumps(dict(sorted(entries.items())), indent=1) + "\n")
    print(f"{name}: {len(data)} bytes, {len(model.graph.node)} nodes")
