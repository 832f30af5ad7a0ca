"""The simulated board with the engine's real pair of clocks: :func:`two_clock_library`.

The board is simulated with multipliers at the engine's own clock, which is quick.  Here they are
the chip's: DSP blocks at twice the clock, by the model of yosys that the netlist's tests use too.
Both give the same in every bit and cycle, which a test says.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from firebrick.hw.shape import EngineShape
from firebrick.sim.build import Progress, build_design, engine_design, once
from firebrick.sim.gates.chip import yosys_models

CELLS_FILE = "cells.v"


def two_clock_library(shape: EngineShape, progress: Progress | None = None) -> Path:
    """Path of the shared library of such a board, built first if its sources are new.

    Raises ValueError for an engine that is not pumped, :class:`sim.build.BuildError` with one line
    that says which tool refused what.
    """
    if shape.pump == 1:
        raise ValueError(f"an engine of {shape} has one clock")
    design = engine_design(shape)
    return build_design(
        replace(
            design,
            name=f"{design.name}-two-clocks",
            sources=(dsp_model(), *design.sources),
            parameters={**design.parameters, "FastClock": 1},
            two_clocks=True,
        ),
        progress,
    )


def dsp_model() -> Path:
    """A file with yosys' model of the DSP block."""
    text = yosys_models(("DSP48E1",))
    name = f"cells-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def fill(folder: Path) -> None:
        (folder / CELLS_FILE).write_text(text)

    return once(name, fill) / CELLS_FILE
