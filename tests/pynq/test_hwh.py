"""The parsers of pynq's releases find in our hand-off files what is in the hardware."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from firebrick.host.version import VERSION
from firebrick.hw.boards import Board, board_names, load_board
from firebrick.hw.definition import (
    DEFINITION,
    ENGINE_BASE,
    INTC_BASE,
    INTC_BYTES,
    INTC_REGISTERS,
    REGISTER_BYTES,
    REGISTERS,
)
from firebrick.hw.flow.hwh import write_hwh
from firebrick.sim.bitstream import NOTHING, placeholder
from tests.pynq.environments import RELEASES, run

PARSERS = ("metadata", "hwh")
ACCESS = {"ro": "read-only", "rw": "read-write", "wo": "write-only"}
FIRST_INTERRUPT = 61  # of IRQ_F2P, as Linux numbers it (UG585, table 7-4)
Files = dict[str, dict[str, Any]]


@cache
def parsed(release: str, folder: Path) -> Files:
    """What the release reads of every board's file, by the board's name."""
    paths = []
    for name in board_names():
        board = load_board(name)
        paths.append(write_hwh(folder / f"{name}.hwh", board))
        paths[-1].with_suffix(".bit").write_bytes(placeholder("firebrick", board.part))
    answer = json.loads(run(release, "-m", "tests.pynq.read_hwh", *paths))
    assert answer["pynq"] == release
    return {Path(path).stem: values for path, values in answer["files"].items()}


@pytest.fixture(params=RELEASES)
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Files:
    return parsed(request.param, tmp_path_factory.getbasetemp() / f"hwh-{request.param}")


@pytest.fixture(params=PARSERS)
def parser(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=board_names())
def board(request: pytest.FixtureRequest) -> Board:
    return load_board(request.param)


@pytest.fixture
def views(files: Files, parser: str, board: Board) -> dict[str, Any]:
    return files[board.name][parser]


def test_the_parts_with_their_addresses(views: dict[str, Any]) -> None:
    parts = views["ip_dict"]
    assert set(parts) == {"firebrick", "axi_intc_0", "processing_system7_0"}
    engine, controller = parts["firebrick"], parts["axi_intc_0"]
    assert engine["type"] == "firebrick:ip:firebrick_engine:1.0"
    assert (engine["phys_addr"], engine["addr_range"]) == (ENGINE_BASE, REGISTER_BYTES)
    assert controller["type"] == "xilinx.com:ip:axi_intc:4.1"
    assert (controller["phys_addr"], controller["addr_range"]) == (INTC_BASE, INTC_BYTES)
    assert views["ps_name"] == "processing_system7_0"
    assert views["family_ps"] == "processing_system7"
    assert views["gpio_dict"] == views["hierarchy_dict"] == {}


@pytest.mark.parametrize(
    ("part", "registers"), [("firebrick", REGISTERS), ("axi_intc_0", INTC_REGISTERS)]
)
def test_registers_by_name(views: dict[str, Any], part: str, registers: tuple) -> None:
    found = views["ip_dict"][part]["registers"]
    assert {name: (r["address_offset"], r["access"], r["size"]) for name, r in found.items()} == {
        r.name: (r.offset, ACCESS[r.access], 32) for r in registers
    }
    assert all(r["description"] for r in found.values())


def test_the_interrupt_behind_its_controller(views: dict[str, Any]) -> None:
    (controller,) = views["interrupt_controllers"].items()
    name, place = controller
    assert name == "axi_intc_0"
    assert (place["parent"], place["index"], place["raw_irq"]) == ("", 0, FIRST_INTERRUPT)
    pin = {"controller": "axi_intc_0", "index": 0, "fullpath": "firebrick/irq_o"}
    assert views["interrupt_pins"]["firebrick/irq_o"] == pin
    assert views["ip_dict"]["firebrick"]["interrupts"] == {"irq_o": pin}


def test_the_clock(files: Files, views: dict[str, Any], board: Board) -> None:
    clocks = {int(number): clock for number, clock in views["clock_dict"].items()}
    assert [clocks[i]["enable"] for i in range(4)] == [1, 0, 0, 0]
    fclk0 = (clocks[0]["divisor0"], clocks[0]["divisor1"])
    assert fclk0 == board.clock.fclk0_divisors
    said = views["ip_dict"]["processing_system7_0"]["parameters"]
    pll_mhz = float(said["PCW_CRYSTAL_PERIPHERAL_FREQMHZ"]) * int(said["PCW_IOPLL_CTRL_FBDIV"])
    assert pll_mhz / (fclk0[0] * fclk0[1]) == pytest.approx(board.clock.fclk0_hz / 1e6)
    assert float(said["PCW_FPGA0_PERIPHERAL_FREQMHZ"]) == pytest.approx(board.clock.fclk0_hz / 1e6)
    assert files[board.name]["clock_source"] in (None, "IO PLL")


def test_what_the_engine_is(views: dict[str, Any], board: Board) -> None:
    said = views["ip_dict"]["firebrick"]["parameters"]
    shape = {name.upper(): str(value) for name, value in asdict(board.shape).items()}
    assert {name: said[name] for name in shape} == shape
    assert int(said["DEFINITION"]) == DEFINITION and said["FIREBRICK"] == VERSION


def test_the_memory_that_the_engine_reaches(files: Files, board: Board) -> None:
    everything = {"base": 0, "bytes": board.memory.mebibytes << 20}
    assert files[board.name]["memory"] == {
        "m_axi_maps": {"port": "S_AXI_HP0", **everything},
        "m_axi_program": {"port": "S_AXI_HP2", **everything},
    }


def test_memory_ports(views: dict[str, Any]) -> None:
    said = views["ip_dict"]["processing_system7_0"]["parameters"]
    used = [i for i in range(4) if said[f"PCW_USE_S_AXI_HP{i}"] == "1"]
    assert used == [0, 2]
    assert [said[f"PCW_S_AXI_HP{i}_DATA_WIDTH"] for i in used] == ["64", "64"]
    # Memory in the programmable logic itself, which there is none of.
    assert views["mem_dict"] == {}


def test_what_loading_starts_with(files: Files, board: Board) -> None:
    loading = files[board.name]["loading"]
    assert loading["bytes"] == len(NOTHING)
    assert loading["mem_dict"]["PSDDR"]["base_address"] == 0
    for name in ("interrupt_controllers", "interrupt_pins", "clock_dict"):
        assert loading[name] == files[board.name]["metadata"][name]
    assert set(loading["ip_dict"]) == set(files[board.name]["metadata"]["ip_dict"])
