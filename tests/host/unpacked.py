"""A small unpacked archive whose golden values are what the fake engine answers."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from firebrick.host.driver import Firebrick
from firebrick.host.program import parse_program
from firebrick.host.version import VERSION
from firebrick.sim import pynq_standin
from firebrick.sim.overlay import write_overlay
from tests.host.fake_engine import SHAPE, FakeBoard, make_program, picture


def write_sums(folder: Path) -> None:
    """``SHA256SUMS`` of what is there."""
    names = sorted(p.name for p in folder.iterdir() if p.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256((folder / n).read_bytes()).hexdigest()}  {n}\n" for n in names]
    (folder / "SHA256SUMS").write_text("".join(lines))


def unpacked(folder: Path) -> Path:
    """An archive of two pictures in ``folder``."""
    bit = write_overlay(folder, SHAPE)
    program = make_program()
    (folder / "network.fbp").write_bytes(program.blob)
    facts = {
        "firebrick": VERSION,
        "network": "small",
        "board": "pynq-z2",
        "part": "xc7z020clg400-1",
        "shape": str(SHAPE),
        "clock_mhz": 100,
        "bitstream": True,
    }
    (folder / "manifest.json").write_text(json.dumps(facts))
    pixels = np.stack([picture(0), picture(1)])
    board = FakeBoard(program=program)
    with pynq_standin.installed(board), Firebrick(bit, parse_program(program.blob)) as engine:
        totals = engine.run_batch(pixels).totals
        engine.run(pixels[0])
        maps = {f"map/{name}": values for name, values in engine.maps().items()}
    np.savez(
        folder / "golden.npz", names=np.array(["one", "two"]), pixels=pixels, totals=totals, **maps
    )
    write_sums(folder)
    return folder
