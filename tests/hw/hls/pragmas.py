"""Options of HLS pragmas, as the front end of Vitis HLS knows them.

Source: Xilinx/hls-llvm-project (the clang of Vitis HLS), clang/include/clang/Basic/
XlxPragmaOption.td at 23f046fb; kinds of options as its ParseXlxPragma.cpp reads them.  Names are
not case-sensitive.  An option is a constant expression ("int"), one of words (a tuple), a name, a
variable, or stands without a value (None).
"""

from __future__ import annotations

import re
from collections.abc import Callable

Kind = str | tuple[str, ...] | None
MODES = ("m_axi", "s_axilite", "axis", "ap_none", "ap_vld", "ap_fifo", "ap_ctrl_hs")
_M_AXI = ("depth", "latency", "max_read_burst_length", "max_write_burst_length")
_M_AXI += ("num_read_outstanding", "num_write_outstanding", "max_widen_bitwidth")
OFFSETS = ("off", "direct", "slave")

# name: (options that must be there, options that may)
TABLE: dict[str, tuple[dict[str, Kind], dict[str, Kind]]] = {
    "aggregate": ({"variable": "variable"}, {"compact": ("bit", "byte", "none", "auto")}),
    "alias": ({"ports": "variable"}, {"offset": "variable", "distance": "int"}),
    "array_partition": (
        {"variable": "variable"},
        {"factor": "int", "dim": "int", "type": ("block", "cyclic", "complete")}
        | dict.fromkeys(("block", "cyclic", "complete")),
    ),
    "bind_op": (
        {"variable": "variable", "op": ("mul",)},
        {"impl": ("dsp", "fabric"), "latency": "int"},
    ),
    "bind_storage": (
        {"variable": "variable", "type": ("ram_1p", "ram_s2p", "ram_t2p", "ram_2p")},
        {"impl": ("bram", "lutram", "uram"), "latency": "int"},
    ),
    "dataflow": ({}, {"disable_start_propagation": None}),
    "dependence": (
        {"variable": "variable"},
        {"distance": "int", "type": ("intra", "inter"), "direction": ("raw", "war", "waw")}
        | dict.fromkeys(("true", "false", "intra", "inter")),
    ),
    "inline": ({}, {"recursive": None, "off": None}),
    "loop_tripcount": ({"max": "int"}, {"min": "int", "avg": "int"}),
    "pipeline": (
        {},
        {"ii": "int", "rewind": None, "off": None, "style": ("stp", "flp", "frp")},
    ),
    "stream": (
        {"variable": "variable"},
        {"depth": "int", "type": ("fifo", "pipo", "shared", "unsync")},
    ),
    "unroll": ({}, {"factor": "int"}),
    "interface m_axi": (
        {"port": "variable"},
        {"bundle": "name", "offset": OFFSETS, **dict.fromkeys(_M_AXI, "int")},
    ),
    "interface s_axilite": ({"port": "variable"}, {"bundle": "name"}),
    "interface axis": ({"port": "variable"}, {"depth": "int"}),
    "interface ap_none": ({"port": "variable"}, {"depth": "int", "register": None}),
    "interface ap_vld": ({"port": "variable"}, {"depth": "int", "register": None}),
    "interface ap_fifo": ({"port": "variable"}, {"depth": "int", "register": None}),
    "interface ap_ctrl_hs": ({"port": "variable"}, {}),
}


def options(text: str) -> tuple[str, list[tuple[str, str | None]]]:
    """(name, [(option, value)]) of what follows ``#pragma HLS``."""
    pairs: list[tuple[str, str | None]] = []
    for word in text.split():
        option, equals, value = word.partition("=")
        pairs.append((option.lower(), value if equals else None))
    name = pairs.pop(0)[0]
    if name == "interface":
        name += " " + pairs.pop(0)[0]
    return name, pairs


def complaint(text: str, constant: Callable[[str], bool]) -> str | None:
    """What is wrong with a pragma, of which ``text`` follows ``#pragma HLS``; None if nothing.

    ``constant`` says whether an expression is a constant in that place.
    """
    name, found = options(text)
    if name not in TABLE:
        return f"no pragma {name}"
    must, may = TABLE[name]
    names = [option for option, _ in found]
    if len(set(names)) != len(names):
        return "an option twice"
    for option, value in found:
        if option not in must | may:
            return f"no option {option}"
        kind = (must | may)[option]
        if (kind is None) != (value is None):
            return f"{option} with a value, or without one"
        if isinstance(kind, tuple) and value not in kind:
            return f"{option}={value} is none of {', '.join(kind)}"
        if kind == "int" and not constant(str(value)):
            return f"{option}={value} is no constant"
        if kind == "variable" and not re.fullmatch(r"[\w.]+(,[\w.]+)*", str(value)):
            return f"{option}={value} is no variable"
    missing = set(must) - set(names)
    return f"{', '.join(sorted(missing))} is missing" if missing else None
