"""Replication: a net with many loads is driven by several copies of its flip-flop or LUT.

What drives hundreds of cells has to stand in the middle of them all, and is far from most.  Vendor
tools duplicate such drivers while they place; neither yosys nor nextpnr does.  Here every copy
takes loads that lie side by side in the design's hierarchy, so that a placer can draw it to them.

Clocks are left alone, which have networks of their own, and the flip-flops of a synchronizer, whose
copies might see a change in different cycles.  Outputs of other cells - carry chains, memories,
multiplexers of a slice - are not copied, and stay as wide as they are.
"""

from __future__ import annotations

import copy
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from firebrick.hw.flow.netlist import CLOCK_PINS, FLIP_FLOPS, LOGIC
from firebrick.quantize.support.files import write_text

MAX_LOADS = 64
COPIED = {
    **dict.fromkeys(FLIP_FLOPS, "Q"),
    **dict.fromkeys(LOGIC, "O"),
    "SRL16E": "Q",
    "SRLC32E": "Q",
}
SYNCHRONIZER = "_sync_q"
# A copy is a load of what its original reads: so often the netlist is gone through at most.
ROUNDS = 6

Pin = tuple[str, str, int]  # cell, port, index


def replicate_file(path: Path, top: str, limit: int = MAX_LOADS) -> int:
    """Number of cells that module ``top`` of a yosys JSON file has now more than before."""
    design = json.loads(path.read_text())
    added = replicate(design["modules"][top], limit)
    if added:
        write_text(path, json.dumps(design, separators=(",", ":")))
    return added


def replicate(module: dict[str, Any], limit: int = MAX_LOADS) -> int:
    """Copy drivers in a module of yosys' JSON, in place, until no net of theirs has more than
    ``limit`` loads; the number of copies."""
    before = len(module["cells"])
    for _ in range(ROUNDS):
        if not _once(module, limit):
            break
    return len(module["cells"]) - before


def _once(module: dict[str, Any], limit: int) -> bool:
    """Go through all nets, the widest first; whether anything was copied."""
    cells = module["cells"]
    drivers: dict[int, str] = {}
    loads: dict[int, list[Pin]] = defaultdict(list)
    apart: set[int] = {bit for port in module["ports"].values() for bit in port["bits"]}
    for name, cell in cells.items():
        for port, bits in cell["connections"].items():
            drives = cell["port_directions"][port] == "output"
            for index, bit in enumerate(bits):
                if isinstance(bit, int):
                    if drives:
                        drivers[bit] = name
                    else:
                        loads[bit].append((name, port, index))
                        if port in CLOCK_PINS:
                            apart.add(bit)
    wide = sorted(
        (bit for bit, pins in loads.items() if len(pins) > limit),
        key=lambda bit: (-len(loads[bit]), bit),
    )
    if not wide:
        return False
    places = _Places(module, loads)
    new = 1 + max([*drivers, *loads])
    changed = False
    for bit in wide:
        driver = drivers.get(bit)
        if driver is None or bit in apart or bit not in _outputs(cells[driver]):
            continue
        if places.name(bit).split("[")[0].endswith(SYNCHRONIZER):
            continue
        output = COPIED[cells[driver]["type"]]
        pins = sorted(loads[bit], key=lambda pin: (places.of(pin[0]), pin))
        groups = -(-len(pins) // limit)
        for group in range(1, groups):
            name = f"{driver}$copy{new}"
            cells[name] = clone = copy.deepcopy(cells[driver])
            for port, direction in clone["port_directions"].items():
                if direction == "output":
                    clone["connections"][port] = [new] if port == output else []
            module["netnames"][f"{places.name(bit)}$copy{new}"] = {
                "hide_name": 0,
                "bits": [new],
                "attributes": {},
            }
            for cell, port, index in pins[
                group * len(pins) // groups : (group + 1) * len(pins) // groups
            ]:
                cells[cell]["connections"][port][index] = new
            new += 1
        changed = True
    return changed


def _outputs(cell: dict[str, Any]) -> list[int]:
    """The nets that copies of a cell can drive."""
    return cell["connections"][COPIED[cell["type"]]] if cell["type"] in COPIED else []


class _Places:
    """Where cells lie in the design's hierarchy: a key to sort by, numbers by their value."""

    def __init__(self, module: dict[str, Any], loads: dict[int, list[Pin]]) -> None:
        self.cells = module["cells"]
        self.loads = loads
        self.names: dict[int, str] = {}
        self.keys: dict[str, tuple] = {}
        for name, net in module["netnames"].items():
            for index, bit in enumerate(net["bits"]):
                if isinstance(bit, int) and (bit not in self.names or not name.startswith("$")):
                    self.names[bit] = name if len(net["bits"]) == 1 else f"{name}[{index}]"

    def name(self, bit: int) -> str:
        return self.names.get(bit, f"$net{bit}")

    def of(self, cell: str) -> tuple:
        """That of a register is its name; that of logic is the first register's that it leads to,
        for yosys takes names from logic."""
        seen: list[str] = []
        while cell not in self.keys and cell not in seen:
            seen.append(cell)
            raw = self.cells[cell]
            out = [
                bit
                for port, bits in raw["connections"].items()
                if raw["port_directions"][port] == "output"
                for bit in bits
                if isinstance(bit, int)
            ]
            named = next((self.name(b) for b in out if not self.name(b).startswith("$")), None)
            follower = next((self.loads[b][0][0] for b in out if self.loads.get(b)), None)
            if named or follower is None:
                self.keys[cell] = _natural(named or cell)
            else:
                cell = follower
        found = self.keys.setdefault(cell, _natural(cell))
        for one in seen:
            self.keys.setdefault(one, found)
        return found


def _natural(name: str) -> tuple:
    return tuple(
        (int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)
    )
