"""Run Vitis HLS on a written project, and read its report: :func:`build`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from firebrick.quantize.errors import FirebrickError

SCRIPT = "build.tcl"
# Those of hls4ml's Vitis backend; `fifo_opt` has nothing to do here and says so.
STEPS = ("csim", "synth", "cosim", "validation", "export", "vsynth", "fifo_opt")
SYNTHESIZES = ("synth", "cosim", "validation", "export", "vsynth")
REPORT = "**/syn/report/csynth.xml"
VSYNTH_REPORT = "vivado_synth.rpt"
# What the script and v++ leave.
WORK = ("firebrick_kernel_prj", "work")
LOG = "vitis_hls.log"
# Vitis up to 2024.1 has vitis_hls; after it, vitis-run runs the script, and passes no words on.
TOOL, NEWER_TOOL = "vitis_hls", "vitis-run"
STEPS_VARIABLE = "FIREBRICK_STEPS"

# hls4ml's names for entries of the synthesis report.
_TIMES = {
    "TargetClockPeriod": "UserAssignments/TargetClockPeriod",
    "EstimatedClockPeriod": "PerformanceEstimates/SummaryOfTimingAnalysis/EstimatedClockPeriod",
    "BestLatency": "PerformanceEstimates/SummaryOfOverallLatency/Best-caseLatency",
    "WorstLatency": "PerformanceEstimates/SummaryOfOverallLatency/Worst-caseLatency",
    "IntervalMin": "PerformanceEstimates/SummaryOfOverallLatency/Interval-min",
    "IntervalMax": "PerformanceEstimates/SummaryOfOverallLatency/Interval-max",
}
_RESOURCES = ("BRAM_18K", "DSP", "FF", "LUT", "URAM")


def build(
    folder: Path, steps: dict[str, bool], reset: bool = False, log_to_stdout: bool = True
) -> dict[str, Any]:
    """Run Vitis HLS on the project and return its report as hls4ml's backends do.

    ``steps`` chooses among :data:`STEPS`; ``reset`` removes what earlier runs left.  Raises
    FirebrickError saying exactly what is missing: the tool, the project, or what the tool did not
    make.
    """
    if not (folder / SCRIPT).is_file():
        raise FirebrickError(f"{folder}: has no {SCRIPT}: call write() or compile() first")
    chosen = [step for step in STEPS if steps.get(step)]
    if not chosen:
        raise FirebrickError(f"nothing to build: choose among {', '.join(STEPS)}")
    command = _command(folder, chosen)
    for report in (*folder.glob(REPORT), folder / VSYNTH_REPORT):
        # One of an earlier run must not pass for this one's.
        report.unlink(missing_ok=True)
    if reset:
        for name in WORK:
            shutil.rmtree(folder / name, ignore_errors=True)
    with (folder / LOG).open("w", encoding="utf-8") as file:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, STEPS_VARIABLE: " ".join(chosen)},
            stdout=None if log_to_stdout else file,
            stderr=None if log_to_stdout else subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        where = "its output" if log_to_stdout else str(folder / LOG)
        raise FirebrickError(
            f"{folder}: '{' '.join(command)}' ended with code {done.returncode}; see {where}"
        )
    reports = sorted(folder.glob(REPORT))
    if not reports and any(step in chosen for step in SYNTHESIZES):
        raise FirebrickError(f"{folder}: {command[0]} ended well but left no {REPORT}")
    found: dict[str, Any] = {"CSynthesisReport": read_report(reports[-1])} if reports else {}
    if "vsynth" in chosen:
        found["VivadoSynthReport"] = read_utilization(folder / VSYNTH_REPORT)
    return found


def _command(folder: Path, steps: list[str]) -> list[str]:
    """The command line for ``steps``, for the tool that is there."""
    if shutil.which(TOOL):
        return [TOOL, "-f", SCRIPT, *steps]
    if shutil.which(NEWER_TOOL):
        return [NEWER_TOOL, "--mode", "hls", "--tcl", SCRIPT]
    raise FirebrickError(
        f"Vitis HLS is not installed or not on the PATH: neither {TOOL} nor {NEWER_TOOL} "
        "was found. Run 'source <Xilinx>/Vitis_HLS/<version>/settings64.sh' (2020.2 to 2024.1) or "
        "'source <Xilinx>/Vitis/<version>/settings64.sh' (2024.2 and later) and call build() "
        f"again, or carry {folder} to a machine that has it and run 'vitis_hls -f {SCRIPT} "
        f"{' '.join(steps)}' there. compile() and predict() need only g++"
    )


def read_report(path: Path) -> dict[str, str]:
    """Timing, latency and resources of a csynth.xml, under hls4ml's names."""
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise FirebrickError(f"{path}: is not a report of Vitis HLS ({error})") from error
    report = {}
    for name, place in _TIMES.items():
        report[name] = root.findtext(place)
    for name in _RESOURCES:
        report[name] = root.findtext(f"AreaEstimates/Resources/{name}")
        report[f"Available{name}"] = root.findtext(f"AreaEstimates/AvailableResources/{name}")
    return {name: value for name, value in report.items() if value is not None}


def read_utilization(path: Path) -> dict[str, str]:
    """Resources of a ``report_utilization`` of Vivado, under hls4ml's names."""
    rows = {
        "LUT": r"(?:CLB|Slice) LUTs",
        "FF": r"(?:CLB|Slice) Registers",
        "BRAM_18K": r"Block RAM Tile",
        "URAM": r"URAM",
        "DSP48E": r"DSPs",
    }
    if not path.is_file():
        raise FirebrickError(f"{path}: Vivado left no report of its synthesis")
    text = path.read_text(encoding="utf-8")
    found = {}
    for name, label in rows.items():
        row = re.search(rf"^\|\s*{label}\*?\s*\|\s*([\d.]+)\s*\|", text, re.M)
        if row:
            found[name] = row[1]
    if not found:
        raise FirebrickError(f"{path}: is not a utilization report of Vivado")
    return found
