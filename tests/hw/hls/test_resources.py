"""The counted resources, against what is known without the tool."""

from __future__ import annotations

import re
from pathlib import Path

from firebrick.hw.boards.board import load_board
from firebrick.hw.hls.resources import functions, total
from firebrick.hw.model.resources import block_rams, memories
from firebrick.hw.shape import PYNQ_Z2, EngineShape
from tests.hw.hls import canonical
from tests.hw.hls.compiled import emitted


def test_the_default_engine_fits_its_boards() -> None:
    """The input ring is there twice, as each of its copies is read once a cycle."""
    used = functions(PYNQ_Z2)
    whole, chip = total(used), load_board("pynq-z2").chip.resources
    assert whole.dsp == 210 <= chip.dsp48e1
    assert 110 < whole.ramb36 <= chip.ramb36 * 0.95
    assert 0.5 * chip.lut < whole.lut < chip.lut and whole.ff < chip.ff
    (window,) = [u for u in used if u.function == "issue_row"]
    found = {name: block_rams(*memory) for name, memory in memories(PYNQ_Z2).items()}
    ring = sum(blocks for name, blocks in found.items() if name.startswith("activations"))
    weights = found["weights"]
    assert window.ramb36 == 2 * ring + weights


def test_every_process_is_counted(tmp_path: Path) -> None:
    project = emitted(PYNQ_Z2, tmp_path)
    found = canonical.functions(
        canonical.parse(project / "src" / "firebrick_kernel.cpp"), project / "src"
    )
    (region,) = canonical.with_pragma(found, "DATAFLOW")
    processes = {call.spelling for call in canonical.calls_of(region)}
    assert processes < {used.function for used in functions(PYNQ_Z2)}


def test_depths_are_those_of_the_code(tmp_path: Path) -> None:
    """A FIFO's LUTs come from depths that config.h and the region declare."""
    project = emitted(PYNQ_Z2, tmp_path)
    config = (project / "src" / "config.h").read_text()
    for name, depth in (("kLoadFifo", 32), ("kStepFifo", 16), ("kPlanFifo", 4)):
        assert re.search(rf"{name} = {depth};", config), name


def test_larger_engines_take_more() -> None:
    small, large = total(functions(EngineShape(8, 16))), total(functions(EngineShape(28, 64)))
    assert small.dsp < large.dsp <= 220
    assert small.lut < large.lut and small.ff < large.ff and small.ramb36 < large.ramb36
