"""Primitives of the chip for benches of what instantiates them."""

from __future__ import annotations

from pathlib import Path

from firebrick.sim.benches.runner import resolve_sources
from firebrick.sim.gates.chip import PRIMITIVES
from firebrick.sim.two_clocks import dsp_model

LAX = ("-Wno-fatal", "-Wno-lint", "-Wno-style")
"""Arguments for Verilator: what it says of yosys' models is not ours to mend."""


def with_cells(toplevel: str, *ours: str) -> list[Path]:
    """Sources of ``toplevel`` behind yosys' model of the DSP block, the one that the netlist's
    tests know, and models of our own for the primitives that are named."""
    own = [PRIMITIVES / f"{name}.sv" for name in ours]
    return [dsp_model(), *own, *resolve_sources(toplevel)]
