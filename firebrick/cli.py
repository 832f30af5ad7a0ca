"""The command line: ``firebrick COMMAND [OPTIONS]``.

A command's module is imported when it is called, so that each starts as quickly as it can.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import NoReturn

from firebrick import __version__
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.paths import build_folder

# Each command: the module with its main(arguments), and a line of help.
COMMANDS = {
    "demo": ("commands.demo", "run a network on the simulated board, every bit compared"),
    "accuracy": ("commands.accuracy", "float against fixed point on labelled images"),
    "quantize": ("commands.quantize", "quantize a network and report on it"),
    "detect": ("commands.detect", "average precision of the bundled detector, float and fixed"),
    "learn": ("commands.learn", "your own classes: a network from a folder of photos a class"),
    "deploy": ("commands.deploy", "pack an archive for a board"),
    "notebook": ("commands.notebook", "run the board's notebook on the simulated board"),
    "compress": ("commands.compress", "Deep Compression without retraining"),
    "hls": ("commands.hls", "emit the C++ project for Vitis HLS and simulate it"),
    "vitis": ("commands.vitis", "build an emitted hls4ml project with Vitis HLS"),
    "figures": ("commands.figures", "parameters, MACs and sizes of SqueezeNets"),
    "boards": ("commands.boards", "the boards: resources, predicted frames a second"),
    "explore": ("commands.explore", "what choices of network and engine cost"),
    "trained": ("commands.trained", "what choices of network do to accuracy, really trained"),
    "advise": ("commands.advise", "boards, engine and changes for a network"),
    "bitstream": ("commands.bitstream", "build the overlay of a board with Vivado or openXC7"),
    "synth": ("commands.synth", "synthesize for the xc7z020 with yosys"),
    "timing": ("commands.timing", "static timing of the netlist, before any router"),
    "formal": ("commands.formal", "prove properties of the RTL, and refuse mutants of it"),
    "gates": ("commands.gates", "run networks on the synthesized netlist, every bit compared"),
    "faults": ("sim.faults.__main__", "faults on the simulated engine"),
    "regress": ("sim.regress.__main__", "random networks on the simulated engine"),
    "coverage": ("sim.coverage.__main__", "lines and bits of the RTL that runs reach"),
    "mutants": ("sim.mutants.__main__", "mutants of the RTL, which the tests must see"),
    "onboard": ("commands.onboard", "run a Python module as on a board, on the simulated one"),
    "bench": ("bench.__main__", "print the benchmarks' figures"),
}


def main(arguments: list[str] | None = None) -> NoReturn:
    """The command; leaves the process with its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    _open_standard_streams()
    _put_ours_first()
    _keep_to_the_build_folder()
    try:
        from firebrick.commands.frame import run_cli  # a third of a second, mostly NumPy
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    run_cli(lambda: _run(given))


def _open_standard_streams() -> None:
    """stdin, stdout and stderr, where the caller closed them, are nothing: the next file that is
    opened would be taken for them."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)


def _put_ours_first() -> None:
    """Modules that PYTHONPATH names are found behind those that are installed: they may be another
    project's, or another Python's."""
    named = os.environ.get("PYTHONPATH")
    if named and not sys.flags.ignore_environment:
        theirs = {os.path.abspath(folder) for folder in named.split(os.pathsep) if folder}
        sys.path.sort(key=lambda folder: os.path.abspath(folder) in theirs)


def _keep_to_the_build_folder() -> None:
    """What libraries and tools keep and read in the home folder they have in the build folder: a
    user's settings for other programs would change our pictures and notebooks."""
    for variable, name in (
        ("MPLCONFIGDIR", "matplotlib"),
        ("YOWASP_CACHE_DIR", "yowasp"),
        ("IPYTHONDIR", "ipython"),
    ):
        os.environ[variable] = str(build_folder() / "cache" / name)
    for variable in ("MATPLOTLIBRC", "MPLBACKEND"):
        os.environ.pop(variable, None)


def _run(arguments: list[str]) -> int | None:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_help())
        return 0 if arguments else 2
    name, *rest = arguments
    if name == "--version":
        print(f"firebrick {__version__}")
        return 0
    if name not in COMMANDS:
        raise FirebrickError(f"there is no command {name!r} (firebrick --help lists them)")
    module = importlib.import_module(f"firebrick.{COMMANDS[name][0]}")
    code = module.main(rest)
    return code if isinstance(code, int) else None


def _help() -> str:
    lines = [f"  {name:<10} {text}" for name, (_, text) in COMMANDS.items()]
    usage = "usage: firebrick COMMAND [OPTIONS]   (firebrick COMMAND --help lists its options)"
    return "\n".join([usage, "", *lines, "", "  --version  the version"])
