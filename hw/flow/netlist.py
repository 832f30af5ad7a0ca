"""What a synthesized netlist consists of, and how deep its logic is.

Reads the JSON that yosys writes after ``synth_xilinx`` with everything flattened.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# LUTs that a cell occupies (Xilinx UG474: SLICEM LUTs as RAM and shift registers).
LUT_COST = {
    **{f"LUT{n}": 1 for n in range(1, 7)},
    "INV": 1,
    "SRL16E": 1,
    "SRLC32E": 1,
    "RAM32X1D": 2,
    "RAM64X1D": 2,
    "RAM32M": 4,
    "RAM64M": 4,
    "RAM128X1D": 4,
}
FLIP_FLOPS = ("FDRE", "FDSE", "FDCE", "FDPE")
LATCHES = ("LDCE", "LDPE")
LUT_RAMS = ("RAM32X1D", "RAM64X1D", "RAM32M", "RAM64M", "RAM128X1D")
BLOCK_RAMS = {"RAMB36E1": 1.0, "RAMB18E1": 0.5}
# Their outputs follow their (address) inputs within a cycle; one level each.
LOGIC = ("LUT1", "LUT2", "LUT3", "LUT4", "LUT5", "LUT6", "INV")
WIRING = ("MUXF7", "MUXF8", "IBUF", "OBUF", "BUFG")
# Pins of clocks.
CLOCK_PINS = ("C", "CLK", "WCLK", "CLKARDCLK", "CLKBWRCLK")
# Pins of flip-flops that set them, whatever D is.
RESET_PINS = ("R", "S", "CLR", "PRE")
# The processing system: its pins begin and end paths as registers do.
PROCESSOR = "PS7"
# The instance of the engine in the chip's top level: parts are named as the engine's own.
ENGINE = "u_engine"


@dataclass(frozen=True)
class Cell:
    """A primitive; ``pins`` maps port names to bits (net numbers, or constants as strings)."""

    name: str
    kind: str
    parameters: dict[str, str]
    pins: dict[str, list[int | str]]
    outputs: frozenset[str]


@dataclass(frozen=True)
class PathLength:
    """A longest path: LUT levels and CARRY4s on it, and the registers at its ends."""

    levels: int
    carries: int
    source: str
    target: str


@dataclass(frozen=True)
class Counts:
    """Primitives of a netlist; ``ramb36`` in equivalents, a RAMB18 being half of one."""

    lut: int
    ff: int
    dsp48e1: int
    ramb36: float
    lut_ram: int
    shift_registers: int
    carry4: int
    latches: int


@dataclass
class Share:
    """Primitives of one part of the design."""

    lut: int = 0
    ff: int = 0
    ramb36: float = 0.0
    dsp48e1: int = 0


class Netlist:
    """A flattened netlist: cells, names of nets, and nets that the ports of the top drive."""

    def __init__(
        self,
        cells: list[Cell],
        names: dict[int, str],
        inputs: set[int],
        input_pins: dict[str, dict[str, int]],
    ) -> None:
        self.cells = cells
        self.names = names
        self.inputs = inputs
        self.input_pins = input_pins  # of every kind of cell: its inputs and their bits

    @classmethod
    def load(cls, path: Path, top: str) -> Netlist:
        """Module ``top`` of a yosys JSON file."""
        modules = json.loads(path.read_text())["modules"]
        module = modules[top]
        cells = [
            Cell(
                name,
                raw["type"],
                raw.get("parameters", {}),
                raw["connections"],
                frozenset(p for p, d in raw["port_directions"].items() if d == "output"),
            )
            for name, raw in module["cells"].items()
            if raw["type"] != "$scopeinfo"
        ]
        names: dict[int, str] = {}
        for name, net in module["netnames"].items():
            for index, bit in enumerate(net["bits"]):
                if isinstance(bit, int):
                    full = name if len(net["bits"]) == 1 else f"{name}[{index}]"
                    if bit not in names or _telling(full) > _telling(names[bit]):
                        names[bit] = full
        inputs = {
            bit
            for port in module["ports"].values()
            if port["direction"] != "output"
            for bit in port["bits"]
            if isinstance(bit, int)
        }
        kinds = {cell.kind for cell in cells} & modules.keys()
        input_pins = {
            kind: {
                name: len(port["bits"])
                for name, port in modules[kind]["ports"].items()
                if port["direction"] == "input"
            }
            for kind in kinds
        }
        return cls(cells, names, inputs, input_pins)

    def counts(self) -> Counts:
        kinds = Counter(cell.kind for cell in self.cells)
        return Counts(
            lut=sum(LUT_COST.get(kind, 0) * n for kind, n in kinds.items()),
            ff=sum(kinds[kind] for kind in FLIP_FLOPS),
            dsp48e1=kinds["DSP48E1"],
            ramb36=sum(cost * kinds[kind] for kind, cost in BLOCK_RAMS.items()),
            lut_ram=sum(kinds[kind] for kind in LUT_RAMS),
            shift_registers=kinds["SRL16E"] + kinds["SRLC32E"],
            carry4=kinds["CARRY4"],
            latches=sum(kinds[kind] for kind in LATCHES),
        )

    def dsp_registers(self) -> Counter[str]:
        """How many DSPs use which of their A, B, M and P registers, as "ABMP" strings."""
        used: Counter[str] = Counter()
        for cell in self.cells:
            if cell.kind == "DSP48E1":
                used[
                    "".join(
                        letter
                        for letter in "ABMP"
                        if _number(cell.parameters.get(f"{letter}REG", "0")) > 0
                    )
                ] += 1
        return used

    def memories(self) -> dict[str, Counter[str]]:
        """Memory primitives by the part of the design that they belong to."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for cell in self.cells:
            if cell.kind in BLOCK_RAMS or cell.kind in LUT_RAMS:
                found[part_name(cell.name)][cell.kind] += 1
        return dict(found)

    def undriven(self) -> list[str]:
        """Nets that a cell reads and nothing drives (ports of the top count as driven)."""
        driven = {
            bit for c in self.cells for p in c.outputs for bit in c.pins[p] if isinstance(bit, int)
        }
        read = {
            bit
            for c in self.cells
            for p, bits in c.pins.items()
            if p not in c.outputs
            for bit in bits
            if isinstance(bit, int)
        }
        return sorted(self.names.get(bit, str(bit)) for bit in read - driven - self.inputs)

    def unconnected(self, kind: str) -> list[str]:
        """Inputs of cells of ``kind`` that are open or of undefined value, if only in one bit."""
        return sorted(
            f"{cell.name}.{pin}"
            for cell in self.cells
            if cell.kind == kind
            for pin, bits in self.input_pins[kind].items()
            if len(cell.pins.get(pin, [])) != bits
            or any(bit not in ("0", "1") for bit in cell.pins[pin] if isinstance(bit, str))
        )

    def shares(self) -> dict[str, Share]:
        """Primitives by part.

        Registers, DSPs and memories have names of the source.  LUTs have lost theirs to the
        optimizer: one belongs to the part that most of the cells that it feeds belong to.
        """
        part_of: dict[int, str] = {}  # by index of the cell
        readers: dict[int, list[int]] = defaultdict(list)
        for index, cell in enumerate(self.cells):
            for port, bits in cell.pins.items():
                if port not in cell.outputs:
                    for bit in bits:
                        if isinstance(bit, int):
                            readers[bit].append(index)
            if _is_register(cell):
                part_of[index] = part_name(self.register_name(cell))
        outputs = {
            index: [b for p in cell.outputs for b in cell.pins[p] if isinstance(b, int)]
            for index, cell in enumerate(self.cells)
        }
        # Backwards from the registers: the order of nets, reversed, has readers first.
        order, _ = self._arcs()
        driver = {bit: index for index, bits in outputs.items() for bit in bits}
        for bit in reversed(order):
            index = driver[bit]
            if index not in part_of:
                fed = Counter(
                    part_of[r] for b in outputs[index] for r in readers[b] if r in part_of
                )
                if fed:
                    part_of[index] = fed.most_common(1)[0][0]
        shares: dict[str, Share] = defaultdict(Share)
        for index, cell in enumerate(self.cells):
            share = shares[part_of.get(index, "(ports)")]
            share.lut += LUT_COST.get(cell.kind, 0)
            share.ff += cell.kind in FLIP_FLOPS
            share.ramb36 += BLOCK_RAMS.get(cell.kind, 0.0)
            share.dsp48e1 += cell.kind == "DSP48E1"
        return dict(shares)

    # ------------------------------------------------------------------------------- depth

    def longest_paths(self) -> dict[str, PathLength]:
        """The longest register-to-register path into every part of the design.

        Length is counted in LUT levels, then in CARRY4s.  MUXF7 and MUXF8 belong to their LUTs.
        A distributed RAM counts as a level from address to data.  Ports of the top neither begin
        nor end a path that counts.
        """
        return self._longest(_is_register, _is_register)

    def longest_at_clock(self, clock: int) -> PathLength | None:
        """The longest path that begins or ends at a register of the net ``clock``, whatever clock
        the other end has; None where there is none."""

        def clocked(cell: Cell) -> bool:
            pins = [cell.pins.get(port, []) for port in CLOCK_PINS]
            return _is_register(cell) and any(clock in bits for bits in pins)

        found = [
            *self._longest(clocked, _is_register).values(),
            *self._longest(_is_register, clocked).values(),
        ]
        return max(found, key=lambda path: (path.levels, path.carries), default=None)

    def _longest(
        self, begins: Callable[[Cell], bool], ends: Callable[[Cell], bool]
    ) -> dict[str, PathLength]:
        """The longest path into every part, from a register that ``begins`` one to one that
        ``ends`` it."""
        order, arcs = self._arcs()
        best: dict[int, tuple[int, int]] = {}
        origin: dict[int, str] = {}
        for cell in self.cells:
            if begins(cell):
                for port in cell.outputs:
                    for bit in cell.pins[port]:
                        if isinstance(bit, int):
                            best[bit] = (0, 0)
                            origin[bit] = self.register_name(cell)
        for output in order:
            for source, level, carry in arcs[output]:
                if source in best:
                    length = (best[source][0] + level, best[source][1] + carry)
                    if output not in best or length > best[output]:
                        best[output] = length
                        origin[output] = origin[source]
        paths: dict[str, PathLength] = {}
        for cell in self.cells:
            if not ends(cell):
                continue
            name = self.register_name(cell)
            for port, bits in cell.pins.items():
                if port in cell.outputs:
                    continue
                for bit in bits:
                    if isinstance(bit, int) and bit in best:
                        levels, carries = best[bit]
                        part = part_name(name)
                        old = paths.get(part)
                        if old is None or (levels, carries) > (old.levels, old.carries):
                            paths[part] = PathLength(levels, carries, origin[bit], name)
        return paths

    def register_name(self, cell: Cell) -> str:
        """The source's name of a register: that of its output net."""
        if cell.kind == PROCESSOR:
            return f"{cell.name}.{PROCESSOR}"
        for port in ("Q", "P", "DOADO", "DOBDO", "DO"):
            for bit in cell.pins.get(port, []):
                if isinstance(bit, int) and not self.names.get(bit, "$").startswith("$"):
                    return self.names[bit]
        return cell.name

    def _arcs(self) -> tuple[list[int], dict[int, list[tuple[int, int, int]]]]:
        """Combinational arcs into every net (from, LUT levels, CARRY4s), and the nets' order."""
        arcs: dict[int, list[tuple[int, int, int]]] = {}
        for cell in self.cells:
            for port, sources in _dependencies(cell):
                for index, bit in enumerate(cell.pins[port]):
                    if isinstance(bit, int):
                        level = 1 if cell.kind in LOGIC or cell.kind in LUT_RAMS else 0
                        carry = 1 if cell.kind == "CARRY4" else 0
                        arcs[bit] = [
                            (source, level, carry)
                            for source in sources(index)
                            if isinstance(source, int)
                        ]
        sources = {output: [source for source, _, _ in into] for output, into in arcs.items()}
        return in_order(sources), arcs


