"""The SystemVerilog through a second front end: ``python -m firebrick.sim.lint``.

slang reads the whole chip in three shapes, and the engine around the HLS kernel, with the ports of
primitives and kernel, and says what it finds unusual.  An error, a warning that
``waivers.toml`` does not name, and a waiver that waives nothing end with exit code 1.
"""

from __future__ import annotations

import json
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from firebrick.hw.flow.yosys import CHIP_TOP, ENGINE, RTL, sources
from firebrick.hw.hls.emit import REGISTER_BLOCK, emit_project
from firebrick.hw.interface import kernel_ports
from firebrick.hw.shape import PYNQ_Z2, EngineShape, pumped
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.files import write_text
from firebrick.quantize.support.paths import ROOT, build_folder
from firebrick.sim.two_clocks import dsp_model

WAIVERS = Path(__file__).with_name("waivers.toml")
PRIMITIVES = Path(__file__).with_name("primitives")
FLAGS = ("-Wextra", "-Wconversion", "-Wunused", "-Wsign-compare")
# Where the lines of the emitted engine come from; their numbers are those of the emitted file.
WRAPPER = "hw/hls/templates/rtl/firebrick_engine.sv.j2"
# What a parameter decides, such as a cast to its width, is seen in one of them only.
SHAPES = (PYNQ_Z2, replace(PYNQ_Z2, pixels=8, channels=8), pumped(PYNQ_Z2, 2))


@dataclass(frozen=True)
class Finding:
    """One thing that slang says of a line; ``warning`` is its option's name, empty for an error."""

    file: str
    line: int
    column: int
    warning: str
    text: str
    source: str
    symbol: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.warning or 'error'}: {self.text}"


@dataclass(frozen=True)
class Waiver:
    """``warning`` is right in the lines of ``file`` that hold ``match``, because of ``reason``."""

    file: str
    warning: str
    match: str
    reason: str

    def waives(self, found: Finding) -> bool:
        here = (found.file, found.warning) == (self.file, self.warning)
        return here and self.match in found.source


@dataclass(frozen=True)
class Verdict:
    """Findings that no waiver names, those that one names, and waivers that name none."""

    unwaived: list[Finding]
    waived: list[Finding]
    stale: list[Waiver]

    def lines(self) -> list[str]:
        """What is wrong, a line each."""
        left_over = [
            f"{WAIVERS.name}: {w.file}, {w.warning}, {w.match!r}: nothing to waive, delete it"
            for w in self.stale
        ]
        return [*map(str, self.unwaived), *left_over]


