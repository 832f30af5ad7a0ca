"""Run Vitis HLS on a written project, and read its report: :func:`build`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from firebrick.quantize.errors import FirebrickError

SCRIPT = "build.tcl"
CONFIG = "hls_config.cfg"
STEPS = ("csim", "synth", "cosim", "export")
REPORT = "**/syn/report/csynth.xml"
WORK = "work"
LOG = "vitis_hls.log"
# Vitis up to 2024.1 has vitis_hls; after it, v++ synthesizes and vitis-run does the rest.
SCRIPTED = ("vitis_hls",)
CONFIGURED = ("v++", "vitis-run")

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

    ``steps`` chooses among csim, synth, cosim and export; ``reset`` removes what earlier runs
    left.  Raises FirebrickError saying exactly what is missing: the tool, the project, or what
    the tool did not make.
    """
    if not (folder / SCRIPT).is_file():
        raise FirebrickError(f"{folder}: has no {SCRIPT}: call write() or compile() first")
    chosen = [step for step in STEPS if steps.get(step)]
    if not chosen:
        raise FirebrickError(f"nothing to build: choose among {', '.join(STEPS)}")
    commands = _commands(folder, chosen)
    for report in folder.glob(REPORT):
        # One of an earlier run must not pass for this one's.
        report.unlink()
    if reset and (folder / WORK).is_dir():
        shutil.rmtree(folder / WORK)
    with (folder / LOG).open("w", encoding="utf-8") as file:
        for command in commands:
            done = subprocess.run(
                command,
                cwd=folder,
                stdout=None if log_to_stdout else file,
                stderr=None if log_to_stdout else subprocess.STDOUT,
                check=False,
            )
            if done.returncode != 0:
                where = "its output" if log_to_stdout else str(folder / LOG)
                raise FirebrickError(
                    f"{folder}: '{' '.join(command)}' ended with code {done.returncode}; see "
                    f"{where}"
                )
    reports = sorted(folder.glob(REPORT))
    if "synth" in chosen and not reports:
        raise FirebrickError(f"{folder}: {commands[0][0]} ended well but left no {REPORT}")
    return {"CSynthesisReport": read_report(reports[-1])} if reports else {}


def _commands(folder: Path, steps: list[str]) -> list[list[str]]:
    """The command lines for ``steps``, for the tool that is there."""
    if all(map(shutil.which, SCRIPTED)):
        return [["vitis_hls", "-f", SCRIPT, *steps]]
    if all(map(shutil.which, CONFIGURED)):
        run = ["vitis-run", "--mode", "hls"]
        options = ["--config", CONFIG, "--work_dir", WORK]
        commands = {
            "csim": [*run, "--csim", *options],
            "synth": ["v++", "-c", "--mode", "hls", *options],
            "cosim": [*run, "--cosim", *options],
            "export": [*run, "--package", *options],
        }
        return [commands[step] for step in steps]
    raise FirebrickError(
        "Vitis HLS is not installed or not on the PATH: neither vitis_hls nor v++ with vitis-run "
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
