"""The engine as an IP of an overlay: registers by name, identification, soft reset."""

from __future__ import annotations

import os
from typing import Any, ClassVar

from . import bitfile, definition, system
from .board import dropped
from .clock import Clock
from .errors import BoardError, MismatchError, MissingFileError, NoAnswerError
from .results import EngineInfo

ENGINE_TYPE = "firebrick:ip:firebrick_engine"
INTERRUPT_PIN = "irq_o"
SOFT_RESET = 2
RESETTING = 8
RESET_TIMEOUT = 0.005
RESET_POLL_SECONDS = 0.00001

_classes: dict[int, type] = {}


def engine_class(pynq: Any) -> type:
    """The DefaultIP of this ``pynq`` that its overlays bind to the engine, made once.

    Besides ``read`` and ``write`` it has ``get(name)`` and ``set(name, value)`` for registers by
    name, as in :data:`host.definition.REGISTERS`.
    """
    if id(pynq) not in _classes:

        class FirebrickEngine(pynq.DefaultIP):  # type: ignore[misc, name-defined]
            """The engine's registers by name."""

            bindto: ClassVar = [f"{ENGINE_TYPE}:1.0"]

            def get(self, name: str) -> int:
                return int(self.read(definition.REGISTERS[name][0]))

            def set(self, name: str, value: int) -> None:
                self.write(definition.REGISTERS[name][0], int(value))

        _classes[id(pynq)] = FirebrickEngine
    return _classes[id(pynq)]


def open_overlay(pynq: Any, path: str) -> Any:
    """The overlay of a `.bit` with its `.hwh` beside it, loaded.

    Raises :class:`MissingFileError` for a file that is not there, :class:`MismatchError` where the
    `.bit` is for another chip - nothing is loaded then, and what was before stays - or pynq cannot
    load it, :class:`BoardError` where that is because of the release of pynq.
    """
    hwh = os.path.splitext(path)[0] + ".hwh"
    if not os.path.isfile(hwh):
        raise MissingFileError(
            f"{hwh}: no such file; pynq needs it beside {os.path.basename(path)}, make bitstream "
            "writes both"
        )
    needs_bitstream = getattr(pynq, "NEEDS_BITSTREAM", True)
    if needs_bitstream and not os.path.isfile(path):
        raise MissingFileError(
            f"{path}: no such file; build it (make bitstream) and copy it beside the .hwh"
        )
    if os.path.isfile(path):
        # A chip ignores another one's bitstream but loses its own; whoever then reads a register
        # hangs the board.
        system.check_chip(pynq, bitfile.part_of(path), path)
    engine_class(pynq)
    try:
        return pynq.Overlay(path)
    except Exception as error:
        if words := dropped(pynq):
            raise BoardError(f"{path}: {words}") from error
        # A damaged .hwh makes pynq's parsers raise nearly anything, and SyntaxError at bad XML.
        raise MismatchError(
            f"{path}: pynq does not load it: {type(error).__name__}: {error}; is it a bitstream "
            "of this board, with its own .hwh?"
        ) from error


def _driver(pynq: Any, overlay: Any, name: str) -> tuple[Any, str]:
    """pynq's driver of the IP ``name``, and why it has no interrupt where it has none."""
    description = overlay.ip_dict[name]
    pins = description.get("interrupts") or {}
    if INTERRUPT_PIN not in pins:
        return getattr(overlay, name), "the overlay lists no interrupt"
    _mend_controller(pynq, pins[INTERRUPT_PIN])
    try:
        return getattr(overlay, name), "pynq finds no UIO device of Linux for the interrupt"
    except (LookupError, ValueError, OSError) as error:
        # What pynq makes of a block design that it does not see through; the engine is there.
        ip = engine_class(pynq)({**description, "interrupts": {}})
        return ip, f"pynq does not find the interrupt: {type(error).__name__}: {error}"


def _mend_controller(pynq: Any, pin: dict[str, Any]) -> None:
    """Let pynq find the interrupt controller of ``pin`` inside a hierarchy.

    pynq 3.0 lists accel/axi_intc_0 as accel_axi_intc_0, and looks for it by the first name.
    """
    controllers = getattr(getattr(pynq, "PL", None), "interrupt_controllers", None)
    name = str(pin.get("controller", ""))
    listed = name.replace("/", "_")
    if controllers is not None and name not in controllers and listed in controllers:
        controllers[name] = controllers[listed]


