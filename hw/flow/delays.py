"""Delays of the xc7 family's primitives, in the slowest speed grade, as yosys ships them.

They stand in specify blocks of its simulation models, some of which depend on parameters: a DSP
without its M register is another cell than one with it.  So yosys itself is asked, for every kind
of cell and every set of parameters that a netlist has.  Its sources are measurements of prjxray.

What yosys does not know: the processing system's pins, and the clocks' own skew and jitter.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

from firebrick.hw.flow.netlist import BLOCK_RAMS, Cell
from firebrick.hw.flow.yosys import SEEN, WORK, YOSYS, run_tool
from firebrick.quantize.errors import FirebrickError

Pin = tuple[str, int]
"""A port of a cell and the number of its bit."""

# Clock to output of a block RAM, ps, without and with its output register.  Both figures are
# yosys', but to it block RAMs are black boxes, whose parameters it does not look at.
BLOCK_RAM_READ_PS = (2454, 882)
BLOCK_RAM_OUTPUTS = {
    "DOA_REG": {"DOADO": 32, "DOPADOP": 4},
    "DOB_REG": {"DOBDO": 32, "DOPBDOP": 4},
}
# Ends of names of parameters that delays depend on; others, such as a LUT's contents, make no
# difference.
TELLING = ("REG", "_INVERTED", "USE_MULT", "USE_DPORT", "USE_PATTERN_DETECT")
# Only what conditions of delays consist of is folded: yosys would fold, say, the logic of an empty
# LUT as well.
CONDITIONS = " ".join(
    f"*/t:${kind}" for kind in ("logic_not", "logic_and", "reduce_and", "reduce_or", "eq", "ne")
)
SIGNAL = re.compile(r"\\(\S+)(?: \[(\d+)(?::(\d+))?\])?")


@dataclass(frozen=True)
class CellDelays:
    """Of one kind of cell, in ps: ``arcs`` lists for an output what it follows within a cycle,
    ``arrival`` is from the clock to an output, ``required`` what an input must rest before it."""

    arcs: dict[Pin, list[tuple[Pin, int]]] = field(default_factory=lambda: defaultdict(list))
    arrival: dict[Pin, int] = field(default_factory=dict)
    required: dict[Pin, int] = field(default_factory=dict)


def variant(cell: Cell) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The kind of ``cell`` and those of its parameters on which its delays depend."""
    telling = sorted(
        (name, str(value)) for name, value in cell.parameters.items() if name.endswith(TELLING)
    )
    return cell.kind, tuple(telling)


def delays_of(cells: list[Cell]) -> dict[tuple[str, tuple[tuple[str, str], ...]], CellDelays]:
    """The delays of every :func:`variant` among ``cells``.

    Raises FirebrickError where yosys fails.
    """
    variants = sorted({variant(cell) for cell in cells})
    instances = []
    for number, (kind, parameters) in enumerate(variants):
        values = ", ".join(f".{name}({_verilog(value)})" for name, value in parameters)
        instances.append(f"  {kind} {f'#({values}) ' if values else ''}u{number} ();")
    WORK.mkdir(parents=True, exist_ok=True)
    (WORK / "delays.v").write_text("\n".join(["module variants;", *instances, "endmodule", ""]))
    # Not as JSON, which takes a port for another one that it is assigned to.
    script = (
        "read_verilog -specify +/xilinx/cells_sim.v; read_verilog -lib +/xilinx/cells_xtra.v; "
        f"read_verilog {SEEN}/delays.v; hierarchy -top variants; proc -noopt; "
        f"opt_expr {CONDITIONS}; dump -o {SEEN}/delays.il =*/t:$spec* variants/t:*"
    )
    run_tool(YOSYS, ["-q", "-p", script], WORK / "delays.out")
    modules = _parse((WORK / "delays.il").read_text())
    kinds = {cell.name: cell.kind for cell in modules["\\variants"]}
    found = {}
    for number, (kind, parameters) in enumerate(variants):
        delays = _read(modules.get(kinds[f"\\u{number}"], []))
        if kind in BLOCK_RAMS:
            given = dict(parameters)
            for register, outputs in BLOCK_RAM_OUTPUTS.items():
                registered = int(given.get(register, "0"), 2) > 0
                for port, bits in outputs.items():
                    for bit in range(bits):
                        delays.arrival[port, bit] = BLOCK_RAM_READ_PS[registered]
        found[variants[number]] = delays
    return found


def _verilog(value: str) -> str:
    bits = value.strip()
    return f"{len(bits)}'b{bits}" if bits and not bits.strip("01x") else f'"{bits}"'


@dataclass(frozen=True)
class _Entry:
    """A cell of yosys' own text format, its values and connections as they are written there."""

    kind: str
    name: str
    parameters: dict[str, str] = field(default_factory=dict)
    ends: dict[str, str] = field(default_factory=dict)


def _parse(text: str) -> dict[str, list[_Entry]]:
    """The cells of every module in a dump of yosys."""
    modules: dict[str, list[_Entry]] = {}
    cells: list[_Entry] = []
    for line in text.splitlines():
        match line.split(maxsplit=2):
            case ["module", name]:
                cells = modules.setdefault(name, [])
            case ["cell", kind, name]:
                cells.append(_Entry(kind, name))
            case ["parameter", "signed", rest] if cells:
                name, _, value = rest.partition(" ")
                cells[-1].parameters[name.lstrip("\\")] = value
            case ["parameter", name, value] if cells:  # before a module's first cell: its own
                cells[-1].parameters[name.lstrip("\\")] = value
            case ["connect", port, signal] if cells:
                cells[-1].ends[port.lstrip("\\")] = signal
    return modules


def _read(cells: list[_Entry]) -> CellDelays:
    """The specify cells of a module as :class:`CellDelays`."""
    delays = CellDelays()
    for cell in cells:
        ends, values = cell.ends, cell.parameters
        if any(ends.get(name) == "1'0" for name in ("EN", "SRC_EN", "DST_EN")):
            continue
        sources = _pins(ends["SRC"], int(values["SRC_WIDTH"]))
        if cell.kind == "$specrule":
            if values["TYPE"] == '"$setup"':
                for pin in sources:
                    _raise(delays.required, pin, _ps(values["T_LIMIT_MAX"]))
            continue
        targets = _pins(ends["DST"], int(values["DST_WIDTH"]))
        time = max(_ps(values["T_RISE_MAX"]), _ps(values["T_FALL_MAX"]))
        if cell.kind == "$specify3":
            for pin in targets:
                _raise(delays.arrival, pin, time)
        elif values["FULL"] == "1'1":
            for pin in targets:
                delays.arcs[pin] += [(source, time) for source in sources]
        else:
            for source, pin in zip(sources, targets, strict=True):
                delays.arcs[pin].append((source, time))
    return delays


def _pins(signal: str, width: int) -> list[Pin]:
    """The pins that a signal names: a port, or a part of it."""
    found = SIGNAL.fullmatch(signal)
    if found is None:
        raise FirebrickError(f"yosys' delays: {signal!r} is no part of a port")
    name, high, low = found.groups()
    if high is None:
        return [(name, bit) for bit in range(width)]
    first = int(low if low is not None else high)
    return [(name, bit) for bit in range(first, int(high) + 1)]


def _raise(table: dict[Pin, int], pin: Pin, value: int) -> None:
    table[pin] = max(value, table.get(pin, 0))


def _ps(value: str) -> int:
    """A time; 0 where the model has none, as of pins that the parameters leave unused."""
    return int(value) if value.isdecimal() else 0
