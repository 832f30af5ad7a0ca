"""build(): Vitis HLS when it is there (played by a script), else exactly what is missing."""

from __future__ import annotations

import inspect
import os
from pathlib import Path

import pytest
from hls4ml.backends.vitis.vitis_backend import VitisBackend

from firebrick.commands.vitis import main
from firebrick.hw.hls.vitis import NEWER_TOOL, TOOL, read_report, read_utilization
from firebrick.hw.hls4ml_backend.backend import FirebrickBackend
from firebrick.quantize.errors import FirebrickError

REPORT = """<profile>
<UserAssignments><TargetClockPeriod>10.00</TargetClockPeriod></UserAssignments>
<PerformanceEstimates>
<SummaryOfTimingAnalysis><EstimatedClockPeriod>7.300</EstimatedClockPeriod>
</SummaryOfTimingAnalysis>
<SummaryOfOverallLatency><Best-caseLatency>undef</Best-caseLatency>
<Worst-caseLatency>undef</Worst-caseLatency></SummaryOfOverallLatency>
</PerformanceEstimates>
<AreaEstimates><Resources><BRAM_18K>101</BRAM_18K><DSP>214</DSP><FF>33000</FF><LUT>41000</LUT>
<URAM>0</URAM></Resources><AvailableResources><BRAM_18K>280</BRAM_18K><DSP>220</DSP><FF>106400</FF>
<LUT>53200</LUT><URAM>0</URAM></AvailableResources></AreaEstimates>
</profile>
"""
UTILIZATION = """1. Slice Logic
+-------------------------+-------+
| Slice LUTs*             | 30123 |
| Slice Registers         | 28001 |
2. Memory
| Block RAM Tile |   98 |
3. DSP
| DSPs           |  210 |
"""


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """Puts stand-ins on the PATH: they note their arguments and may write a report."""

    def install(*names: str, code: int = 0, report: bool = True) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        notes = tmp_path / "notes"
        (folder / "report.xml").write_text(REPORT)
        target = "firebrick_kernel_prj/solution1/syn/report"
        copy = f"mkdir -p {target} && cp {folder}/report.xml {target}/csynth.xml"
        (folder / "synth.rpt").write_text(UTILIZATION)
        copy += f" && cp {folder}/synth.rpt vivado_synth.rpt"
        for name in names:
            script = folder / name
            script.write_text(
                f'#!/bin/sh\necho "{name} $*: $FIREBRICK_STEPS" >> {notes}\n'
                f"{copy if report else 'true'}\n"
                f"exit {code}\n"
            )
            script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        return notes

    return install


@pytest.fixture
def project(traced_digits, tmp_path, monkeypatch):
    """The digits model with an output folder of its own, written."""
    folder = tmp_path / "project"
    monkeypatch.setitem(traced_digits.config.config, "OutputDir", str(folder))
    traced_digits.write()
    return traced_digits


@pytest.fixture
def no_tool(monkeypatch):
    monkeypatch.setattr("firebrick.hw.hls.vitis.shutil.which", lambda name: None)


def test_what_is_missing_is_said(project, no_tool):
    with pytest.raises(FirebrickError) as caught:
        project.build()
    message = str(caught.value)
    folder = project.config.get_output_dir()
    for part in (TOOL, NEWER_TOOL, "settings64.sh", folder, "csim synth", "only g++"):
        assert part in message


def test_build_runs_the_script_and_reads_the_report(project, tool):
    notes = tool("vitis_hls", "v++", "vitis-run")
    report = project.build(csim=False, synth=True, export=True)
    assert notes.read_text().splitlines() == ["vitis_hls -f build.tcl synth export: synth export"]
    synthesis = report["CSynthesisReport"]
    assert synthesis["DSP"] == "214" and synthesis["AvailableDSP"] == "220"
    assert synthesis["EstimatedClockPeriod"] == "7.300"


def test_build_with_the_newer_tool(project, tool):
    """It passes no words on to a script: the steps are in the environment."""
    notes = tool("vitis-run")
    report = project.build(cosim=True, export=True)
    assert notes.read_text().splitlines() == [
        "vitis-run --mode hls --tcl build.tcl: csim synth cosim export"
    ]
    assert report["CSynthesisReport"]["LUT"] == "41000"
    folder = Path(project.config.get_output_dir())
    # Both tools keep their work in folders that reset removes.
    old = folder / "firebrick_kernel_prj" / "old"
    old.touch()
    project.build(reset=True)
    assert not old.exists()


def test_build_takes_what_the_vitis_backend_takes(project, tool):
    """hls4ml's usual calls, argument for argument, and its report of Vivado's synthesis."""
    ours = inspect.signature(FirebrickBackend.build).parameters
    theirs = inspect.signature(VitisBackend.build).parameters
    assert list(ours) == list(theirs)
    assert [p.default for p in ours.values()] == [p.default for p in theirs.values()]
    notes = tool("vitis-run")
    report = project.build(csim=False, vsynth=True, validation=True, fifo_opt=True)
    assert notes.read_text().strip().endswith(": synth validation vsynth fifo_opt")
    assert report["VivadoSynthReport"] == {
        "LUT": "30123",
        "FF": "28001",
        "BRAM_18K": "98",
        "DSP48E": "210",
    }


def test_a_broken_utilization_report_is_named(tmp_path):
    path = tmp_path / "vivado_synth.rpt"
    with pytest.raises(FirebrickError, match="left no report"):
        read_utilization(path)
    path.write_text("| nothing | 1 |")
    with pytest.raises(FirebrickError, match="is not a utilization report"):
        read_utilization(path)


def test_the_command_builds_a_project(project, tool, capsys):
    notes = tool("vitis_hls")
    main([project.config.get_output_dir(), "--steps", "synth"])
    assert notes.read_text().strip() == "vitis_hls -f build.tcl synth: synth"
    assert "DSP: 214" in capsys.readouterr().out


def test_a_tool_that_fails(project, tool):
    tool("vitis_hls", code=3)
    with pytest.raises(FirebrickError, match=r"'vitis_hls .*' ended with code 3; see .*vitis_hls"):
        project.build(log_to_stdout=False)


def test_a_tool_that_leaves_no_report(project, tool):
    tool("vitis_hls", report=False)
    folder = Path(project.config.get_output_dir())
    old = folder / "firebrick_kernel_prj/solution1/syn/report/csynth.xml"
    old.parent.mkdir(parents=True)
    old.write_text(REPORT)
    with pytest.raises(FirebrickError, match="left no"):
        project.build()
    assert project.build(synth=False) == {}


def test_nothing_to_do_and_no_project(project, tool, tmp_path):
    tool("vitis_hls")
    with pytest.raises(FirebrickError, match="nothing to build"):
        project.build(csim=False, synth=False)
    empty = tmp_path / "empty"
    empty.mkdir()
    project.config.config["OutputDir"] = str(empty)
    with pytest.raises(FirebrickError, match=r"call write\(\)"):
        project.build()


def test_a_broken_report_is_named(tmp_path):
    path = tmp_path / "csynth.xml"
    path.write_text("<profile>")
    with pytest.raises(FirebrickError, match=r"csynth\.xml: is not a report"):
        read_report(path)
