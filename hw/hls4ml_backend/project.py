"""What ``write()`` leaves in the output folder: C++ project, program, network, configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from firebrick.host import layout
from firebrick.host.program import Program, parse_program
from firebrick.hw.hls.emit import UNCERTAINTY, bench_beats, emit_project
from firebrick.hw.hls4ml_backend.defaults import CLOCK_NS, PART
from firebrick.hw.hls4ml_backend.simulation import pixels, program
from firebrick.hw.hls4ml_backend.state import NETWORK_FILE, engine_shape, quantized
from firebrick.quantize import golden, qfile
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.files import write_bytes, write_text
from firebrick.quantize.support.staging import staged

PROGRAM = "program.fbp"
DATA = "data"
# Pictures for C simulation and co-simulation, which is slow.
TEST_PICTURES = 2
CONFIG = "hls4ml_config.yml"
# Objects that cannot be written down as text; the network file holds what became of them.
OBJECTS = ("OnnxModel", "KerasModel", "PytorchModel", "Calibration")


def write(model: Any) -> None:
    """Emit the engine's C++ for Vitis HLS, the compiled network, the quantized network and
    hls4ml's configuration."""
    folder = Path(model.config.get_output_dir())
    folder.mkdir(parents=True, exist_ok=True)
    blob = program(model).blob
    host = parse_program(blob)
    images = _test_pictures(model)
    try:
        emit_project(
            engine_shape(model),
            model.config.get_config_value("Part", PART),
            float(model.config.get_config_value("ClockPeriod", CLOCK_NS)),
            folder,
            str(model.config.get_config_value("ClockUncertainty", UNCERTAINTY)),
            bench_beats(host, len(host.loadable), len(images)),
        )
    except ValueError as error:
        raise FirebrickError(f"{folder}: {error}") from error
    write_bytes(folder / PROGRAM, blob)
    _write_test_data(model, host, images, folder / DATA)
    qfile.save(quantized(model), folder / NETWORK_FILE)
    config = {
        key: value
        for key, value in model.config.config.items()
        if key not in OBJECTS or isinstance(value, str)
    }
    write_text(folder / CONFIG, yaml.safe_dump(_plain(config), sort_keys=False))


def _test_pictures(model: Any) -> np.ndarray:
    """The first pictures of hls4ml's ``input_data_tb`` (.npy), or a random one."""
    qnet = quantized(model)
    named = model.config.get_config_value("InputData")
    if named is None:
        shape = (1, *qnet.tensors[qnet.input].shape)
        return np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    if Path(named).suffix != ".npy" or not Path(named).is_file():
        raise FirebrickError(f"{named}: input_data_tb must name an .npy file of pictures")
    return pixels(model, np.load(named, allow_pickle=False)[:TEST_PICTURES])


def _write_test_data(model: Any, host: Program, images: np.ndarray, folder: Path) -> None:
    """What the emitted test bench reads: the program, stored pictures, and the sums they give."""
    stored = [layout.pack_input(i, host.input, host.pixels, host.word_bytes) for i in images]
    written = np.zeros((len(images), host.output.bytes // 8), "<i8")
    sums = golden.run(quantized(model), images).sums - np.array(host.output.addend, np.int64)
    written[:, : host.output.classes] = sums
    with staged(folder) as scratch:
        write_bytes(scratch / PROGRAM, host.loadable)
        write_bytes(scratch / "inputs.bin", b"".join(data.tobytes() for data in stored))
        write_bytes(scratch / "expected.bin", written.tobytes())


def _plain(value: Any) -> Any:
    """``value`` in YAML's own kinds."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
