"""What ``write()`` leaves in the output folder: C++ project, program, network, configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from hw.hls.emit import emit_project
from hw.hls4ml_backend.backend import CLOCK_NS, PART
from hw.hls4ml_backend.graph import quantized
from hw.hls4ml_backend.simulation import program
from quantize import qfile

PROGRAM = "program.fbp"
NETWORK = "network.npz"
CONFIG = "hls4ml_config.yml"
# Objects that cannot be written down as text; the network file holds what became of them.
OBJECTS = ("OnnxModel", "KerasModel", "PytorchModel", "Calibration")


def write(model: Any) -> None:
    """Emit the engine's C++ for Vitis HLS, the compiled network, the quantized network and
    hls4ml's configuration."""
    folder = Path(model.config.get_output_dir())
    folder.mkdir(parents=True, exist_ok=True)
    emit_project(
        model.engine_shape,
        model.config.get_config_value("Part", PART),
        float(model.config.get_config_value("ClockPeriod", CLOCK_NS)),
        folder,
    )
    (folder / PROGRAM).write_bytes(program(model).blob)
    qfile.save(quantized(model), folder / NETWORK)
    config = {
        key: value
        for key, value in model.config.config.items()
        if key not in OBJECTS or isinstance(value, str)
    }
    with (folder / CONFIG).open("w", encoding="utf-8") as file:
        yaml.safe_dump(_plain(config), file, sort_keys=False)


def _plain(value: Any) -> Any:
    """``value`` in YAML's own kinds."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