def in_order(sources: Mapping[int, Sequence[int]]) -> list[int]:
    """The nets of ``sources``, each after those of them that it follows.

    Raises ValueError for combinational loops.
    """
    waiting = {net: sum(source in sources for source in into) for net, into in sources.items()}
    readers: dict[int, list[int]] = defaultdict(list)
    for net, into in sources.items():
        for source in into:
            if source in sources:
                readers[source].append(net)
    ready = deque(net for net, count in waiting.items() if not count)
    order = []
    while ready:
        net = ready.popleft()
        order.append(net)
        for reader in readers[net]:
            waiting[reader] -= 1
            if not waiting[reader]:
                ready.append(reader)
    if len(order) != len(sources):
        raise ValueError(f"{len(sources) - len(order)} nets lie on combinational loops")
    return order


def _number(text: str | int) -> int:
    """A yosys parameter: an integer, or a string of binary digits."""
    return text if isinstance(text, int) else int(text, 2) if text.strip("01") == "" else 0


def _telling(name: str) -> tuple[bool, bool, int]:
    """How much a net's name says: from the source, of a register, deep in the hierarchy."""
    return not name.startswith("$"), name.split("[")[0].endswith("_q"), name.count(".")


def part_name(name: str) -> str:
    """The instance directly below the top, or below the engine, that a flattened name belongs to;
    "(top)" and "(engine)" for what is in none."""
    head, *rest = name.lstrip("\\").split(".")
    if head == ENGINE and rest:
        return rest[0] if len(rest) > 1 and not rest[0].startswith("$") else "(engine)"
    return head if rest and not head.startswith("$") else "(top)"


