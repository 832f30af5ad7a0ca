"""The backend and writer classes that hls4ml instantiates.

One engine runs every layer, so there is no C++ a layer: a single flow turns hls4ml's optimized
graph into the quantized network, and compile, predict, write and build work on that.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from hls4ml.backends.fpga.fpga_backend import FPGABackend
from hls4ml.model.flow import register_flow
from hls4ml.model.optimizer import ModelOptimizerPass
from hls4ml.writer.writers import Writer

from firebrick.hw.hls.emit import UNCERTAINTY
from firebrick.hw.hls4ml_backend.defaults import CLOCK_NS, IO_TYPE, NAME, PART
from firebrick.hw.shape import PYNQ_Z2, EngineShape
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.qnetwork import Preprocessing


class FirebrickWriter(Writer):
    """hls4ml's writer interface; see :func:`hw.hls4ml_backend.project.write`."""

    def write_hls(self, model: Any, is_multigraph: bool = False) -> None:
        from firebrick.hw.hls4ml_backend.project import write

        if is_multigraph:
            raise FirebrickError("a network is one program of one engine; it is not split")
        write(model)


class FirebrickBackend(FPGABackend):
    """The time-shared engine as an hls4ml backend."""

    def __init__(self) -> None:
        super().__init__(NAME)
        # hls4ml repeats the pass of this name when it loads a saved model.
        types = self.name.lower() + ":transform_types"
        self.register_pass("transform_types", ModelOptimizerPass("transform_types", _transform))
        lower = register_flow("lower", [types], requires=["optimize"], backend=self.name)
        self._default_flow = register_flow("ip", None, requires=[lower], backend=self.name)

    def get_default_flow(self) -> str:
        return self._default_flow

    def get_writer_flow(self) -> str:
        """There is none: :meth:`write` needs no passes over the graph."""
        return self._default_flow

    def create_initial_config(
        self,
        part: str | None = None,
        clock_period: float | None = None,
        clock_uncertainty: str | None = None,
        io_type: str | None = None,
        board: str | None = None,
        pixels: int | None = None,
        channels: int | None = None,
        preprocessing: str | dict | Preprocessing | None = None,
        calibration: np.ndarray | str | os.PathLike | None = None,
        **unknown: Any,
    ) -> dict[str, Any]:
        """The options of a conversion.

        ``part`` and ``clock_period`` (ns) go into the project; ``pixels`` x ``channels`` is the
        engine's array.  ``preprocessing`` is a preset's name, or the values of
        :class:`quantize.qnetwork.Preprocessing`: it is folded into the first convolution, the
        engine reads raw pixels.  ``calibration``: uint8 images [N, C, H, W] or [N, H, W, C], an
        .npy file of such, or a folder of pictures.
        """
        if unknown:
            raise FirebrickError(
                f"option {sorted(unknown)[0]} is not one of backend {NAME}; it has part, board, "
                "clock_period, clock_uncertainty, io_type, pixels, channels, preprocessing, "
                "calibration"
            )
        if board not in (None, "pynq-z2"):
            raise FirebrickError(f"board {board!r} is not known; known is pynq-z2, or give a part")
        if io_type not in (None, "io_stream", "io_parallel"):
            raise FirebrickError(f"io_type {io_type!r} is not one of io_stream, io_parallel")
        shape = EngineShape(
            pixels=PYNQ_Z2.pixels if pixels is None else pixels,
            channels=PYNQ_Z2.channels if channels is None else channels,
        )
        if isinstance(preprocessing, Preprocessing):
            preprocessing = {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in vars(preprocessing).items()
            }
        if isinstance(calibration, os.PathLike):
            calibration = os.fspath(calibration)
        return {
            "Part": part or PART,
            "ClockPeriod": CLOCK_NS if clock_period is None else clock_period,
            "ClockUncertainty": clock_uncertainty or UNCERTAINTY,
            # Inside, everything streams; the word only matters to hls4ml's own passes.
            "IOType": io_type or IO_TYPE,
            "EnginePixels": shape.pixels,
            "EngineChannels": shape.channels,
            "Preprocessing": preprocessing,
            "Calibration": calibration,
            "HLSConfig": {},
        }

    def write(self, model: Any) -> None:
        """Emit the project into the model's output folder."""
        self.writer.write_hls(model)

    def compile(self, model: Any) -> str:
        """Build the emitted C++ with g++; returns the path of the library."""
        from firebrick.hw.hls4ml_backend.simulation import build

        return str(build(model))

    def predict(self, model: Any, x: np.ndarray) -> np.ndarray:
        """Run the compiled engine on ``x``; see :func:`hw.hls4ml_backend.simulation.predict`."""
        from firebrick.hw.hls4ml_backend.simulation import predict

        return predict(model, x)

    def build(
        self,
        model: Any,
        reset: bool = False,
        csim: bool = True,
        synth: bool = True,
        cosim: bool = False,
        validation: bool = False,
        export: bool = False,
        vsynth: bool = False,
        fifo_opt: bool = False,
        log_to_stdout: bool = True,
    ) -> dict[str, Any]:
        """Run Vitis HLS in the project; see :func:`hw.hls.vitis.build`."""
        from firebrick.hw.hls.vitis import build

        steps = {
            "csim": csim,
            "synth": synth,
            "cosim": cosim,
            "validation": validation,
            "export": export,
            "vsynth": vsynth,
            "fifo_opt": fifo_opt,
        }
        return build(Path(model.config.get_output_dir()), steps, reset, log_to_stdout)


def _transform(model: Any) -> bool:
    from firebrick.hw.hls4ml_backend.graph import adopt

    adopt(model)
    return True
