"""Run Vitis HLS on a written project, and read its report: :func:`build`."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from quantize.errors import FirebrickError

SCRIPT = "build.tcl"
# The command changed its name in 2024.2; each with what precedes the script's name.
TOOLS = {"vitis_hls": ["-f"], "vitis-run": ["--mode", "hls", "--tcl"]}
REPORT = "*/syn/report/csynth.xml"
LOG = "vitis_hls.log"

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
    """Run the project's script with Vitis HLS and return the report as hls4ml's backends do.

    ``steps`` chooses among csim, synth, cosim and export; ``reset`` removes the solutions of an
    earlier run.  Raises FirebrickError saying exactly what is missing: the tool, the project, or
    what the tool did not make.
    """
    if not (folder / SCRIPT).is_file():
        raise FirebrickError(f"{folder}: has no {SCRIPT}: call write() or compile() first")
    name, command = _tool(folder)
    chosen = ",".join(step for step, wanted in steps.items() if wanted)
    if not chosen:
        raise FirebrickError("nothing to build: choose csim, synth, cosim or export")
    if reset:
        for solution in folder.glob("*/solution*"):
            shutil.rmtree(solution)
    log = folder / LOG
    with log.open("w", encoding="utf-8") as file:
        environment = {**os.environ, "FIREBRICK_STEPS": chosen}
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdout=None if log_to_stdout else file,
            stderr=None if log_to_stdout else subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        where = "its output" if log_to_stdout else str(log)
        raise FirebrickError(f"{folder}: {name} ended with code {done.returncode}; see {where}")
    reports = sorted(folder.glob(f"*/{REPORT}"))
    if steps.get("synth") and not reports:
        raise FirebrickError(f"{folder}: {name} ended well but left no {REPORT}")
    return {"CSynthesisReport": read_report(reports[-1])} if reports else {}


def _tool(folder: Path) -> tuple[str, list[str]]:
    for name, options in TOOLS.items():
        path = shutil.which(name)
        if path is not None:
            return name, [path, *options, SCRIPT]
    raise FirebrickError(
        f"Vitis HLS is not installed or not on the PATH: neither {' nor '.join(TOOLS)} was found. "
        "Run 'source <Xilinx>/Vitis_HLS/<version>/settings64.sh' (2020.2 to 2024.1) or 'source "
        "<Xilinx>/Vitis/<version>/settings64.sh' (2024.2 and later) and call build() again, or "
        f"carry {folder} to a machine that has it and run 'vitis_hls -f {SCRIPT}' there. "
        "compile() and predict() need only g++"
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
