"""The shapes whose design yosys has counted: what :mod:`hw.model.resources` is fitted to.

They lie in ``resources.toml``, which ``firebrick synth --points`` counts anew: those whose sources
have changed since.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from firebrick.hw.boards.parts import Resources
from firebrick.hw.shape import EngineShape
from firebrick.quantize.errors import FirebrickError

POINTS = Path(__file__).with_name("resources.toml")
HEADER = """\
# The whole design with these engines, counted by `make synth OPTIONS=--points`.
# fitted: used to fit the model; the others tell its error.
# sources: digest of the RTL and of yosys' version that the point was counted with.
"""
EARLIER = """\
# earlier: not counted anew since rows of the array have one drain chain instead of two; then some
# were counted without what connects the engine to the processing system (zynq), or before there was
# an adder of maps.
"""
FLAGS = {"earlier": False, "zynq": True, "adder": True}


@dataclass(frozen=True)
class Point:
    """A shape that has been synthesized, and what its design takes of an xc7z020.

    ``sources`` is the digest of what it was counted with (:func:`hw.flow.yosys.netlist_digest`, of
    one shape for all).  Where a point is ``earlier``, the design has changed so much since that the
    fit reckons with a difference; only such points are without ``zynq``, what connects the engine
    to the processing system, or without the ``adder`` of maps.
    """

    shape: EngineShape
    fitted: bool
    resources: Resources
    sources: str
    earlier: bool = False
    zynq: bool = True
    adder: bool = True


@cache
def points() -> tuple[Point, ...]:
    """The counted points (FirebrickError where the file is not what it should be)."""
    return parse_points(POINTS.read_text())


def parse_points(text: str) -> tuple[Point, ...]:
    """Points of the text of a ``resources.toml``; FirebrickError where it is none."""
    try:
        return tuple(
            Point(
                EngineShape(**p["shape"]),
                p["fitted"],
                Resources(**p["resources"]),
                p["sources"],
                **{name: p.get(name, usual) for name, usual in FLAGS.items()},
            )
            for p in tomllib.loads(text)["point"]
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise FirebrickError(f"{POINTS.name}: not a table of counted shapes: {error}") from error


def points_text(found: Iterable[Point]) -> str:
    """The text of a ``resources.toml`` with these points; depths that are the default are left
    out."""
    default, found = asdict(EngineShape()), tuple(found)
    blocks = [HEADER + (EARLIER if any(p.earlier for p in found) else "")]
    for p in found:
        shape = {
            name: value
            for name, value in asdict(p.shape).items()
            if name in ("pixels", "channels") or value != default[name]
        }
        flags = "".join(
            f"{name} = {str(value).lower()}\n"
            for name, usual in FLAGS.items()
            if (value := getattr(p, name)) != usual
        )
        blocks.append(
            f"[[point]]\n{flags}fitted = {str(p.fitted).lower()}\nshape = {_table(shape)}\n"
            f'resources = {_table(asdict(p.resources))}\nsources = "{p.sources}"\n'
        )
    return "\n".join(blocks)


def _table(values: Mapping[str, Any]) -> str:
    return f"{{ {', '.join(f'{name} = {value}' for name, value in values.items())} }}"
