"""Whether a program and an engine, an overlay and a chip belong together."""

from __future__ import annotations

from typing import Any

from . import system
from .errors import MismatchError
from .program import Program
from .results import EngineInfo

# What must be equal, and what the engine may have more of.
EQUAL = ("pixels", "channels", "acc_bits", "word_bytes", "pump")
AT_LEAST = ("act_words", "weight_words", "bias_pairs", "sums", "pool_channels", "pool_line_words")


def check_fit(program: Program, engine: EngineInfo) -> None:
    """Raises :class:`MismatchError` where ``program`` was compiled for another engine."""
    if engine.version != program.header["version"]:
        raise MismatchError(
            f"{program.source}: format version {program.header['version']}, the engine has "
            f"{engine.version}: compile the program again"
        )
    for field in EQUAL:
        wanted, has = program.header[field], getattr(engine, field)
        if wanted != has:
            raise MismatchError(
                f"{program.source}: compiled for {field.replace('_', ' ')} = {wanted}, the "
                f"engine has {has}: compile it for this overlay ({engine})"
            )
    for field in AT_LEAST:
        wanted, has = program.shape.get(field, 0), getattr(engine, field)
        if wanted > has:
            raise MismatchError(
                f"{program.source}: compiled for an engine with {field} = {wanted}, this "
                f"one has {has}: compile it for this overlay"
            )


def check_system(pynq: Any, overlay: Any, description: dict[str, Any]) -> None:
    """The chip is the overlay's, and its memory ports are as wide as the engine's.

    ``description`` is the engine's entry in the overlay's .hwh.  Raises :class:`MismatchError`.
    """
    types = (str(ip["type"]) for ip in overlay.ip_dict.values())
    if not any(kind.startswith(system.PROCESSOR_TYPE) for kind in types):
        return
    part = description.get("PART")
    if part is not None:
        system.check_chip(pynq, str(part), "the overlay's .hwh")
    system.widen_ports(pynq)
