"""The emitted project's scripts, run by a real Tcl interpreter with stand-ins for the tool's
commands, and its configuration for v++; what each tool is known to pass is passed."""

from __future__ import annotations

import re
import tkinter
from pathlib import Path

import pytest

from firebrick.hw.hls.emit import VLNV, emit_project
from firebrick.hw.shape import EngineShape

COMMANDS = (
    "open_project set_top add_files open_solution set_part create_clock set_clock_uncertainty "
    "config_interface config_rtl csim_design csynth_design cosim_design export_design"
).split()
RUN = ("csim_design", "csynth_design", "cosim_design", "export_design")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    return emit_project(EngineShape(8, 8), "xc7z020clg400-1", 10.0, folder, "15%")


def run(project: Path, words: list[str] | None, steps: str = "") -> list[list[str]]:
    """The tool's commands that build.tcl gives, started with ``words`` as argv."""
    tcl = tkinter.Tcl()
    for name in COMMANDS:
        tcl.eval(f"proc {name} args {{ lappend ::given [list {name} {{*}}$args] }}")
    tcl.eval("set ::given {}; catch {rename exit {}}; proc exit args { return -code return }")
    tcl.eval("catch {rename exec {}}; proc exec args { lappend ::given [list exec {*}$args] }")
    tcl.eval("catch {rename cd {}}; proc cd args {}")
    tcl.eval("unset -nocomplain ::argv ::env(FIREBRICK_STEPS)")
    if words is not None:
        tcl.setvar("argv", tuple(words))
    if steps:
        tcl.eval(f"set ::env(FIREBRICK_STEPS) {{{steps}}}")
    tcl.eval(f"source {project / 'build.tcl'}")
    given = tcl.splitlist(tcl.getvar("given") if tcl.eval("llength $given") != "0" else "")
    return [list(map(_text, tcl.splitlist(command))) for command in given]


def _text(word: object) -> str:
    """A word as text; lists come as tuples."""
    return " ".join(map(str, word)) if isinstance(word, tuple) else str(word)


@pytest.mark.parametrize(
    ("words", "steps", "expected"),
    [
        (["csim", "synth"], "", RUN[:2]),
        (["-f", "build.tcl", "synth"], "", RUN[1:2]),
        ([], "", ("csim_design", "csynth_design", "export_design")),
        # What vitis-run and its own launcher leave in argv; and nothing at all.
        (["--mode", "hls", "--tcl", "build.tcl"], "cosim", RUN[1:3]),
        (["-f", "/some/where/launch.tcl", "hls"], "synth export", ("csynth_design", RUN[3])),
        (None, "csim", RUN[:1]),
        (None, "validation", RUN[:3]),
        (["reset"], "", ("csim_design", "csynth_design", "export_design")),
        (["vsynth"], "", ("csynth_design", "exec")),
        (["synth", "fifo_opt"], "", ("csynth_design",)),
    ],
)
def test_steps(project: Path, words: list[str] | None, steps: str, expected: tuple[str]) -> None:
    given = [c[0] for c in run(project, words, steps) if c[0] in (*RUN, "exec")]
    assert tuple(given) == expected


def test_simulations_find_their_files(project: Path) -> None:
    """csim and cosim run in folders of their own: paths are absolute, or of copied files."""
    data = [str(project / "data" / n) for n in ("program.fbp", "inputs.bin", "expected.bin")]
    given = {c[0]: c for c in run(project, ["csim", "cosim"])}
    for name in ("csim_design", "cosim_design"):
        assert given[name][given[name].index("-argv") + 1].split() == data
    config = (project / "hls_config.cfg").read_text()
    copied = re.findall(r"^tb\.file=(.+)$", config, re.M)
    for step in ("csim", "cosim"):
        (words,) = re.findall(rf"^{step}\.argv=(.+)$", config, re.M)
        assert words.split() == [Path(name).name for name in copied if name.startswith("data/")]


def test_both_flows_agree(project: Path) -> None:
    given = run(project, ["export"])
    config = dict(
        line.split("=", 1)
        for line in (project / "hls_config.cfg").read_text().splitlines()
        if "=" in line and not line.startswith("#")
    )
    by_name = {c[0]: c[1:] for c in given}
    export = dict(zip(by_name["export_design"][::2], by_name["export_design"][1::2], strict=True))
    for option, key in (
        ("-vendor", "vendor"),
        ("-library", "library"),
        ("-ipname", "name"),
        ("-version", "version"),
    ):
        assert export[option] == config[f"package.ip.{key}"] == VLNV[key]
    assert by_name["set_clock_uncertainty"][0] == config["clock_uncertainty"] == "15%"
    assert by_name["set_part"] == [config["part"]]
    # UG1399 names C++11 and C++14 (2020.2 "Coding Styles" to 2025.2 "Migrating").
    flags = [c[c.index("-cflags") + 1] for c in given if c[0] == "add_files"]
    for text in (*flags, config["syn.cflags"], config["tb.cflags"]):
        assert "-std=c++14" in text


def test_only_co_simulation_is_told_that_the_memories_are_one(project: Path) -> None:
    for steps, told in ((["synth"], False), (["synth", "cosim"], True)):
        given = [c for c in run(project, steps) if c[0] == "add_files"]
        assert all(("FIREBRICK_COSIM" in " ".join(c)) == told for c in given)


@pytest.mark.parametrize("text", ["", "27", "110%", "a lot", "12.5 %"])
def test_an_uncertainty_beyond_the_clock_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="clock uncertainty"):
        emit_project(EngineShape(8, 8), "xc7z020clg400-1", 10.0, tmp_path, text)


def test_hls4ml_finds_the_report(project: Path) -> None:
    """Where build.tcl leaves it, hls4ml.report looks for it."""
    names = dict(re.findall(r'^set (\w+) "(.+)"$', (project / "project.tcl").read_text(), re.M))
    given = {c[0]: c for c in run(project, ["synth"])}
    assert given["open_project"][-1] == f"{names['project_name']}_prj"
    assert given["set_top"][1] == names["project_name"] and names["backend"] == "vitis"
    assert given["open_solution"][-1] == "solution1"


def test_the_flow_is_the_tools_default(project: Path) -> None:
    """UG1399, open_solution: the Vivado IP flow "if no flow target is specified", in all releases;
    2026.1 has another name for the option."""
    (given,) = [c for c in run(project, ["synth"]) if c[0] == "open_solution"]
    assert given == ["open_solution", "-reset", "solution1"]
    assert "flow_target" not in (project / "hls_config.cfg").read_text()
