"""build(): Vitis HLS when it is there (played by a script), else exactly what is missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from firebrick.commands.vitis import main
from firebrick.hw.hls.vitis import CONFIGURED, SCRIPTED, read_report
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


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """Puts stand-ins on the PATH: they note their arguments and may write a report."""

    def install(*names: str, code: int = 0, report: bool = True) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        notes = tmp_path / "notes"
        (folder / "report.xml").write_text(REPORT)
        target = "work/hls/syn/report"
        copy = f"mkdir -p {target} && cp {folder}/report.xml {target}/csynth.xml"
        for name in names:
            script = folder / name
            script.write_text(
                f'#!/bin/sh\necho "{name} $*" >> {notes}\n{copy if report else "true"}\n'
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
    for part in (*SCRIPTED, *CONFIGURED, "settings64.sh", folder, "csim synth", "only g++"):
        assert part in message


def test_one_of_two_tools_is_not_enough(project, tool):
    tool("vitis-run")
    with pytest.raises(FirebrickError, match="neither vitis_hls nor"):
        project.build()


def test_build_runs_the_script_and_reads_the_report(project, tool):
    notes = tool("vitis_hls", "v++", "vitis-run")
    report = project.build(csim=False, synth=True, export=True)
    assert notes.read_text().splitlines() == ["vitis_hls -f build.tcl synth export"]
    synthesis = report["CSynthesisReport"]
    assert synthesis["DSP"] == "214" and synthesis["AvailableDSP"] == "220"
    assert synthesis["EstimatedClockPeriod"] == "7.300"


def test_build_with_the_newer_tools(project, tool):
    notes = tool("v++", "vitis-run")
    report = project.build(cosim=True, export=True)
    options = "--config hls_config.cfg --work_dir work"
    assert notes.read_text().splitlines() == [
        f"vitis-run --mode hls --csim {options}",
        f"v++ -c --mode hls {options}",
        f"vitis-run --mode hls --cosim {options}",
        f"vitis-run --mode hls --package {options}",
    ]
    assert report["CSynthesisReport"]["LUT"] == "41000"
    folder = Path(project.config.get_output_dir())
    assert (folder / "hls_config.cfg").is_file()
    # The newer tools keep their work in one folder, which reset removes.
    (folder / "work" / "old").touch()
    project.build(reset=True)
    assert not (folder / "work" / "old").exists()


def test_the_command_builds_a_project(project, tool, capsys):
    notes = tool("vitis_hls")
    main([project.config.get_output_dir(), "--steps", "synth"])
    assert notes.read_text().strip() == "vitis_hls -f build.tcl synth"
    assert "DSP: 214" in capsys.readouterr().out


def test_a_tool_that_fails(project, tool):
    tool("vitis_hls", code=3)
    with pytest.raises(FirebrickError, match=r"'vitis_hls .*' ended with code 3; see .*vitis_hls"):
        project.build(log_to_stdout=False)


def test_a_tool_that_leaves_no_report(project, tool):
    tool("vitis_hls", report=False)
    old = Path(project.config.get_output_dir()) / "work/hls/syn/report/csynth.xml"
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
