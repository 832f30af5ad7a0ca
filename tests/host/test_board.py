"""Where the driver cannot run it says why in one line, before it touches a register."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import warnings
from pathlib import Path
from types import ModuleType

import pytest

from firebrick.host import board, driver, errors, selftest
from firebrick.host.program import parse_program
from firebrick.sim.overlay import write_overlay
from tests.conftest import ROOT
from tests.host.fake_engine import SHAPE, make_program
from tests.host.unpacked import unpacked

EMBEDDED = "pynq.pl_server.embedded_device"


class Place:
    """What a test says of the computer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.monkeypatch = monkeypatch
        self.folder = folder
        self.machine("armv7l")
        self.device_tree("xlnx,zynq-7000")
        self.root(True)
        self.image(True)
        monkeypatch.setenv("XILINX_XRT", "/usr")

    def machine(self, name: str) -> None:
        self.monkeypatch.setattr(platform, "machine", lambda: name)

    def device_tree(self, *compatible: str) -> None:
        path = self.folder / "compatible"
        path.write_bytes(b"".join(name.encode() + b"\0" for name in compatible))
        if not compatible:
            path.unlink()
        self.monkeypatch.setattr(board, "DEVICE_TREE", path)

    def root(self, yes: bool) -> None:
        self.monkeypatch.setattr(os, "geteuid", lambda: 0 if yes else 1000)

    def image(self, yes: bool) -> None:
        path = self.folder / "pynq_venv.sh"
        path.write_text("")
        if not yes:
            path.unlink()
        self.monkeypatch.setattr(board, "PROFILE", path)

    def pynq(self, device: object, version: str = "3.0.1") -> ModuleType:
        """A pynq whose ``Device.active_device`` is ``device``, raised where it is an error; it has
        no registers: who asks for one fails."""

        class Meta(type):
            @property
            def active_device(cls) -> object:
                if isinstance(device, Exception):
                    warnings.warn("No devices found, is the XRT environment sourced?", stacklevel=2)
                    raise device
                return device

        class Device(metaclass=Meta):
            pass

        module = ModuleType("pynq")
        module.Device, module.__version__ = Device, version  # type: ignore[attr-defined]
        self.monkeypatch.setitem(sys.modules, "pynq", module)
        return module


def device(module: str = EMBEDDED) -> object:
    """A device of a class of ``module``."""
    return type("AnyDevice", (), {"__module__": module})()


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Place:
    return Place(monkeypatch, tmp_path)


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    """What importing pynq for a driver says, in one line; a warning on the way would be a second
    one."""
    with (
        warnings.catch_warnings(),
        pytest.raises(errors.BoardError) as caught,
    ):
        warnings.simplefilter("error")
        board.import_pynq()
    assert "\n" not in str(caught.value) and capsys.readouterr() == ("", "")
    return str(caught.value)


def test_a_board(place: Place) -> None:
    pynq = place.pynq(device())
    assert board.import_pynq() is pynq


