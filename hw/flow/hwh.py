"""The hardware hand-off file of the overlay, as Vivado would write it next to a `.bit`.

There is no block design to export it from, so it is written here, with what the parsers of pynq
3.0 and 3.1 read of a Zynq-7000 design and nothing else: the engine with its address range,
registers, parameters and interrupt; the interrupt controller, behind which alone pynq looks for
interrupts; the processing system with its clocks, its interrupt input, its port to the registers
and the ports S_AXI_HP0 and S_AXI_HP2 through which the engine reaches the memory.

Addresses and registers come from :mod:`hw.definition`, clocks and chip from the board.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from xml.etree import ElementTree as Xml

from firebrick.host.version import VERSION
from firebrick.hw.boards import Board
from firebrick.hw.definition import (
    DEFINITION,
    ENGINE_BASE,
    INTC_BASE,
    INTC_BYTES,
    INTC_REGISTERS,
    REGISTER_BYTES,
    REGISTERS,
    Register,
)
from firebrick.hw.shape import EngineShape
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.files import write_bytes

ENGINE_VLNV = "firebrick:ip:firebrick_engine:1.0"
ENGINE_NAME = "firebrick"
ENGINE_INTERRUPT = "irq_o"
ENGINE_BUS = "s_axi_control"
INTC_VLNV = "xilinx.com:ip:axi_intc:4.1"
INTC_NAME = "axi_intc_0"
INTC_BUS = "s_axi"
PROCESSOR_VLNV = "xilinx.com:ip:processing_system7:5.5"
PROCESSOR_NAME = "processing_system7_0"
PROCESSOR_BUS = "M_AXI_GP0"
MEMORY_BUSES = {"m_axi_maps": "S_AXI_HP0", "m_axi_program": "S_AXI_HP2"}
"""The engine's ports to the memory, and the processing system's that they lead to."""
AXI_VLNV = "xilinx.com:interface:aximm:1.0"
ENGINE_NET, INTC_NET = f"{ENGINE_NAME}_{ENGINE_INTERRUPT}", f"{INTC_NAME}_irq"
REGISTER_NET = f"{PROCESSOR_NAME}_{PROCESSOR_BUS}"
CLOCKS = 4
FREQUENCY = "PCW_FPGA0_PERIPHERAL_FREQMHZ"
HP_PORTS = 4
ACCESS = {"ro": "read-only", "rw": "read-write", "wo": "write-only"}
BLOCK = "registers"


def write_hwh(path: Path, board: Board) -> Path:
    """Write the hand-off file of ``board`` to ``path`` (its folder is made) and return it."""
    text = hwh(board, path.stem)
    write_bytes(path, text)
    return path


def hwh(board: Board, design: str = "firebrick") -> bytes:
    """The hand-off file of ``board``, for a design of that name."""
    root = Xml.Element("EDKSYSTEM", EDWVERSION="1.2", VIVADOVERSION="2022.1")
    # The chip without its package, as Vivado writes it: 7z020.
    chip = board.chip.name.removeprefix("xc")
    Xml.SubElement(root, "SYSTEMINFO", ARCH="zynq", DEVICE=chip, NAME=design, PART=board.part)
    Xml.SubElement(root, "EXTERNALPORTS")
    modules = Xml.SubElement(root, "MODULES")
    modules.extend((_engine(board), _interrupt_controller(), _processor(board)))
    tree = Xml.ElementTree(root)
    Xml.indent(tree)
    return Xml.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def shape_of(path: str | Path) -> EngineShape:
    """The shape of the engine that a hand-off file describes; FirebrickError naming the file."""
    values = _parameters_of(path, ENGINE_VLNV)
    try:
        return EngineShape(**{name: int(values[name.upper()]) for name in asdict(EngineShape())})
    except (KeyError, ValueError) as error:
        raise FirebrickError(f"{path}: the engine's parameters: {error}") from error


def clock_of(path: str | Path) -> int:
    """The engine's clock in Hz, as a hand-off file states it; FirebrickError naming the file."""
    values = _parameters_of(path, PROCESSOR_VLNV)
    try:
        return round(float(values[FREQUENCY]) * 1e6)
    except (KeyError, ValueError) as error:
        raise FirebrickError(f"{path}: the frequency of FCLK0: {error}") from error


