"""The compiled cycle model says what the plain one says, to the last bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from firebrick.hw import definition as d
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.outline import outline_of
from firebrick.hw.memory_timing import MemoryTiming
from firebrick.hw.model import compiled
from firebrick.hw.model.compiled import predict_outline
from firebrick.hw.model.cycles import predict
from firebrick.hw.shape import PYNQ_Z2, EngineShape, pumped
from firebrick.quantize.errors import FirebrickError
from firebrick.sim.random_networks import (
    V1_1,
    Fire,
    Recipe,
    build,
    random_narrow,
    random_network,
    random_strides,
)

SHAPES = [
    PYNQ_Z2,
    EngineShape(6, 8, act_words=8192, bias_pairs=512),
    EngineShape(7, 16, fifo_words=16),
    EngineShape(14, 64, weight_words=4096),
]
TIMINGS = [
    MemoryTiming(),
    MemoryTiming(0, 0, 100, 0, 0),
    MemoryTiming(bytes_per_cycle=6, max_outstanding=2),
    MemoryTiming(read_latency=83, write_latency=31, refresh_interval=700, refresh_cycles=33),
]


@pytest.mark.parametrize("timing", TIMINGS, ids=["usual", "perfect", "narrow", "far"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("seed", range(8))
def test_same_in_every_bit(seed: int, shape: EngineShape, timing: MemoryTiming) -> None:
    """Every figure of every group and layer: they are compared as floats, not approximately."""
    net = random_strides(seed) if seed > 5 else random_network(seed, bypass=seed % 2 == 1)
    program = compile_network(net, shape, stages_apart=seed == 4)
    images = 1 + seed % 3
    assert predict_outline(outline_of(program), timing, images) == predict(program, timing, images)


@pytest.mark.parametrize("timing", TIMINGS, ids=["usual", "perfect", "narrow", "far"])
@pytest.mark.parametrize("shape", [*SHAPES, pumped(PYNQ_Z2, 2)], ids=str)
def test_chained_modules(shape: EngineShape, timing: MemoryTiming) -> None:
    """Rows of a wide map come in while many results go to rings: the port is short of time."""
    fires = (Fire(8, 64, 64), Fire(6, 20, 24), Fire(9, 31, 17))
    program = compile_network(build(Recipe(12, 30, 3, 1, 1, 0, 96, fires, 10), 1), shape)
    assert sum(g.fields.get("p3_enable", 0) for g in program.groups) == 2
    assert predict_outline(outline_of(program), timing) == predict(program, timing)


@pytest.mark.parametrize("timing", TIMINGS, ids=["usual", "perfect", "narrow", "far"])
@pytest.mark.parametrize(
    "shape", [PYNQ_Z2, EngineShape(8, 8), pumped(EngineShape(16, 32), 2)], ids=str
)
def test_two_rows_in_one(shape: EngineShape, timing: MemoryTiming) -> None:
    folds = set()
    for seed in range(6):
        program = compile_network(random_narrow(seed, shape.pixels, shape.channels), shape)
        folds |= {g.fields.get("load_fold", 0) for g in program.groups}
        images = 1 + seed % 2
        assert predict_outline(outline_of(program), timing, images) == predict(
            program, timing, images
        )
    assert folds == {d.FOLD_NONE, d.FOLD_APART, d.FOLD_STORED}


def test_squeezenet() -> None:
    program = compile_network(build(V1_1, 1), PYNQ_Z2)
    assert predict_outline(outline_of(program)) == predict(program)


def test_a_changed_program_changes_the_answer() -> None:
    """The comparison itself: a field that is not handed over would be seen."""
    found = outline_of(compile_network(random_network(1), PYNQ_Z2))
    fields = {**found.groups[0].fields, "p1_steps": found.groups[0].fields["p1_steps"] - 1}
    changed = replace(found, groups=(replace(found.groups[0], fields=fields), *found.groups[1:]))
    assert predict_outline(changed).active < predict_outline(found).active


def test_waiting_for_ever_is_told_as_by_the_plain_model() -> None:
    program = compile_network(random_network(1), PYNQ_Z2)
    found = outline_of(program)
    fields = {**program.groups[1].fields, "wait_enable": 1, "wait_back": 0}
    group = replace(program.groups[1], fields=fields)
    stuck = replace(program, groups=(program.groups[0], group, *program.groups[2:]))
    with pytest.raises(RuntimeError) as plain:
        predict(stuck)
    with pytest.raises(RuntimeError) as quick:
        predict_outline(
            replace(found, groups=tuple(
                replace(g, fields=fields) if n == 1 else g for n, g in enumerate(found.groups)
            ))
        )  # fmt: skip
    assert str(quick.value) == str(plain.value)
    assert "waits for ever" in str(plain.value)


def test_what_does_not_compile_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "cycles.cpp"
    broken.write_text("int firebrick_predict(\n")
    monkeypatch.setattr(compiled, "SOURCE", broken)
    monkeypatch.setenv("FIREBRICK_BUILD", str(tmp_path))
    with pytest.raises(FirebrickError, match=r"failed on cycles\.cpp"):
        compiled._library.__wrapped__()
    assert list((tmp_path / "model").iterdir()) == []
