"""Write the engine as a Vitis HLS project: C++ sources, test bench, build scripts."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from firebrick.host.program import Program
from firebrick.hw import definition as d
from firebrick.hw.interface import (
    CONTROL_BUS,
    KERNEL_EVENTS,
    KERNEL_INPUTS,
    KERNEL_MEMORIES,
    KERNEL_OUTPUTS,
    MAPS_BUS,
    MAPS_IN_BUS,
    MAPS_OUT_BUS,
    PROGRAM_BUS,
    engine_ports,
    kernel_ports,
)
from firebrick.hw.shape import EngineShape
from firebrick.quantize.support.files import write_bytes
from firebrick.quantize.support.staging import staged
from firebrick.quantize.support.templates import environment

HERE = Path(__file__).resolve().parent
TEMPLATES = HERE / "templates"
DEFINITIONS = HERE / "firebrick_defs.h"
# 64-bit beats of memory that co-simulation gives each port, where nobody says what the test bench
# needs: it writes and reads all of them for every call.
COSIM_BEATS = 1 << 21
ALIGNMENT = 128
# Included by others.
SIGNATURE = "src/signature.j2"
SHAPE_FILE = "engine.json"
# What the tool keeps of the period where nobody says: hls4ml's share, not the tool's own of 27 %.
UNCERTAINTY = "12.5%"
# Of the IP that export makes, whichever tool runs.
VLNV = {"vendor": "firebrick", "library": "hls", "name": "firebrick_kernel", "version": "1.0"}

# Of the SystemVerilog engine, what the emitted one has too: its register block.
RTL = HERE.parent / "rtl"
REGISTER_BLOCK = ("firebrick_pkg.sv", "fb_ram.sv", "fb_axil.sv", "fb_control.sv")


@dataclass(frozen=True)
class Argument:
    """A scalar argument of the top function: a register of the definition."""

    argument: str
    register: str
    offset: int
    doc: str
    output: bool
    event: bool  # a stream of counts, one a group or an image


@dataclass(frozen=True)
class NamedField:
    """A descriptor's field as the C++ knows it; ``camel`` is its name in the header, ``tail`` the
    field or the number that it is in the fourth pass."""

    name: str
    camel: str
    bits: int
    doc: str
    tail: str


def arguments() -> tuple[Argument, ...]:
    """The top function's scalar arguments in their order."""
    registers = {r.name: r for r in d.REGISTERS}
    return tuple(
        Argument(
            name,
            register,
            registers[register].offset,
            registers[register].doc,
            output,
            name in KERNEL_EVENTS,
        )
        for names, output in ((KERNEL_INPUTS, False), (KERNEL_OUTPUTS, True))
        for name, register in names.items()
    )


def _connections() -> dict[str, str]:
    """What the wrapper connects to each port of the kernel; unused outputs to nets of that name."""
    named = {
        "ap_clk": "clk_i",
        "ap_rst_n": "kernel_rst_n",
        "ap_start": "kernel_start",
        "ap_done": "kernel_done",
        "ap_idle": "unused_kernel_idle",
        "ap_ready": "kernel_ready",
        "images": "32'(images)",
        "error_status": "error_status",
        "error_status_ap_vld": "error_valid",
        "groups_done_write": "group_valid",
        "images_done_write": "image_valid",
        **{f"{name}_full_n": "1'b1" for name in KERNEL_EVENTS},
        # The arrays begin at address 0.
        **{name: "32'd0" for name in KERNEL_MEMORIES},
        **{name: name for name in KERNEL_INPUTS if name != "images"},
    }
    # Each of the kernel's two masters for maps has one direction of the engine's port.
    outside = {MAPS_IN_BUS: MAPS_BUS, MAPS_OUT_BUS: MAPS_BUS, PROGRAM_BUS: PROGRAM_BUS}
    used = {MAPS_IN_BUS: ("AR", "R"), MAPS_OUT_BUS: ("AW", "W", "B"), PROGRAM_BUS: ("AR", "R")}
    gated = {
        f"{bus}_{signal}": f"kernel_{outside[bus].removeprefix('m_axi_')}_{signal.lower()}"
        for bus, signals in (
            (MAPS_IN_BUS, ("ARVALID", "RREADY")),
            (MAPS_OUT_BUS, ("AWVALID", "WVALID", "BREADY")),
            (PROGRAM_BUS, ("ARVALID", "RREADY")),
        )
        for signal in signals
    }
    # A burst's address is taken only while it is shown to the memory.
    gated |= {
        f"{MAPS_IN_BUS}_ARREADY": f"{MAPS_BUS}_arready && maps_ar_open",
        f"{MAPS_OUT_BUS}_AWREADY": f"{MAPS_BUS}_awready && maps_aw_open",
        f"{MAPS_OUT_BUS}_WREADY": f"{MAPS_BUS}_wready && maps_w_open",
        f"{PROGRAM_BUS}_ARREADY": f"{PROGRAM_BUS}_arready && program_ar_open",
    }
    outer = {p.name for p in engine_ports()}
    found = {}
    for port in kernel_ports():
        bus = next((b for b in used if port.name.startswith(f"{b}_")), None)
        signal = "" if bus is None else port.name.removeprefix(f"{bus}_")
        # Where the port of the engine has the signal, and the master the channel.
        net = "" if bus is None else f"{outside[bus]}_{signal.lower()}"
        channel = signal[:2] if signal.startswith("A") else signal[:1]
        if port.name in named | gated:
            found[port.name] = (named | gated)[port.name]
        elif bus is not None and net in outer and channel in used[bus]:
            found[port.name] = net
        elif port.direction == "input":
            found[port.name] = f"{port.bits}'d0"
        else:
            found[port.name] = f"unused_{port.name}"
    return found


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _fields() -> dict[str, list[NamedField]]:
    """The group's own fields, and those of one of its passes."""
    skip = ("payload_crc", "payload_pad", "descriptor_pad", "descriptor_crc")
    passes = tuple(f"p{k}_" for k in range(d.PASSES))
    group = [f for f in d.DESCRIPTOR if not f.name.startswith(passes) and f.name not in skip]
    one = [f for f in d.DESCRIPTOR if f.name.startswith("p0_")]
    return {
        "group_fields": [_named(f, f.name) for f in group],
        "pass_fields": [_named(f, f.name[3:]) for f in one],
    }


