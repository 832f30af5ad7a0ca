"""What is emitted around an HLS kernel, register block and bus gates; how a bench finds it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from firebrick.hw.hls.emit import emit_project
from firebrick.hw.shape import EngineShape
from firebrick.sim.benches.hardware import Hardware, chosen_hardware, hls_hardware
from firebrick.sim.benches.runner import ROOT, BenchError, run_bench

STANDIN = Path(__file__).parents[1] / "standin" / "firebrick_kernel.sv"


def synthesized(shape: EngineShape, folder: Path) -> Path:
    """A project in which the stand-in lies where Vitis HLS leaves the kernel."""
    project = emit_project(shape, "xc7z020clg400-1", 10.0, folder)
    verilog = project / "firebrick_kernel_prj/solution1/syn/verilog"
    verilog.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(STANDIN, verilog / "firebrick_kernel.v")
    return project


@pytest.mark.parametrize(("pixels", "channels"), [(8, 8), (14, 32)])
def test_hls_engine(pixels: int, channels: int) -> None:
    shape = EngineShape(pixels=pixels, channels=channels)
    # Always in the same place, so that the model is built once.
    hardware = hls_hardware(synthesized(shape, ROOT / f"build/hls/bench-{shape}"))
    run_bench(
        "firebrick_engine",
        "bench_hls_engine",
        sources=hardware.sources,
        parameters=hardware.parameters,
        verilator_args=hardware.verilator_args,
    )


def test_another_shape_is_refused() -> None:
    shape = EngineShape(pixels=8, channels=8)
    hardware = hls_hardware(synthesized(shape, ROOT / f"build/hls/bench-{shape}"))
    with pytest.raises(BenchError, match="the kernel is of 8x8"):
        run_bench(
            "firebrick_engine",
            "bench_hls_engine",
            sources=hardware.sources,
            parameters={**hardware.parameters, "Pixels": 7},
            verilator_args=hardware.verilator_args,
        )


def test_the_systemverilog_engine_is_the_default() -> None:
    assert chosen_hardware({}) == chosen_hardware({"HW": "rtl"}) == Hardware()
    with pytest.raises(BenchError, match="HW=vhdl"):
        chosen_hardware({"HW": "vhdl"})


def test_what_to_run_first_is_said(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"make hls.*build\.tcl synth.*HLS="):
        chosen_hardware({"HW": "hls"})
    with pytest.raises(BenchError, match="no project of `make hls`"):
        chosen_hardware({"HW": "hls", "HLS": str(tmp_path)})
    project = emit_project(EngineShape(), "xc7z020clg400-1", 10.0, tmp_path / "project")
    with pytest.raises(BenchError, match=r"not synthesized.*build\.tcl synth"):
        chosen_hardware({"HW": "hls", "HLS": str(project)})


def test_copies_that_co_simulation_leaves_are_not_taken(tmp_path: Path) -> None:
    project = synthesized(EngineShape(), tmp_path / "project")
    solution = project / "firebrick_kernel_prj/solution1"
    synthesis = solution / "syn/verilog/firebrick_kernel.v"
    for folder in ("sim/verilog", "impl/verilog"):
        (solution / folder).mkdir(parents=True)
        for name in ("firebrick_kernel.v", "firebrick_kernel.autotb.v"):
            shutil.copyfile(STANDIN, solution / folder / name)
    os.utime(synthesis, (1, 1))
    taken = [p for p in hls_hardware(project).sources if Path(p).is_relative_to(solution)]
    assert taken == [synthesis]


def test_the_whole_engine_bench_asks_for_it() -> None:
    """HW=hls reaches the bench of the whole engine."""
    environment = {name: value for name, value in os.environ.items() if name != "HLS"}
    command = [sys.executable, "-m", "pytest", "-q", "tests/sim/benches/test_engine.py"]
    done = subprocess.run(
        command,
        env={**environment, "HW": "hls"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and "make hls" in done.stdout
