"""Which engine the whole-engine bench runs on: ``HW=rtl`` (the default) or ``HW=hls``.

With ``HW=hls`` the variable ``HLS`` names a project that ``make hls`` wrote and in which Vitis HLS
has synthesized the kernel; its Verilog runs below the register block that is part of the project.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firebrick.hw.hls.emit import REGISTER_BLOCK, SHAPE_FILE
from firebrick.sim.benches.runner import BUILDS, BenchError

KERNEL = "firebrick_kernel.v"
NEXT = (
    "run `make hls`, then in the project's folder `vitis_hls -f build.tcl synth` (or `v++ -c "
    "--mode hls --config hls_config.cfg --work_dir work`), and name that folder: "
    "HW=hls HLS=build/hls/project"
)


@dataclass(frozen=True)
class Hardware:
    """What :func:`sim.benches.runner.run_bench` takes for ``firebrick_engine``."""

    sources: list[Path] | None = None  # None: the SystemVerilog engine's
    parameters: dict[str, int] = field(default_factory=dict)
    verilator_args: tuple[str, ...] = ()


def is_hls(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether HW asks for the HLS kernel; raises BenchError for a value it does not know."""
    chosen = environment.get("HW", "rtl")
    if chosen not in ("rtl", "hls"):
        raise BenchError(f"HW={chosen}: there is rtl (the default) and hls")
    return chosen == "hls"


def chosen_hardware(environment: Mapping[str, str] = os.environ) -> Hardware:
    """The engine that HW and HLS name.

    Raises:
        BenchError: saying what to run first where the project, or its Verilog, is not there.
    """
    if not is_hls(environment):
        return Hardware()
    if not environment.get("HLS"):
        raise BenchError(f"HW=hls needs Verilog that Vitis HLS made; {NEXT}")
    return hls_hardware(Path(environment["HLS"]))


def hls_hardware(project: Path) -> Hardware:
    """The emitted engine of ``project`` around the kernel's Verilog, wherever in it that lies."""
    project = project.absolute()
    if not (project / SHAPE_FILE).is_file():
        raise BenchError(f"{project}: no {SHAPE_FILE}, so no project of `make hls`; {NEXT}")
    # What synthesis left: co-simulation has copies beside files of its own.
    kernels = sorted(
        project.glob(f"**/syn/verilog/{KERNEL}"), key=lambda path: path.stat().st_mtime
    )
    if not kernels:
        raise BenchError(f"{project}: no {KERNEL}: the kernel is not synthesized; {NEXT}")
    verilog = kernels[-1].parent
    shape: dict[str, Any] = json.loads((project / SHAPE_FILE).read_text())
    waiver = BUILDS / f"hls-{project.name}.vlt"
    waiver.parent.mkdir(parents=True, exist_ok=True)
    # What the tool wrote is not held to this project's lint rules.
    waiver.write_text(f'`verilator_config\nlint_off -file "{verilog}/*"\n')
    sources = [project / "rtl" / name for name in REGISTER_BLOCK]
    sources += [*sorted(verilog.glob("*.v")), *sorted(verilog.glob("*.sv"))]
    return Hardware(
        [waiver, *sources, project / "rtl" / "firebrick_engine.sv"],
        {name.title().replace("_", ""): int(value) for name, value in shape.items()},
        # Memories of the kernel are initialised from files beside it.
        (f"-I{verilog}",),
    )