def test_no_pynq(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.monkeypatch.setitem(sys.modules, "pynq", None)
    assert refused(capsys) == (
        f"{sys.executable} has no pynq: start it with bash run.sh in the archive's folder (your "
        "script: bash run.sh FILE)"
    )
    place.image(False)
    assert refused(capsys) == (
        f"{sys.executable} has no pynq: it takes a board with PYNQ image 3.0 or 3.1"
    )


def test_pynq_that_does_not_import(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """As without XRT's library, where XILINX_XRT says that it is there."""
    library = "libxrt_core.so: cannot open shared object file"
    (place.folder / "pynq.py").write_text(f"raise OSError({library!r})\n")
    place.monkeypatch.delitem(sys.modules, "pynq", raising=False)
    place.monkeypatch.syspath_prepend(str(place.folder))
    words = refused(capsys)
    assert words.startswith(f"pynq does not import: OSError: {library}; ") and "run.sh" in words


def test_no_device(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.pynq(RuntimeError("No Devices Found"))
    place.monkeypatch.delenv("XILINX_XRT")
    assert refused(capsys).startswith(
        "pynq finds no device (No Devices Found, and XILINX_XRT is not set): start it with bash"
    )
    place.monkeypatch.setenv("XILINX_XRT", "/usr")
    place.image(False)
    assert refused(capsys) == (
        "pynq finds no device (No Devices Found): it takes a board with PYNQ image 3.0 or 3.1"
    )


@pytest.mark.parametrize("found", [device(), RuntimeError("Operation not permitted")])
def test_not_root(place: Place, found: object, capsys: pytest.CaptureFixture[str]) -> None:
    place.pynq(found)
    place.root(False)
    assert refused(capsys).startswith("pynq needs root; start it with bash run.sh")


@pytest.mark.parametrize("found", [device(), RuntimeError("No Devices Found")])
@pytest.mark.parametrize(
    ("compatible", "words"),
    [
        (("xlnx,zynqmp-zcu104-revC", "xlnx,zynqmp"), "a Zynq UltraScale+ (xlnx,zynqmp-zcu104-"),
        (("xlnx,versal-vck190", "xlnx,versal"), "a Versal (xlnx,versal-vck190)"),
        (("altr,socfpga-cyclone5", "altr,socfpga"), "altr,socfpga-cyclone5, altr,socfpga, "),
    ],
)
def test_another_family(
    place: Place,
    found: object,
    compatible: tuple[str, ...],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place.pynq(found)
    place.device_tree(*compatible)
    said = refused(capsys)
    assert said.startswith(f"the chip of this board is {words}")
    assert "overlays are for the Zynq-7000" in said


@pytest.mark.parametrize("name", ["x86_64", "aarch64"])
def test_a_pc(place: Place, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    place.pynq(RuntimeError("No Devices Found"))
    place.device_tree()
    place.machine(name)
    assert refused(capsys) == (
        f"pynq finds no board here, but a {name}: it takes a Zynq-7000 with PYNQ image 3.0 or 3.1; "
        "make notebook runs it on a simulated board"
    )


def test_a_board_without_a_device_tree(place: Place) -> None:
    place.pynq(device())
    place.device_tree()
    board.import_pynq()


def test_a_device_that_is_not_of_pynq(place: Place) -> None:
    """As a simulated board on a PC, where nobody is root: its registers are its own."""
    place.pynq(device("firebrick.sim.pynq_device"))
    place.device_tree()
    place.machine("x86_64")
    place.root(False)
    board.import_pynq()


def test_the_driver_looks_first(place: Place, tmp_path: Path) -> None:
    """The chip's identification lies at an address that other chips have something else at."""
    place.pynq(device())
    place.device_tree("xlnx,zynqmp")
    with pytest.raises(errors.BoardError, match="UltraScale"):
        driver.Firebrick(write_overlay(tmp_path, SHAPE), parse_program(make_program().blob))


@pytest.mark.parametrize(("version", "blamed"), [("4.0.0", True), ("3.1.2", False), ("", False)])
def test_pynq_4(place: Place, version: str, blamed: bool, tmp_path: Path) -> None:
    """It finds no frequency in a Zynq-7000's description, which is no fault of the bitstream."""
    pynq = place.pynq(device(), version)

    class Register:
        def __init__(self, *_: object) -> None:
            pass

        def read(self, _: int) -> int:
            return 0x07 << 12

    def overlay(_: str) -> None:
        raise TypeError("unsupported operand type(s) for /: 'float' and 'NoneType'")

    pynq.MMIO, pynq.Overlay = Register, overlay  # type: ignore[attr-defined]
    pynq.DefaultIP = object  # type: ignore[attr-defined]
    with pytest.raises(errors.DriverError) as caught:
        driver.Firebrick(write_overlay(tmp_path, SHAPE), parse_program(make_program().blob))
    words = str(caught.value)
    if blamed:
        assert isinstance(caught.value, errors.BoardError)
        assert words.endswith(
            "firebrick.bit: pynq 4.0.0 does not load it: pynq 4 dropped boards with a Zynq-7000; "
            "install pynq 3.0.1 or 3.1.2, or take PYNQ image 3.0 or 3.1"
        )
    else:
        assert "is it a bitstream of this board" in words


def test_the_command_says_it_in_one_line(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "archive").mkdir()
    place.monkeypatch.chdir(unpacked(tmp_path / "archive"))
    place.monkeypatch.setitem(sys.modules, "pynq", None)
    assert selftest.main() == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and " has no pynq: " in error and error.count("\n") == 1


def test_no_numpy() -> None:
    """As where pynq's environment was not entered."""
    script = (
        "import sys; sys.modules['numpy'] = None; from firebrick.host import selftest; "
        "sys.exit(selftest.main())"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {sys.executable} has no numpy: ")
    assert done.stderr.count("\n") == 1
