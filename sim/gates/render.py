"""A netlist of xc7 primitives as SystemVerilog that Verilator compiles in minutes.

An instance of a module for each of its ten thousand LUTs and flip-flops is more than Verilator can
take.  So the small primitives become expressions and assignments on nets of one bit, flip-flops of
one clock, enable and reset in one block.  tests/sim/gates/ proves for each of them that this equals
the model of it that yosys ships.  The large primitives stay instances: of yosys' own models, or, of
those that have only ports there, of the models in ``sim/primitives``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache

from firebrick.hw.flow.netlist import Cell, Netlist
from firebrick.quantize.errors import FirebrickError

INSTANCES = ("DSP48E1", "MMCME2_BASE", "PS7", "RAM32M", "RAM64M", "RAMB18E1", "RAMB36E1")
# The pin that sets one, to what, and whether it waits for the clock.
FLIP_FLOPS = {"FDRE": ("R", "0", True), "FDSE": ("S", "1", True), "FDCE": ("CLR", "0", False)}
SHIFT_REGISTERS = {"SRL16E": 16, "SRLC32E": 32}
NETS_A_LINE = 16
REAL = re.compile(r"-?\d+\.\d+")

Bit = int | str


def render(netlist: Netlist, top: str) -> str:
    """Module ``top`` without ports; FirebrickError where it holds what is not known here."""
    nets = sorted({bit for cell in netlist.cells for bit in _bits(cell) if isinstance(bit, int)})
    lines = [f"module {top};"]
    for at in range(0, len(nets), NETS_A_LINE):
        lines.append(f"logic {', '.join(f'n{n}' for n in nets[at : at + NETS_A_LINE])};")
    flip_flops: dict[tuple[Bit, Bit, Bit, str, bool], list[Cell]] = defaultdict(list)
    for number, cell in enumerate(netlist.cells):
        _check(cell)
        if cell.kind in FLIP_FLOPS:
            pin, value, waits = FLIP_FLOPS[cell.kind]
            key = (_one(cell, "C"), _one(cell, "CE"), _one(cell, pin), value, waits)
            flip_flops[key].append(cell)
        else:
            lines += _cell(cell, number)
    for (clock, enable, reset, value, waits), cells in flip_flops.items():
        lines += _registers(clock, enable, reset, value, waits, cells)
    return "\n".join([*lines, "endmodule", ""])


def _bits(cell: Cell) -> Iterator[Bit]:
    for bits in cell.pins.values():
        yield from bits


def _check(cell: Cell) -> None:
    for name, value in cell.parameters.items():
        if name.startswith("IS_") and "1" in value:
            raise FirebrickError(f"{cell.name}: sim/gates knows no {cell.kind} with {name}")


def _one(cell: Cell, pin: str) -> Bit:
    (bit,) = cell.pins[pin]
    return bit


def _text(bit: Bit) -> str:
    return f"n{bit}" if isinstance(bit, int) else f"1'b{bit}"


def _word(bits: Iterable[Bit]) -> str:
    """Bits, the lowest first, as a concatenation."""
    return "{" + ", ".join(_text(bit) for bit in reversed(list(bits))) + "}"


def _cell(cell: Cell, number: int) -> list[str]:
    kind = cell.kind
    if kind.startswith("LUT") and kind[3:].isdigit():
        inputs = [_text(_one(cell, f"I{i}")) for i in range(int(kind[3:]))]
        table = cell.parameters["INIT"].rjust(1 << len(inputs), "0")[-(1 << len(inputs)) :]
        return [f"assign {_text(_one(cell, 'O'))} = {lookup(table, tuple(inputs))};"]
    if kind == "INV":
        return [f"assign {_text(_one(cell, 'O'))} = ~{_text(_one(cell, 'I'))};"]
    if kind == "BUFG":
        return [f"assign {_text(_one(cell, 'O'))} = {_text(_one(cell, 'I'))};"]
    if kind in ("MUXF7", "MUXF8"):
        pins = {pin: _text(_one(cell, pin)) for pin in ("O", "I0", "I1", "S")}
        return [f"assign {pins['O']} = {pins['S']} ? {pins['I1']} : {pins['I0']};"]
    if kind == "CARRY4":
        return _carry(cell, number)
    if kind in SHIFT_REGISTERS:
        return _shift_register(cell, number)
    if kind in INSTANCES:
        return [_instance(cell)]
    raise FirebrickError(
        f"{cell.name}: sim/gates knows no {kind}; add it to sim/gates/render.py and to its tests"
    )


@cache
def lookup(table: str, inputs: tuple[str, ...]) -> str:
    """Expression of a LUT; ``table`` as INIT is written, the value for all ones first."""
    if len(set(table)) == 1:
        return f"1'b{table[0]}"
    half = len(table) // 2
    top, rest = inputs[-1], inputs[:-1]
    high, low = table[:half], table[half:]
    if high == low:
        return lookup(low, rest)
    if len(table) == 2:
        return top if table == "10" else f"~{top}"
    if all(a != b for a, b in zip(high, low, strict=True)):
        return f"({top} ^ {lookup(low, rest)})"
    if "1" not in high:
        return f"(~{top} & {lookup(low, rest)})"
    if "1" not in low:
        return f"({top} & {lookup(high, rest)})"
    if "0" not in high:
        return f"({top} | {lookup(low, rest)})"
    if "0" not in low:
        return f"(~{top} | {lookup(high, rest)})"
    return f"({top} ? {lookup(high, rest)} : {lookup(low, rest)})"


def _carry(cell: Cell, number: int) -> list[str]:
    """A chain on wires of its own: outputs may be open."""
    names = [f"c{number}_{i}" for i in range(5)]
    lines = [f"logic {', '.join(names)};"]
    lines.append(f"assign {names[0]} = {_text(_one(cell, 'CI'))} | {_text(_one(cell, 'CYINIT'))};")
    for i in range(4):
        select, data = _text(cell.pins["S"][i]), _text(cell.pins["DI"][i])
        lines.append(f"assign {names[i + 1]} = {select} ? {names[i]} : {data};")
        for pin, value in (("O", f"{select} ^ {names[i]}"), ("CO", names[i + 1])):
            if i < len(cell.pins.get(pin, ())):
                lines.append(f"assign {_text(cell.pins[pin][i])} = {value};")
    return lines


def _shift_register(cell: Cell, number: int) -> list[str]:
    depth = SHIFT_REGISTERS[cell.kind]
    name = f"s{number}"
    address = cell.pins.get("A") or [_one(cell, f"A{i}") for i in range(4)]
    lines = [f"logic [{depth - 1}:0] {name};"]
    initial = cell.parameters.get("INIT", "0").rjust(depth, "0")
    if "x" not in initial:
        lines.append(f"initial {name} = {depth}'b{initial};")
    lines.append(
        f"always_ff @(posedge {_text(_one(cell, 'CLK'))}) if ({_text(_one(cell, 'CE'))}) "
        f"{name} <= {{{name}[{depth - 2}:0], {_text(_one(cell, 'D'))}}};"
    )
    last = f"Q{depth - 1}"
    if cell.pins.get("Q"):
        lines.append(f"assign {_text(_one(cell, 'Q'))} = {name}[{_word(address)}];")
    if cell.pins.get(last):
        lines.append(f"assign {_text(_one(cell, last))} = {name}[{depth - 1}];")
    return lines


def _registers(
    clock: Bit, enable: Bit, reset: Bit, value: str, waits: bool, cells: list[Cell]
) -> Iterator[str]:
    for cell in cells:
        initial = cell.parameters.get("INIT", value)
        # x is what configuration may leave either way: arbitrary.
        if initial != "x":
            yield f"initial {_text(_one(cell, 'Q'))} = 1'b{initial};"
    edges = [clock] if waits or reset == "0" else [clock, reset]
    yield f"always_ff @({' or '.join(f'posedge {_text(net)}' for net in edges)})"
    if reset != "0":
        yield f"if ({_text(reset)}) begin"
        yield from (f"{_text(_one(cell, 'Q'))} <= 1'b{value};" for cell in cells)
        yield "end else"
    yield f"if ({_text(enable)}) begin"
    yield from (f"{_text(_one(cell, 'Q'))} <= {_text(_one(cell, 'D'))};" for cell in cells)
    yield "end"


def _instance(cell: Cell) -> str:
    values = [
        f".{name}({_parameter(value)})"
        for name, value in cell.parameters.items()
        # Unknown content is what a memory has without being told.
        if set(value) != {"x"}
    ]
    pins = [f".{name}({_word(bits)})" for name, bits in cell.pins.items() if bits]
    parameters = f"#({', '.join(values)}) " if values else ""
    return f"{cell.kind} {parameters}\\{cell.name} ({', '.join(pins)});"


def _parameter(value: str) -> str:
    if set(value) <= set("01x"):
        return f"{len(value)}'b{value}"
    return value if REAL.fullmatch(value) else f'"{value}"'
