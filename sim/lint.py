"""The SystemVerilog through a second front end: ``python -m firebrick.sim.lint``.

slang reads the whole chip with the real primitive's ports, and says what it finds unusual.  An
error, a warning that ``lint_waivers.toml`` does not name, and a waiver that waives nothing end with
exit code 1.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from firebrick.hw.flow.yosys import CHIP_TOP, sources
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.files import write_atomically
from firebrick.quantize.support.paths import ROOT, build_folder

WAIVERS = Path(__file__).with_name("lint_waivers.toml")
FLAGS = ("-Wextra", "-Wconversion", "-Wunused")


@dataclass(frozen=True)
class Finding:
    """One thing that slang says; ``warning`` is the name of its option, empty for an error."""

    file: str
    line: int
    warning: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.warning or 'error'}: {self.text}"


@dataclass(frozen=True)
class Waiver:
    """``count`` findings of ``warning`` in ``file`` are right, because of ``reason``."""

    file: str
    warning: str
    count: int
    reason: str


def read_waivers(path: Path = WAIVERS) -> list[Waiver]:
    """The waivers of a file; FirebrickError for one that does not say all that it must."""
    try:
        entries = [Waiver(**entry) for entry in tomllib.loads(path.read_text())["waiver"]]
    except (TypeError, KeyError, tomllib.TOMLDecodeError) as error:
        raise FirebrickError(f"{path}: {error}") from error
    for entry in entries:
        if not entry.reason or entry.count < 1:
            raise FirebrickError(f"{path}: {entry.file}, {entry.warning}: count and reason")
    return entries


def lint(files: Iterable[str | Path], top: str, parameters: dict[str, int]) -> list[Finding]:
    """What slang finds in ``files`` (relative to the project), elaborated from ``top``."""
    from pyslang.driver import Driver

    driver = Driver()
    driver.addStandardArgs()
    values = [f"-G{name}={value}" for name, value in parameters.items()]
    paths = [str(ROOT / file) for file in files]
    command = ["slang", "--single-unit", "--top", top, *FLAGS, *values, *paths]
    if not driver.parseCommandLine(" ".join(_quoted(part) for part in command)):
        raise FirebrickError("slang does not take its options")
    if not (driver.processOptions() and driver.parseAllSources()):
        raise FirebrickError("slang cannot read the sources")
    compilation = driver.createCompilation()
    manager, engine = driver.sourceManager, driver.diagEngine
    found = [_finding(d, manager, engine) for d in compilation.getAllDiagnostics()]
    return sorted({f for f in found if f}, key=lambda f: (f.file, f.line, f.warning, f.text))


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _finding(diagnostic: Any, manager: Any, engine: Any) -> Finding | None:
    """A diagnostic as plain data; None where its warning is switched off."""
    severity = str(engine.getSeverity(diagnostic.code, diagnostic.location)).rpartition(".")[2]
    if severity in ("Ignored", "Note"):
        return None
    path = Path(manager.getFileName(diagnostic.location)).resolve()
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
    warning = "" if severity in ("Error", "Fatal") else engine.getOptionName(diagnostic.code)
    line = manager.getLineNumber(diagnostic.location)
    return Finding(name, line, warning, engine.formatMessage(diagnostic))


def judge(found: list[Finding], waivers: list[Waiver]) -> list[str]:
    """What is wrong, in lines: findings that no waiver names, and waivers that do not match."""
    counts = Counter((f.file, f.warning) for f in found)
    waived = {(w.file, w.warning): w.count for w in waivers}
    wrong = [
        str(f)
        for f in found
        if not f.warning or counts[f.file, f.warning] > waived.get((f.file, f.warning), 0)
    ]
    for (file, warning), count in waived.items():
        has = counts[file, warning]
        if has < count:
            wrong.append(
                f"{WAIVERS.name}: {file}: {count} of {warning} are waived, there are {has}"
            )
    return wrong


def chip_sources() -> list[str | Path]:
    """All of the chip, and the ports of the primitives that it instantiates."""
    return [
        *sources(),
        *sorted(p.relative_to(ROOT) for p in (ROOT / "sim/primitives").glob("*.sv")),
    ]


def main() -> int:
    waivers = read_waivers()
    found = lint(chip_sources(), CHIP_TOP, {})
    wrong = judge(found, waivers)
    facts = {"unwaived": len(wrong), "waived": len(found) - sum(map(bool, wrong))}
    facts["waivers"] = [asdict(w) for w in waivers]  # type: ignore[assignment]
    text = json.dumps(facts, indent=1) + "\n"
    write_atomically(build_folder() / "lint.json", lambda file: file.write(text.encode()))
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
