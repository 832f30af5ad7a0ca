"""The ports of an engine, defined once: of the SystemVerilog engine, and of the HLS kernel below
the same register block.

``tests/hw/test_interface.py`` holds the elaborated RTL, the emitted wrapper and the interface
pragmas of the emitted C++ against these lists.
"""

from __future__ import annotations

from dataclasses import dataclass

from firebrick.hw import definition as d

ADDRESS_BITS = 32
DATA_BITS = 64
REGISTER_ADDRESS_BITS = (d.REGISTER_BYTES - 1).bit_length()
CONTROL_BUS = "s_axi_control"
MAPS_BUS = "m_axi_maps"
PROGRAM_BUS = "m_axi_program"
# The HLS kernel reads and writes maps in two processes, each with a master of its own.
MAPS_IN_BUS = "m_axi_maps_in"
MAPS_OUT_BUS = "m_axi_maps_out"

# Registers that the HLS kernel takes and sets, by the name of its argument.  VHDL and Verilog
# keywords would be renamed by the tool.
KERNEL_INPUTS = {
    "program_addr": "PROGRAM_ADDR",
    "input_addr": "INPUT_ADDR",
    "output_addr": "OUTPUT_ADDR",
    "scratch_addr": "SCRATCH_ADDR",
    "images": "IMAGES",
    "input_stride": "INPUT_STRIDE",
    "output_stride": "OUTPUT_STRIDE",
    "program_end": "PROGRAM_END",
    "input_end": "INPUT_END",
    "output_end": "OUTPUT_END",
    "scratch_end": "SCRATCH_END",
}
KERNEL_OUTPUTS = {
    "error_status": "ERROR",
    "active_steps": "ACTIVE",
    "maps_beats_read": "READ_BEATS_MAPS",
    "program_beats_read": "READ_BEATS_PROGRAM",
    "beats_written": "WRITE_BEATS",
    "images_done": "IMAGES_DONE",
    "groups_done": "GROUP",
}
# Of these, the counts that are streams: one entry a group or an image.
KERNEL_EVENTS = ("images_done", "groups_done")
# The kernel's arrays in memory, by the bundle of each; a port of the name takes the address.
KERNEL_MEMORIES = {"maps_out": "maps_out", "maps_in": "maps_in", "program_memory": "program"}


@dataclass(frozen=True)
class Port:
    """A port of a module: ``direction`` is "input" or "output"."""

    name: str
    direction: str
    bits: int = 1


# AXI channels as a master sees them: (signal, direction, bits).
_WRITE = (
    ("awaddr", "output", ADDRESS_BITS),
    ("awlen", "output", 8),
    ("awsize", "output", 3),
    ("awburst", "output", 2),
    ("awvalid", "output", 1),
    ("awready", "input", 1),
    ("wdata", "output", DATA_BITS),
    ("wstrb", "output", DATA_BITS // 8),
    ("wlast", "output", 1),
    ("wvalid", "output", 1),
    ("wready", "input", 1),
    ("bresp", "input", 2),
    ("bvalid", "input", 1),
    ("bready", "output", 1),
)
_READ = (
    ("araddr", "output", ADDRESS_BITS),
    ("arlen", "output", 8),
    ("arsize", "output", 3),
    ("arburst", "output", 2),
    ("arvalid", "output", 1),
    ("arready", "input", 1),
    ("rdata", "input", DATA_BITS),
    ("rresp", "input", 2),
    ("rlast", "input", 1),
    ("rvalid", "input", 1),
    ("rready", "output", 1),
)
# AXI4-Lite as a slave sees it.
_LITE = (
    ("awaddr", "input", REGISTER_ADDRESS_BITS),
    ("awvalid", "input", 1),
    ("awready", "output", 1),
    ("wdata", "input", 32),
    ("wstrb", "input", 4),
    ("wvalid", "input", 1),
    ("wready", "output", 1),
    ("bresp", "output", 2),
    ("bvalid", "output", 1),
    ("bready", "input", 1),
    ("araddr", "input", REGISTER_ADDRESS_BITS),
    ("arvalid", "input", 1),
    ("arready", "output", 1),
    ("rdata", "output", 32),
    ("rresp", "output", 2),
    ("rvalid", "output", 1),
    ("rready", "input", 1),
)
# What a master that Vitis HLS makes has besides; none of it is of use here.
_VITIS_WRITE = (
    ("awid", "output", 1),
    ("awlock", "output", 2),
    ("awcache", "output", 4),
    ("awprot", "output", 3),
    ("awqos", "output", 4),
    ("awregion", "output", 4),
    ("awuser", "output", 1),
    ("wid", "output", 1),
    ("wuser", "output", 1),
    ("bid", "input", 1),
    ("buser", "input", 1),
)
_VITIS_READ = (
    ("arid", "output", 1),
    ("arlock", "output", 2),
    ("arcache", "output", 4),
    ("arprot", "output", 3),
    ("arqos", "output", 4),
    ("arregion", "output", 4),
    ("aruser", "output", 1),
    ("rid", "input", 1),
    ("ruser", "input", 1),
)


def _bus(prefix: str, *channels: tuple[tuple[str, str, int], ...]) -> list[Port]:
    return [Port(f"{prefix}_{name}", way, bits) for part in channels for name, way, bits in part]


def engine_ports() -> tuple[Port, ...]:
    """Ports of ``firebrick_engine``: reset ``rst_ni`` is synchronous and active low, ``irq_o`` a
    level; ``clk_fast_i`` has twice the frequency of ``clk_i`` for multipliers that take two K steps
    a cycle, ``clock_lost_i`` says in reset that the clock is its reason."""
    return (
        Port("clk_i", "input"),
        Port("clk_fast_i", "input"),
        Port("rst_ni", "input"),
        Port("clock_lost_i", "input"),
        Port("irq_o", "output"),
        *_bus(CONTROL_BUS, _LITE),
        *_bus(MAPS_BUS, _WRITE, _READ),
        *_bus(PROGRAM_BUS, _READ),
    )


def kernel_bus(prefix: str) -> tuple[Port, ...]:
    """Ports of one AXI master of the HLS kernel: always both directions, signals in capitals."""
    ports = _bus(prefix, _WRITE, _VITIS_WRITE, _READ, _VITIS_READ)
    return tuple(
        Port(f"{prefix}_{p.name.removeprefix(prefix + '_').upper()}", p.direction, p.bits)
        for p in ports
    )


def kernel_ports() -> tuple[Port, ...]:
    """Ports of ``firebrick_kernel`` as Vitis HLS names them: clock, reset, block handshake, the
    address of each array, a port for every scalar, for every output one that says when it is
    valid, for every stream of events those of a FIFO."""
    scalars = [Port(name, "input", 32) for name in (*KERNEL_MEMORIES, *KERNEL_INPUTS)]
    for name in KERNEL_OUTPUTS:
        if name in KERNEL_EVENTS:
            scalars += [Port(f"{name}_din", "output", 32), Port(f"{name}_full_n", "input")]
            scalars += [Port(f"{name}_write", "output")]
        else:
            scalars += [Port(name, "output", 32), Port(f"{name}_ap_vld", "output")]
    return (
        Port("ap_clk", "input"),
        Port("ap_rst_n", "input"),
        Port("ap_start", "input"),
        Port("ap_done", "output"),
        Port("ap_idle", "output"),
        Port("ap_ready", "output"),
        *kernel_bus(MAPS_OUT_BUS),
        *kernel_bus(MAPS_IN_BUS),
        *kernel_bus(PROGRAM_BUS),
        *scalars,
    )