def _is_register(cell: Cell) -> bool:
    return (
        cell.kind in FLIP_FLOPS
        or cell.kind in BLOCK_RAMS
        or cell.kind in ("DSP48E1", "SRL16E", "SRLC32E", PROCESSOR)
        or cell.kind in LUT_RAMS
    )


def _dependencies(cell: Cell):
    """(output port, function from bit index to the input bits that it follows) pairs."""
    pins = cell.pins
    if cell.kind in LOGIC or cell.kind in WIRING:
        inputs = [b for p, bits in pins.items() if p not in cell.outputs for b in bits]
        return [(port, lambda _i, inputs=inputs: inputs) for port in cell.outputs]
    if cell.kind == "CARRY4":
        base = [*pins.get("CI", []), *pins.get("CYINIT", [])]
        di, s = pins["DI"], pins["S"]
        return [
            ("O", lambda i: [*base, *di[:i], *s[: i + 1]]),
            ("CO", lambda i: [*base, *di[: i + 1], *s[: i + 1]]),
        ]
    if cell.kind in LUT_RAMS:
        pairs = []
        for output in cell.outputs:
            address = {"DOA": "ADDRA", "DOB": "ADDRB", "DOC": "ADDRC", "DOD": "ADDRD"}.get(output)
            names = [address] if address else [p for p in pins if p.startswith(("DPRA", "A"))]
            inputs = [b for p in names for b in pins.get(p, [])]
            pairs.append((output, lambda _i, inputs=inputs: inputs))
        return pairs
    return []