def _named(field: d.Field, name: str) -> NamedField:
    tail = d.TAIL_CONSTANTS.get(name, name)
    value = f"kGroupP{d.TAIL}{_camel(tail)}.get(beats)" if isinstance(tail, str) else str(tail)
    return NamedField(name, _camel(name), field.bits, field.doc, value)


def bench_beats(program: Program, size: int, images: int) -> int:
    """64-bit beats of memory that the test bench needs for a program of ``size`` bytes."""
    parts = [size, *[program.input.bytes] * images, *[program.output.bytes] * images]
    parts.append(program.scratch_bytes)
    return sum(-(-part // ALIGNMENT) * ALIGNMENT for part in parts) // d.BEAT_BYTES


def emit_project(
    shape: EngineShape,
    part: str,
    clock_ns: float,
    folder: Path,
    uncertainty: str = UNCERTAINTY,
    beats: int = COSIM_BEATS,
) -> Path:
    """Write the HLS project of an engine of ``shape`` into ``folder``, and return the folder.

    ``part`` is the FPGA's name for Vitis, ``clock_ns`` the clock's period, ``uncertainty`` what the
    tool keeps of it for wires, in ns or percent ("12.5%"), and ``beats`` the memory of the test
    bench (:func:`bench_beats`).  Raises ValueError for an empty part, a period that is not
    positive, an uncertainty that is neither, or a pumped engine, which the C++ is not.
    """
    if shape.pump != 1:
        raise ValueError(f"an engine of {shape}: the C++ takes one K step a cycle, as pump 1 does")
    if not part or any(c.isspace() for c in part):
        raise ValueError(f"part {part!r}: the FPGA's full name is needed, such as xc7z020clg400-1")
    if not clock_ns > 0:
        raise ValueError(f"a clock period of {clock_ns} ns: it must be more than 0")
    share = re.fullmatch(r"(\d+(?:\.\d+)?)(%|ns)?", uncertainty)
    if not share or float(share[1]) >= (100 if share[2] == "%" else clock_ns):
        raise ValueError(
            f"a clock uncertainty of {uncertainty!r}: a part of the period is needed, such as "
            "12.5% or 1.25"
        )
    templates = environment(TEMPLATES)
    connections = _connections()
    values: dict[str, Any] = {
        "shape": shape,
        "part": part,
        "clock_ns": clock_ns,
        "uncertainty": uncertainty.removesuffix("ns"),
        "vlnv": VLNV,
        "depth": beats,
        "arguments": arguments(),
        "inputs": [a for a in arguments() if not a.output],
        "engine_ports": engine_ports(),
        "control_ports": [p for p in engine_ports() if p.name.startswith(CONTROL_BUS)],
        "kernel_ports": kernel_ports(),
        "connections": connections,
        "unused_outputs": [n for n, net in connections.items() if net == f"unused_{n}"],
        **_fields(),
    }
    files = {
        name.removesuffix(".j2"): templates.get_template(name).render(values).encode()
        for name in templates.list_templates(extensions=["j2"])
        if name != SIGNATURE
    }
    files |= {f"src/{DEFINITIONS.name}": DEFINITIONS.read_bytes()}
    files |= {f"rtl/{name}": (RTL / name).read_bytes() for name in REGISTER_BLOCK}
    files |= {SHAPE_FILE: (json.dumps(asdict(shape), indent=2) + "\n").encode()}
    folder = Path(folder)
    with staged(folder) as scratch:
        for name, data in files.items():
            write_bytes(scratch / name, data)
    return folder