class Engine:
    """The engine of a loaded overlay.

    ``interrupt`` is pynq's, or None: ``why_no_interrupt`` says why then.

    Raises :class:`MismatchError` where the overlay has none, where what answers is no engine or
    one of another definition, and where the `.hwh` describes another engine than answers.
    """

    def __init__(self, pynq: Any, overlay: Any, clock: Clock) -> None:
        found = [
            name
            for name, ip in overlay.ip_dict.items()
            if str(ip["type"]).startswith(ENGINE_TYPE + ":")
        ]
        if not found:
            raise MismatchError(
                f"the overlay holds no {ENGINE_TYPE}, only "
                f"{', '.join(overlay.ip_dict) or 'nothing'}: load Firebrick's overlay"
            )
        self.clock = clock
        self.description = dict(overlay.ip_dict[found[0]].get("parameters") or {})
        self.ip, self.why_no_interrupt = _driver(pynq, overlay, found[0])
        self.interrupt = getattr(self.ip, INTERRUPT_PIN, None)
        self.info = self._identify()
        self._check_description()

    def read(self, name: str) -> int:
        return int(self.ip.read(definition.REGISTERS[name][0]))

    def write(self, name: str, value: int) -> None:
        self.ip.write(definition.REGISTERS[name][0], int(value))

    def soft_reset(self) -> bool:
        """Soft reset; False where it did not end within ``RESET_TIMEOUT``."""
        self.write("CONTROL", SOFT_RESET)
        deadline = self.clock.now() + RESET_TIMEOUT
        while self.read("STATUS") & RESETTING:
            if self.clock.now() > deadline:
                return False
            self.clock.sleep(RESET_POLL_SECONDS)
        return True

    def reset(self) -> None:
        """Soft reset; raises :class:`NoAnswerError` where it does not end."""
        if not self.soft_reset():
            raise NoAnswerError(
                "the engine's soft reset does not end: the memory port does not answer; load the "
                "overlay again",
                reset_done=False,
            )

    def _identify(self) -> EngineInfo:
        if self.read("ID") != definition.ENGINE_ID:
            raise MismatchError(
                f"the IP's identification reads {self.read('ID'):#010x}, an engine's is "
                f"{definition.ENGINE_ID:#010x}: wrong overlay, or no clock"
            )
        version = self.read("VERSION")
        if version == definition.FORMAT_VERSION and self.read("DEFINITION") != (
            definition.DEFINITION
        ):
            raise MismatchError(
                f"the bitstream was made from definition {self.read('DEFINITION'):#010x}, this "
                f"driver from {definition.DEFINITION:#010x}: take driver, program and bitstream of "
                "one release"
            )
        shape, capacity, pool = (self.read(r) for r in ("SHAPE", "CAPACITY", "POOL_CAPACITY"))

        def byte(word: int, index: int) -> int:
            return word >> 8 * index & 0xFF

        return EngineInfo(
            version=version,
            pixels=byte(shape, 0),
            channels=byte(shape, 1),
            acc_bits=byte(shape, 2),
            word_bytes=byte(shape, 3) & 0x3F,
            pump=byte(shape, 3) >> 6,
            act_words=1 << byte(capacity, 0),
            weight_words=1 << byte(capacity, 1),
            bias_pairs=1 << byte(capacity, 2),
            sums=1 << byte(capacity, 3),
            pool_channels=1 << byte(pool, 0),
            pool_line_words=1 << byte(pool, 1),
        )

    def _check_description(self) -> None:
        """The `.hwh` must describe the engine in the bitstream."""
        for name, said in self.description.items():
            has = getattr(self.info, name.lower(), None)
            if name == "DEFINITION":
                has = definition.DEFINITION
            if has is not None and int(said) != has:
                raise MismatchError(
                    f"the .hwh describes an engine with {name.lower()} = {said}, the bitstream has "
                    f"{has}: they are not of one build, copy both again"
                )
