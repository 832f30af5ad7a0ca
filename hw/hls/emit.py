"""Write the engine as a Vitis HLS project: C++ sources, test bench, build scripts."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hw import definition as d
from hw.shape import EngineShape

HERE = Path(__file__).resolve().parent
TEMPLATES = HERE / "templates"
DEFINITIONS = HERE / "firebrick_defs.h"
# 64-bit beats of memory that co-simulation gives each port.
COSIM_DEPTH = 1 << 21

INPUTS = (
    "PROGRAM_ADDR",
    "INPUT_ADDR",
    "OUTPUT_ADDR",
    "SCRATCH_ADDR",
    "IMAGES",
    "INPUT_STRIDE",
    "OUTPUT_STRIDE",
)
OUTPUTS = (
    "ERROR",
    "ACTIVE",
    "READ_BEATS_MAPS",
    "READ_BEATS_PROGRAM",
    "WRITE_BEATS",
    "IMAGES_DONE",
    "GROUP",
)


@dataclass(frozen=True)
class Argument:
    """A scalar argument of the top function: a register of the definition."""

    argument: str
    offset: int
    doc: str
    output: bool


@dataclass(frozen=True)
class NamedField:
    """A descriptor's field as the C++ knows it; ``camel`` is its name in the header."""

    name: str
    camel: str
    bits: int
    doc: str


def arguments() -> tuple[Argument, ...]:
    """The top function's scalar arguments in their order."""
    registers = {r.name: r for r in d.REGISTERS}
    return tuple(
        Argument(name.lower(), registers[name].offset, registers[name].doc, name in OUTPUTS)
        for name in (*INPUTS, *OUTPUTS)
    )


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _fields() -> dict[str, list[NamedField]]:
    """The group's own fields, and those of one of its three passes."""
    skip = ("payload_crc", "payload_pad", "descriptor_pad", "descriptor_crc")
    passes = ("p0_", "p1_", "p2_")
    group = [f for f in d.DESCRIPTOR if not f.name.startswith(passes) and f.name not in skip]
    one = [f for f in d.DESCRIPTOR if f.name.startswith("p0_")]
    return {
        "group_fields": [NamedField(f.name, _camel(f.name), f.bits, f.doc) for f in group],
        "pass_fields": [NamedField(f.name[3:], _camel(f.name[3:]), f.bits, f.doc) for f in one],
    }


def emit_project(shape: EngineShape, part: str, clock_ns: float, folder: Path) -> Path:
    """Write the HLS project of an engine of ``shape`` into ``folder``, and return the folder.

    ``part`` is the FPGA's name for Vitis, ``clock_ns`` the clock's period.  Raises ValueError for
    an empty part or a period that is not positive.
    """
    if not part or any(c.isspace() for c in part):
        raise ValueError(f"part {part!r}: the FPGA's full name is needed, such as xc7z020clg400-1")
    if not clock_ns > 0:
        raise ValueError(f"a clock period of {clock_ns} ns: it must be more than 0")
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    values: dict[str, Any] = {
        "shape": shape,
        "part": part,
        "clock_ns": clock_ns,
        "depth": COSIM_DEPTH,
        "arguments": arguments(),
        **_fields(),
    }
    folder = Path(folder)
    for template in sorted(environment.list_templates(extensions=["j2"])):
        target = folder / template.removesuffix(".j2")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(environment.get_template(template).render(values), encoding="utf-8")
    shutil.copyfile(DEFINITIONS, folder / "src" / DEFINITIONS.name)
    return folder
