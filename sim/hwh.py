"""The hardware hand-off file of the simulated overlay, as Vivado would write it next to a `.bit`.

It holds what pynq's parser reads of a Zynq-7000 design with this engine on GP0, and nothing else:
the engine with its address range, registers and interrupt, and the processing system with its
clocks. Registers come from :mod:`hw.definition`.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as Xml

from hw.definition import REGISTER_BYTES, REGISTERS, Register

ENGINE_VLNV = "firebrick:ip:firebrick_engine:1.0"
ENGINE_NAME = "firebrick"
ENGINE_BASE = 0x43C0_0000
ENGINE_INTERRUPT = "irq_o"
ENGINE_BUS = "s_axi_control"
PROCESSOR_VLNV = "xilinx.com:ip:processing_system7:5.5"
INTERRUPT_NET = "firebrick_irq_o"
CLOCKS = 4
ACCESS = {"ro": "read-only", "rw": "read-write", "wo": "write-only"}


def write_hwh(path: Path) -> Path:
    """Write the hand-off file to ``path`` (its folder is made) and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tree = Xml.ElementTree(_system(path.stem))
    Xml.indent(tree)
    tree.write(path, encoding="utf-8", xml_declaration=True)
    return path


def _system(name: str) -> Xml.Element:
    root = Xml.Element("EDKSYSTEM", EDWVERSION="1.2", VIVADOVERSION="2022.1")
    Xml.SubElement(root, "SYSTEMINFO", ARCH="zynq", DEVICE="7z020", NAME=name)
    Xml.SubElement(root, "EXTERNALPORTS")
    modules = Xml.SubElement(root, "MODULES")
    modules.append(_engine())
    modules.append(_processor())
    return root


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


def _engine() -> Xml.Element:
    module = _module(ENGINE_VLNV, ENGINE_NAME, True)
    blocks = Xml.SubElement(module, "ADDRESSBLOCKS")
    block = Xml.SubElement(
        blocks,
        "ADDRESSBLOCK",
        ACCESS="",
        INTERFACE=ENGINE_BUS,
        NAME="registers",
        RANGE=str(REGISTER_BYTES),
        USAGE="register",
    )
    registers = Xml.SubElement(block, "REGISTERS")
    for register in REGISTERS:
        registers.append(_register(register))
    Xml.SubElement(module, "PARAMETERS")
    ports = Xml.SubElement(module, "PORTS")
    Xml.SubElement(
        ports,
        "PORT",
        DIR="O",
        NAME=ENGINE_INTERRUPT,
        SENSITIVITY="LEVEL_HIGH",
        SIGIS="INTERRUPT",
        SIGNAME=INTERRUPT_NET,
    )
    buses = Xml.SubElement(module, "BUSINTERFACES")
    Xml.SubElement(
        buses,
        "BUSINTERFACE",
        BUSNAME="processing_system7_0_M_AXI_GP0",
        DATAWIDTH="32",
        NAME=ENGINE_BUS,
        TYPE="TARGET",
        VLNV="xilinx.com:interface:aximm:1.0",
    )
    return module


def _register(register: Register) -> Xml.Element:
    element = Xml.Element("REGISTER", NAME=register.name)
    for name, value in (
        ("DESCRIPTION", register.doc),
        ("ADDRESS_OFFSET", str(register.offset)),
        ("SIZE", "32"),
        ("ACCESS", ACCESS[register.access]),
    ):
        Xml.SubElement(element, "PROPERTY", NAME=name, VALUE=value)
    Xml.SubElement(element, "FIELDS")
    return element


def _processor() -> Xml.Element:
    module = _module(PROCESSOR_VLNV, "processing_system7_0", False)
    parameters = Xml.SubElement(module, "PARAMETERS")
    values = {f"PCW_FPGA_FCLK{i}_ENABLE": "1" if i == 0 else "0" for i in range(CLOCKS)}
    for i in range(CLOCKS):
        values[f"PCW_FCLK{i}_PERIPHERAL_DIVISOR0"] = "5"
        values[f"PCW_FCLK{i}_PERIPHERAL_DIVISOR1"] = "2"
        values[f"PCW_FCLK{i}_PERIPHERAL_CLKSRC"] = "IO PLL"
    for name, value in values.items():
        Xml.SubElement(parameters, "PARAMETER", NAME=name, VALUE=value)
    ports = Xml.SubElement(module, "PORTS")
    Xml.SubElement(ports, "PORT", DIR="I", NAME="IRQ_F2P", SIGIS="INTERRUPT", SIGNAME=INTERRUPT_NET)
    buses = Xml.SubElement(module, "BUSINTERFACES")
    Xml.SubElement(
        buses,
        "BUSINTERFACE",
        BUSNAME="processing_system7_0_M_AXI_GP0",
        DATAWIDTH="32",
        NAME="M_AXI_GP0",
        TYPE="INITIATOR",
        VLNV="xilinx.com:interface:aximm:1.0",
    )
    memory = Xml.SubElement(module, "MEMORYMAP")
    Xml.SubElement(
        memory,
        "MEMRANGE",
        ADDRESSBLOCK="registers",
        BASENAME="C_BASEADDR",
        BASEVALUE=f"{ENGINE_BASE:#010x}",
        HIGHNAME="C_HIGHADDR",
        HIGHVALUE=f"{ENGINE_BASE + REGISTER_BYTES - 1:#010x}",
        INSTANCE=ENGINE_NAME,
        IS_DATA="TRUE",
        MASTERBUSINTERFACE="M_AXI_GP0",
        MEMTYPE="REGISTER",
        SLAVEBUSINTERFACE=ENGINE_BUS,
    )
    return module