def _parameters_of(path: str | Path, vlnv: str) -> dict[str, str]:
    try:
        modules = Xml.parse(path).getroot().findall("./MODULES/MODULE")
    except Xml.ParseError as error:
        raise FirebrickError(f"{path}: not a hand-off file: {error}") from error
    for module in modules:
        if module.get("VLNV") == vlnv:
            entries = module.iterfind("./PARAMETERS/PARAMETER")
            return {p.get("NAME", ""): p.get("VALUE", "") for p in entries}
    raise FirebrickError(f"{path}: describes no {vlnv}")


def parameters(board: Board) -> dict[str, int | str]:
    """What the file says of the engine: its shape, the definition and the release that it was made
    from, and the chip that it was made for."""
    values = {name.upper(): value for name, value in asdict(board.shape).items()}
    return {**values, "DEFINITION": DEFINITION, "PART": board.part, "FIREBRICK": VERSION}


def _module(vlnv: str, instance: str, is_pl: bool) -> Xml.Element:
    return Xml.Element(
        "MODULE",
        FULLNAME=f"/{instance}",
        INSTANCE=instance,
        VLNV=vlnv,
        MODTYPE=vlnv.split(":")[2],
        HWVERSION=vlnv.split(":")[3],
        IPTYPE="PERIPHERAL" if is_pl else "PROCESSOR",
        IS_PL="TRUE" if is_pl else "FALSE",
        MODCLASS="PERIPHERAL" if is_pl else "PROCESSOR",
    )


def _engine(board: Board) -> Xml.Element:
    module = _module(ENGINE_VLNV, ENGINE_NAME, True)
    module.append(_address_block(ENGINE_BUS, REGISTER_BYTES, REGISTERS))
    module.append(_values(parameters(board)))
    ports = Xml.SubElement(module, "PORTS")
    _interrupt(ports, "O", ENGINE_INTERRUPT, ENGINE_NET, (INTC_NAME, "intr"))
    buses = Xml.SubElement(module, "BUSINTERFACES")
    _bus(buses, ENGINE_BUS, REGISTER_NET, "TARGET", 32)
    for bus in MEMORY_BUSES:
        _bus(buses, bus, f"{ENGINE_NAME}_{bus}", "INITIATOR", board.memory.hp_bits)
    memory = Xml.SubElement(module, "MEMORYMAP")
    for bus, port in MEMORY_BUSES.items():
        # All of the DDR memory; its physical addresses begin at 0.
        span = (0, board.memory.mebibytes << 20)
        block = f"{port.rpartition('_')[2]}_DDR_LOWOCM"
        _range(memory, block, "MEMORY", span, bus, (PROCESSOR_NAME, port))
    return module


def _interrupt_controller() -> Xml.Element:
    module = _module(INTC_VLNV, INTC_NAME, True)
    module.append(_address_block(INTC_BUS, INTC_BYTES, INTC_REGISTERS))
    # One interrupt, by its level.
    module.append(_values({"C_NUM_INTR_INPUTS": 1, "C_KIND_OF_INTR": 0, "C_KIND_OF_LVL": 1}))
    ports = Xml.SubElement(module, "PORTS")
    _interrupt(ports, "I", "intr", ENGINE_NET, (ENGINE_NAME, ENGINE_INTERRUPT))
    _interrupt(ports, "O", "irq", INTC_NET, (PROCESSOR_NAME, "IRQ_F2P"))
    buses = Xml.SubElement(module, "BUSINTERFACES")
    _bus(buses, INTC_BUS, REGISTER_NET, "TARGET", 32)
    return module