def read_waivers(path: Path = WAIVERS) -> list[Waiver]:
    """The waivers of a file: a reason, and the places that it is good for.

    FirebrickError for an entry that does not say all that it must.
    """
    try:
        found = [
            Waiver(file, entry["warning"], match, entry["reason"])
            for entry in tomllib.loads(path.read_text())["waiver"]
            for file, matches in entry["places"].items()
            for match in matches
        ]
    except (AttributeError, KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise FirebrickError(f"{path}: warning, reason and places are needed: {error}") from error
    for waiver in found:
        if not (waiver.warning and waiver.match.strip() and waiver.reason.strip()):
            raise FirebrickError(f"{path}: {waiver.file}: give warning, match and reason")
    return found


def lint(
    files: Iterable[str | Path],
    top: str,
    parameters: dict[str, int] | None = None,
    ports_of: Iterable[Path] = (),
) -> list[Finding]:
    """What slang finds in ``files`` (relative to the project), elaborated from ``top``.

    ``ports_of`` are files of modules whose ports count, but not what is said of their insides.
    """
    from pyslang.analysis import AnalysisManager
    from pyslang.driver import Driver

    driver = Driver()
    driver.addStandardArgs()
    values = [f"-G{name}={value}" for name, value in (parameters or {}).items()]
    outside = {path.resolve() for path in ports_of}
    paths = [str(path) for path in (*(ROOT / file for file in files), *sorted(outside))]
    command = ["slang", "--single-unit", "--top", top, *FLAGS, *values, *paths]
    if not driver.parseCommandLine(" ".join(_quoted(part) for part in command)):
        raise FirebrickError("slang does not take its options")
    if not (driver.processOptions() and driver.parseAllSources()):
        raise FirebrickError("slang cannot read the sources")

    compilation = driver.createCompilation()
    said = list(compilation.getAllDiagnostics())
    if not any(d.isError() for d in said):
        # What is unused, shadowed or latched shows in the elaborated design only.
        compilation.freeze()
        analysis = AnalysisManager(driver.analysisOptions)
        analysis.analyze(compilation)
        said += analysis.getDiagnostics()
    found = {_finding(d, driver.sourceManager, driver.diagEngine) for d in said}
    outside_names = {_name(path) for path in outside}
    return sorted(
        (f for f in found if f and not (f.warning and f.file in outside_names)),
        key=lambda f: (f.file, f.line, f.column, f.warning, f.text),
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def _finding(diagnostic: Any, manager: Any, engine: Any) -> Finding | None:
    """A diagnostic as plain data; None where its warning is switched off."""
    severity = str(engine.getSeverity(diagnostic.code, diagnostic.location)).rpartition(".")[2]
    if severity in ("Ignored", "Note"):
        return None
    warning = "" if severity in ("Error", "Fatal") else engine.getOptionName(diagnostic.code)
    symbol = str((diagnostic.args or [""])[0])
    # What is unused on purpose has a name that says so: lowRISC's rule, and Verilator's.
    if warning.startswith("unused") and symbol.startswith("unused"):
        return None
    path = Path(manager.getFileName(diagnostic.location)).resolve()
    line = manager.getLineNumber(diagnostic.location)
    lines = path.read_text().splitlines()
    return Finding(
        _name(path),
        line,
        manager.getColumnNumber(diagnostic.location),
        warning,
        engine.formatMessage(diagnostic),
        lines[line - 1].strip() if line <= len(lines) else "",
        symbol if "port" in warning else "",
    )


def judge(found: list[Finding], waivers: list[Waiver]) -> Verdict:
    """``found`` apart by what ``waivers`` name, and the waivers that name nothing."""
    waived = [f for f in found if any(w.waives(f) for w in waivers)]
    return Verdict(
        unwaived=[f for f in found if f not in waived],
        waived=waived,
        stale=[w for w in waivers if not any(w.waives(f) for f in found)],
    )


def lint_all() -> list[Finding]:
    """The chip and the HLS engine, in every shape; what several of them show counts once."""
    found: dict[tuple, Finding] = {}
    primitives = [*sorted(PRIMITIVES.glob("*.sv")), dsp_model()]
    for shape in SHAPES:
        chip = lint(sources(), CHIP_TOP, shape.parameters(), primitives)
        for finding in chip + (lint_wrapper(shape) if shape.pump == 1 else []):
            place = (finding.file, finding.line, finding.column, finding.warning, finding.symbol)
            found.setdefault(place, finding)
    return [found[place] for place in sorted(found)]


def lint_wrapper(shape: EngineShape) -> list[Finding]:
    """The emitted engine around the HLS kernel; the rest of it is the chip's own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        emit_project(shape, "xc7z020clg400-1", 10.0, folder)
        wrapper, kernel = folder / "rtl" / f"{ENGINE}.sv", folder / "kernel.sv"
        kernel.write_text(_kernel())
        found = lint([*(RTL / block for block in REGISTER_BLOCK), wrapper], ENGINE, {}, [kernel])
        return [
            replace(f, file=f.file.replace(str(wrapper), WRAPPER))
            for f in found
            if not f.warning or f.file == str(wrapper)
        ]


def _kernel() -> str:
    """The HLS kernel's ports: what Vitis makes of it is not at hand here."""
    ports = [
        f"  {p.direction} wire logic [{p.bits - 1}:0] {p.name}"
        if p.bits > 1
        else f"  {p.direction} wire logic {p.name}"
        for p in kernel_ports()
    ]
    return "module firebrick_kernel (\n" + ",\n".join(ports) + "\n);\nendmodule\n"


def main() -> int:
    verdict = judge(lint_all(), read_waivers())
    facts = {
        "unwaived": len(verdict.unwaived),
        "waived": len(verdict.waived),
        "stale_waivers": len(verdict.stale),
    }
    text = json.dumps(facts, indent=1) + "\n"
    write_text(build_folder() / "lint.json", text)
    for line in verdict.lines():
        print(line, file=sys.stderr)
    return 1 if verdict.lines() else 0


if __name__ == "__main__":
    sys.exit(main())
