"""Static timing of a flattened netlist before it is placed: which clock it may be asked for.

Every path from a register's clock through logic to the next register's input is as long as the
cells on it (:mod:`hw.flow.delays`) and the wires between them.  Wires are known only when a chip is
routed, hence three models side by side:

none
    no delay: a bound that no tool beats.
by fan-out
    STEP_PS * (1 + log2(loads) / 2) a net.  STEP_PS is set by a routed chip: nextpnr-xilinx of
    October 2024 routed an early 7x16 chip at 50.3 MHz, with its placement spread widely, so that
    the longest path of that chip's netlist takes 19.9 ns here.  It is on the careful side: where
    the 7x16 chip of 2026-11-26 has 12.5 ns here, the same tool routed it at 97.0 MHz, 10.3 ns.
pessimistic
    the same with every net half as long again.

Wires within a slice cost nothing in all three: carry chains, MUXF7 and MUXF8, and a flip-flop whose
input is the only load of a LUT.  So do the cascades between DSPs.  Clock skew, jitter and the
processing system's pins are not known here, and count for nothing.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from firebrick.hw.flow.delays import CellDelays, delays_of, variant
from firebrick.hw.flow.netlist import (
    CLOCK_PINS,
    FLIP_FLOPS,
    LOGIC,
    LUT_RAMS,
    RESET_PINS,
    Cell,
    Netlist,
    in_order,
    part_name,
)

STEP_PS = 672.0
PESSIMISM = 1.5
DEDICATED_INPUTS = {
    "CARRY4": ("CI",),
    "MUXF7": ("I0", "I1"),
    "MUXF8": ("I0", "I1"),
    "DSP48E1": ("PCIN", "ACIN", "BCIN", "CARRYCASCIN", "MULTSIGNIN"),
}
BUFFERS = ("BUFG", "BUFGCTRL")
SLACK_BINS = 10

WireModel = Callable[[int], float]
"""Delay in ps of a net with so many loads."""

WIRE_MODELS: dict[str, WireModel] = {
    "none": lambda loads: 0.0,
    "by fan-out": lambda loads: STEP_PS * (1 + math.log2(max(loads, 1)) / 2),
    "pessimistic": lambda loads: PESSIMISM * STEP_PS * (1 + math.log2(max(loads, 1)) / 2),
}


@dataclass(frozen=True)
class Step:
    """A cell on a path: its kind, its own delay and that of the wire before it, in ps; ``net`` is
    what it drives, with so many ``loads``."""

    kind: str
    cell_ps: float
    wire_ps: float
    net: str
    loads: int


@dataclass(frozen=True)
class Path:
    """A path from register to register; ``delay_ps`` contains the clock-to-output time of the first
    and the setup time of the second, ``levels`` counts LUTs and distributed RAMs."""

    source: str
    target: str
    delay_ps: float
    logic_ps: float
    levels: int
    steps: tuple[Step, ...]

    @property
    def mhz(self) -> float:
        return 1e6 / self.delay_ps


@dataclass(frozen=True)
class Timing:
    """By one wire model: the worst path into every part of the design, and of every clock, and at
    how many ends of paths a clock period leaves how much time: ``slack`` is [(from ps, ends)]."""

    parts: dict[str, Path]
    clocks: dict[str, Path]
    slack: tuple[tuple[float, int], ...]

    @property
    def worst(self) -> Path:
        return max(self.parts.values(), key=lambda path: path.delay_ps)


@dataclass(frozen=True)
class _Arc:
    source: int
    ps: int
    dedicated: bool
    kind: str


@dataclass(frozen=True)
class _End:
    """An input of a register, the net it reads, and the time for which that must rest."""

    net: int
    setup_ps: int
    dedicated: bool
    cell: Cell
    part: str
    name: str
    clock: str


class TimingGraph:
    """The netlist's nets, what each follows, and where paths begin and end."""

    def __init__(self, netlist: Netlist) -> None:
        self.netlist = netlist
        table = delays_of(netlist.cells)
        self.arcs: dict[int, list[_Arc]] = defaultdict(list)
        self.begins: dict[int, tuple[int, str, str]] = {}  # net: clock to output, name, kind
        self.ends: list[_End] = []
        self.loads = self._count_loads()
        for cell in netlist.cells:
            self._add(cell, table[variant(cell)])
        self.order = in_order({net: [a.source for a in into] for net, into in self.arcs.items()})

    def _count_loads(self) -> Counter[int]:
        return Counter(
            bit
            for cell in self.netlist.cells
            for port, bits in cell.pins.items()
            if port not in cell.outputs
            for bit in bits
            if isinstance(bit, int)
        )

    def _add(self, cell: Cell, delays: CellDelays) -> None:
        if cell.kind in BUFFERS:
            return
        dedicated = DEDICATED_INPUTS.get(cell.kind, ())
        for (port, index), into in delays.arcs.items():
            net = _net(cell, port, index)
            if net is None:
                continue
            for (from_port, from_index), ps in into:
                source = _net(cell, from_port, from_index)
                if source is not None and from_port not in CLOCK_PINS:
                    self.arcs[net].append(_Arc(source, ps, from_port in dedicated, cell.kind))
        if not (delays.arrival or delays.required):
            return
        name = self.netlist.register_name(cell)
        for (port, index), ps in delays.arrival.items():
            net = _net(cell, port, index)
            if net is not None:
                self.begins[net] = (ps, self.netlist.names.get(net, name), cell.kind)
        for (port, index), ps in delays.required.items():
            net = _net(cell, port, index)
            if net is not None:
                packed = port == "D" and cell.kind in FLIP_FLOPS and self.loads[net] == 1
                clock = self._clock(cell)
                self.ends.append(
                    _End(net, ps, port in dedicated or packed, cell, part_name(name), name, clock)
                )

    def _clock(self, cell: Cell) -> str:
        """The name of the net that clocks a register (of a block RAM, its first port)."""
        nets = (_net(cell, port, 0) for port in CLOCK_PINS)
        return next((self._name(net) for net in nets if net is not None), "(none)")

    # ----------------------------------------------------------------------------- analysis

    def analyse(self, wire: WireModel, period_ps: float) -> Timing:
        """Arrival times by ``wire``, the worst paths, and what a clock period leaves."""
        arrival: dict[int, float] = {net: float(ps) for net, (ps, _, _) in self.begins.items()}
        before: dict[int, _Arc] = {}
        wires = {net: wire(count) for net, count in self.loads.items()}
        for net in self.order:
            best = arrival.get(net, -1.0)
            for arc in self.arcs[net]:
                if arc.source in arrival:
                    time = arrival[arc.source] + arc.ps
                    if not arc.dedicated:
                        time += wires[arc.source]
                    if time > best:
                        best = time
                        before[net] = arc
            if best >= 0:
                arrival[net] = best
        worst: dict[tuple[str, str], tuple[float, _End]] = {}
        slacks: Counter[int] = Counter()
        width = period_ps / SLACK_BINS
        for end in self.ends:
            if end.net not in arrival:
                continue
            time = arrival[end.net] + end.setup_ps + (0 if end.dedicated else wires[end.net])
            slacks[math.floor((period_ps - time) / width)] += 1
            for group in (("part", end.part), ("clock", end.clock)):
                if group not in worst or time > worst[group][0]:
                    worst[group] = (time, end)
        paths = {
            group: self._path(end, time, before, wires) for group, (time, end) in worst.items()
        }
        return Timing(
            {name: path for (kind, name), path in paths.items() if kind == "part"},
            {name: path for (kind, name), path in paths.items() if kind == "clock"},
            tuple((bin_ * width, slacks[bin_]) for bin_ in sorted(slacks)),
        )

    def _path(
        self, end: _End, delay: float, before: dict[int, _Arc], wires: dict[int, float]
    ) -> Path:
        last = 0.0 if end.dedicated else wires[end.net]
        steps = [Step(end.cell.kind, end.setup_ps, last, end.name, 0)]
        net = end.net
        while net in before:
            arc = before[net]
            into = 0.0 if arc.dedicated else wires[arc.source]
            steps.append(Step(arc.kind, arc.ps, into, self._name(net), self.loads[net]))
            net = arc.source
        first_ps, source, kind = self.begins[net]
        steps.append(Step(kind, first_ps, 0.0, self._name(net), self.loads[net]))
        steps.reverse()
        return Path(
            source,
            end.name,
            delay,
            sum(step.cell_ps for step in steps),
            sum(step.kind in LOGIC or step.kind in LUT_RAMS for step in steps[1:-1]),
            tuple(steps),
        )

    def _name(self, net: int) -> str:
        return self.netlist.names.get(net, str(net))

    def fan_outs(self) -> list[tuple[int, str]]:
        """(loads, net) of all nets but clocks and resets, the widest first."""
        apart = set(self._apart())
        found = [(count, self._name(net)) for net, count in self.loads.items() if net not in apart]
        return sorted(found, reverse=True)

    def _apart(self) -> Iterator[int]:
        for cell in self.netlist.cells:
            pins = (*CLOCK_PINS, *(RESET_PINS if cell.kind in FLIP_FLOPS else ()))
            for port in pins:
                for bit in cell.pins.get(port, ()):
                    if isinstance(bit, int):
                        yield bit


def _net(cell: Cell, port: str, index: int) -> int | None:
    """The net at a pin, None where it is open or constant."""
    bits = cell.pins.get(port, [])
    bit = bits[index] if index < len(bits) else None
    return bit if isinstance(bit, int) else None