def _processor(board: Board) -> Xml.Element:
    module = _module(PROCESSOR_VLNV, PROCESSOR_NAME, False)
    first, second = board.clock.fclk0_divisors
    values: dict[str, int | str] = {}
    for i in range(CLOCKS):
        values[f"PCW_FPGA_FCLK{i}_ENABLE"] = int(i == 0)
        values[f"PCW_FCLK{i}_PERIPHERAL_DIVISOR0"] = first
        values[f"PCW_FCLK{i}_PERIPHERAL_DIVISOR1"] = second
        values[f"PCW_FCLK{i}_PERIPHERAL_CLKSRC"] = "IO PLL"
    values[FREQUENCY] = f"{board.clock.fclk0_hz / 1e6:.9g}"
    # What FCLK0 is made of; pynq itself takes every board's reference clock to be of 50 MHz.
    values["PCW_CRYSTAL_PERIPHERAL_FREQMHZ"] = f"{board.clock.reference_mhz:.9g}"
    values["PCW_IOPLL_CTRL_FBDIV"] = board.clock.io_pll_multiplier
    for i in range(HP_PORTS):
        used = f"S_AXI_HP{i}" in MEMORY_BUSES.values()
        values[f"PCW_USE_S_AXI_HP{i}"] = int(used)
        if used:
            values[f"PCW_S_AXI_HP{i}_DATA_WIDTH"] = board.memory.hp_bits
    module.append(_values(values))
    ports = Xml.SubElement(module, "PORTS")
    _interrupt(ports, "I", "IRQ_F2P", INTC_NET, (INTC_NAME, "irq"))
    buses = Xml.SubElement(module, "BUSINTERFACES")
    _bus(buses, PROCESSOR_BUS, REGISTER_NET, "INITIATOR", 32)
    for bus, port in MEMORY_BUSES.items():
        _bus(buses, port, f"{ENGINE_NAME}_{bus}", "TARGET", board.memory.hp_bits)
    memory = Xml.SubElement(module, "MEMORYMAP")
    for base, length, slave in (
        (ENGINE_BASE, REGISTER_BYTES, (ENGINE_NAME, ENGINE_BUS)),
        (INTC_BASE, INTC_BYTES, (INTC_NAME, INTC_BUS)),
    ):
        _range(memory, BLOCK, "REGISTER", (base, length), PROCESSOR_BUS, slave)
    return module


def _values(values: dict) -> Xml.Element:
    element = Xml.Element("PARAMETERS")
    for name, value in values.items():
        Xml.SubElement(element, "PARAMETER", NAME=name, VALUE=str(value))
    return element


def _interrupt(
    ports: Xml.Element, direction: str, name: str, net: str, other: tuple[str, str]
) -> None:
    """A port for an interrupt; ``other`` is the end that its net leads to (instance, port).

    Releases of pynq differ in which of the two they follow.
    """
    port = Xml.SubElement(
        ports,
        "PORT",
        DIR=direction,
        NAME=name,
        SENSITIVITY="LEVEL_HIGH",
        SIGIS="INTERRUPT",
        SIGNAME=net,
    )
    ends = Xml.SubElement(port, "CONNECTIONS")
    Xml.SubElement(ends, "CONNECTION", INSTANCE=other[0], PORT=other[1])


def _bus(buses: Xml.Element, name: str, net: str, kind: str, bits: int) -> None:
    Xml.SubElement(
        buses,
        "BUSINTERFACE",
        BUSNAME=net,
        DATAWIDTH=str(bits),
        NAME=name,
        TYPE=kind,
        VLNV=AXI_VLNV,
    )


def _range(
    memory: Xml.Element,
    block: str,
    kind: str,
    span: tuple[int, int],
    master: str,
    slave: tuple[str, str],
) -> None:
    """What a ``master`` port reaches: ``span`` (base, bytes) of a ``slave`` (instance, port)."""
    base, length = span
    Xml.SubElement(
        memory,
        "MEMRANGE",
        ADDRESSBLOCK=block,
        BASENAME="C_BASEADDR",
        BASEVALUE=f"{base:#010x}",
        HIGHNAME="C_HIGHADDR",
        HIGHVALUE=f"{base + length - 1:#010x}",
        INSTANCE=slave[0],
        IS_DATA="TRUE",
        MASTERBUSINTERFACE=master,
        MEMTYPE=kind,
        SLAVEBUSINTERFACE=slave[1],
    )


def _address_block(bus: str, length: int, registers: tuple[Register, ...]) -> Xml.Element:
    blocks = Xml.Element("ADDRESSBLOCKS")
    block = Xml.SubElement(
        blocks,
        "ADDRESSBLOCK",
        ACCESS="",
        INTERFACE=bus,
        NAME=BLOCK,
        RANGE=str(length),
        USAGE="register",
    )
    element = Xml.SubElement(block, "REGISTERS")
    element.extend(_register(register) for register in registers)
    return blocks


def _register(register: Register) -> Xml.Element:
    element = Xml.Element("REGISTER", NAME=register.name)
    for name, value in (
        ("DESCRIPTION", register.doc),
        ("ADDRESS_OFFSET", str(register.offset)),
        ("SIZE", "32"),
        ("ACCESS", ACCESS[register.access]),
        ("IS_ENABLED", "true"),
    ):
        Xml.SubElement(element, "PROPERTY", NAME=name, VALUE=value)
    Xml.SubElement(element, "FIELDS")
    return element
