"""The stand-in pynq is as strict as the board."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from firebrick.host.definition import ENGINE_ID
from firebrick.hw.definition import ENGINE_BASE
from firebrick.sim import pynq_standin as standin
from firebrick.sim.bitstream import placeholder
from firebrick.sim.contiguous import GuardError
from firebrick.sim.overlay import write_overlay
from firebrick.sim.zynq import FCLK_CONTROLS, InterruptController, SystemRegisters
from tests.host.fake_engine import FakeBoard


@pytest.fixture
def board() -> Iterator[FakeBoard]:
    board = FakeBoard()
    with standin.installed(board):
        yield board


def ddr(board: FakeBoard, buffer: standin.PynqBuffer) -> np.ndarray:
    start = buffer.device_address - board.memory_base
    return board.memory[start : start + buffer.nbytes].view(buffer.dtype)


def test_import_pynq_gives_it_only_while_installed() -> None:
    assert "pynq" not in sys.modules
    with standin.installed(FakeBoard()):
        import pynq

        assert pynq is standin
    assert "pynq" not in sys.modules
    with pytest.raises(RuntimeError, match="No Devices Found"):
        standin.allocate((1,), np.uint8)


def test_host_and_ddr_meet_only_in_flush_and_invalidate(board: FakeBoard) -> None:
    buffer = standin.allocate((4,), np.uint32)
    buffer[:] = [1, 2, 3, 4]
    assert not np.array_equal(ddr(board, buffer), buffer)
    buffer.flush()
    np.testing.assert_array_equal(ddr(board, buffer), [1, 2, 3, 4])
    ddr(board, buffer)[:] = [5, 6, 7, 8]
    np.testing.assert_array_equal(buffer, [1, 2, 3, 4])
    buffer.invalidate()
    np.testing.assert_array_equal(buffer, [5, 6, 7, 8])


def test_a_slice_flushes_its_own_bytes(board: FakeBoard) -> None:
    buffer = standin.allocate((8,), np.uint8)
    before = ddr(board, buffer).copy()
    buffer[:] = 9
    buffer[2:4].flush()
    assert buffer[2:4].physical_address == buffer.physical_address + 2
    np.testing.assert_array_equal(ddr(board, buffer)[2:4], 9)
    np.testing.assert_array_equal(np.delete(ddr(board, buffer), [2, 3]), np.delete(before, [2, 3]))
    with pytest.raises(ValueError, match="contiguous"):
        buffer[::2].flush()
    with pytest.raises(RuntimeError, match="no memory on the board"):
        (buffer + 1).flush()


def test_fresh_memory_is_aligned_and_not_zero(board: FakeBoard) -> None:
    first, second = standin.allocate((5,), np.uint8), standin.allocate((3, 2), np.int64)
    assert first.device_address % 4096 == second.device_address % 4096 == 0
    assert second.device_address >= first.device_address + 8192
    assert first.all() and ddr(board, first).all()


def test_freed_memory_is_used_again_and_not_before(board: FakeBoard) -> None:
    first = standin.allocate((1 << 21,), np.uint8)
    with pytest.raises(RuntimeError, match="Failed to allocate"):
        standin.allocate((1 << 21,), np.uint8)
    address = first.device_address
    first.freebuffer()
    first.freebuffer()
    with pytest.raises(RuntimeError, match="freed"):
        first.flush()
    assert standin.allocate((1 << 21,), np.uint8).device_address == address


def test_overrun_is_found() -> None:
    board = FakeBoard()
    with pytest.raises(GuardError, match="100 bytes"), standin.installed(board):
        buffer = standin.allocate((100,), np.uint8)
        board.memory[buffer.device_address - board.memory_base + 100] = 0


def test_registers_take_python_integers_only(tmp_path: Path, board: FakeBoard) -> None:
    with pytest.raises(OSError, match="nothing is mapped"):
        standin.MMIO(ENGINE_BASE, 64)
    write_overlay(tmp_path, name="f")
    standin.Overlay(str(tmp_path / "f.bit"))
    mmio = standin.MMIO(ENGINE_BASE, 0x2000)
    assert mmio.read(0) == ENGINE_ID
    mmio.write(0x28, 5)
    assert mmio.read(0x28) == 5
    with pytest.raises(ValueError, match="int or bytes"):
        mmio.write(0x28, np.uint32(5))  # type: ignore[arg-type]
    with pytest.raises(OverflowError):
        mmio.write(0x28, -1)
    with pytest.raises(MemoryError):
        mmio.read(2)
    with pytest.raises(IndexError):
        mmio.read(0x2000)


def test_overlay_finds_engine_interrupt_and_bound_driver(
    tmp_path: Path, board: FakeBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_overlay(tmp_path, name="f")
    overlay = standin.Overlay(str(tmp_path / "f.bit"))
    assert overlay.ip_dict["firebrick"]["addr_range"] == 0x2000
    assert overlay.firebrick.read(0) == ENGINE_ID
    assert isinstance(overlay.firebrick.irq_o, standin.Interrupt)
    with pytest.raises(AttributeError, match="other"):
        _ = overlay.other

    # What others bound stays theirs: the driver binds its class once in a process.
    monkeypatch.setattr(standin._BindsDrivers, "drivers", dict(standin._BindsDrivers.drivers))

    class Driver(standin.DefaultIP):
        bindto = ("firebrick:ip:firebrick_engine:1.0",)

    assert isinstance(standin.Overlay(str(tmp_path / "f.bit")).firebrick, Driver)


def test_interrupt_waits_for_the_line(tmp_path: Path, board: FakeBoard) -> None:
    write_overlay(tmp_path, name="f")
    overlay = standin.Overlay(str(tmp_path / "f.bit"))
    board.registers.update(STATUS=1, IMAGES=1, IRQ_ENABLE=3)
    board.remaining, board.fail = 70_000, (12, 0)
    before = board.cycles
    asyncio.run(overlay.firebrick.irq_o.wait())
    assert board.irq and board.cycles - before == 70_000


def test_a_bitstream_must_be_there_and_of_this_chip(tmp_path: Path, board: FakeBoard) -> None:
    bit = write_overlay(tmp_path)
    with pytest.raises(TypeError):
        standin.Overlay(bit)  # type: ignore[arg-type]
    bit.write_bytes(placeholder("firebrick", "xc7z010clg400-1"))
    with pytest.raises(OSError, match="timed out"):
        standin.Overlay(str(bit))
    for data in (b"", b"not a bitstream", placeholder("firebrick", "xc7z020clg400-1")[:-1]):
        bit.write_bytes(data)
        with pytest.raises(RuntimeError, match=r"\.bit file"):
            standin.Overlay(str(bit))
    bit.unlink()
    with pytest.raises(OSError, match="does not exist"):
        standin.Overlay(str(bit))
    with standin.installed(FakeBoard(), bitstream=False):
        assert standin.Overlay(str(bit)).firebrick.read(0) == ENGINE_ID
        bit.with_suffix(".hwh").unlink()
        with pytest.raises(RuntimeError, match="metadata"):
            standin.Overlay(str(bit))


def test_an_interrupt_past_the_controller_is_not_found(tmp_path: Path, board: FakeBoard) -> None:
    bit = write_overlay(tmp_path)
    hwh = bit.with_suffix(".hwh")
    hwh.write_text(hwh.read_text().replace('SIGNAME="axi_intc_0_irq"', ""))
    overlay = standin.Overlay(str(bit))
    assert overlay.ip_dict["firebrick"]["interrupts"] == {}
    assert not hasattr(overlay.firebrick, "irq_o")


def test_an_overlay_sets_its_clock(tmp_path: Path, board: FakeBoard) -> None:
    fclk0, fclk1 = (standin.MMIO(address, 4) for address in FCLK_CONTROLS[:2])
    assert (fclk0.read() >> 8 & 63, fclk0.read() >> 20 & 63) == (63, 63)
    standin.Overlay(str(write_overlay(tmp_path)))
    assert (fclk0.read() >> 8 & 63) * (fclk0.read() >> 20 & 63) == 10
    assert fclk1.read() >> 8 & 63 == 63


def test_the_interrupt_controller_does_what_the_one_in_hardware_does() -> None:
    it = InterruptController()
    it.write_register(it.SIE, 1)
    assert not it.sample(True), "the output is off until MER enables it"
    it.write_register(it.MER, 3)
    assert it.sample(True) and it.read_register(it.IPR) == 1 and it.read_register(it.IVR) == 0
    it.write_register(it.IAR, 1)
    assert it.sample(True), "acknowledged while the input is high: pending again"
    it.write_register(it.CIE, 1)
    assert not it.sample(False) and it.read_register(it.ISR) == 1
    it.write_register(it.IAR, 1)
    assert it.read_register(it.ISR) == 0 and it.read_register(it.IVR) == 0xFFFF_FFFF
    it.write_register(it.MER, 0)
    assert it.read_register(it.MER) == 2, "hardware interrupts stay enabled"


def test_registers_of_the_processing_system() -> None:
    system = SystemRegisters("7z010")
    assert system.read_register(0xF800_0530) == 0x1372_2093
    assert system.narrow_ports == (0, 1, 2, 3)
    system.write_register(0xF800_8000, 0)
    assert system.narrow_ports == (0, 1, 2, 3), "writes are still 32 bits wide"
    system.write_register(0xF800_8014, 0)
    assert system.narrow_ports == (1, 2, 3)
    with pytest.raises(OSError, match="write"):
        system.write_register(0xF800_0530, 0)
    with pytest.raises(ValueError):
        system.divide(0, 64, 1)
