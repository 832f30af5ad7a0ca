"""Stand-in of the program ``vivado``: its command line, and Tcl with recorded commands.

Runs the script that it is given in a real Tcl interpreter - Python's own, or tclsh - behind the
commands of ``vivado.tcl``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

COMMANDS = Path(__file__).with_name("vivado.tcl")
FLAGS = {"-nojournal", "-notrace", "-nolog"}
VALUES = {"-mode", "-log", "-source", "-journal", "-tempDir"}


def main(arguments: list[str]) -> int:
    if arguments == ["-version"]:
        version = os.environ.get("STANDIN_VERSION", "2022.1")
        print(f"vivado v{version} (64-bit)\nSW Build 3526262 on Mon Apr 18 15:47:01 MDT 2022")
        return 0
    options, tcl_arguments = parse(arguments)
    if options.get("-mode") != "batch":
        print("ERROR: [Common 17-1] there is no display")
        return 1
    Path(options["-log"]).write_text("stand-in\n")
    return run_tcl([COMMANDS, Path(options["-source"])], tcl_arguments)


def parse(arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    """Options, and what follows -tclargs."""
    options: dict[str, str] = {}
    words = iter(arguments)
    for word in words:
        if word == "-tclargs":
            return options, list(words)
        if word in VALUES:
            options[word] = next(words)
        elif word not in FLAGS:
            print(f"ERROR: [Common 17-170] unknown option {word}")
            sys.exit(1)
    return options, []


def leave(code: str = "0") -> None:
    sys.stdout.flush()
    os._exit(int(code))


def run_tcl(scripts: list[Path], arguments: list[str]) -> int:
    try:
        import tkinter
    except ImportError:
        quoted = " ".join('"' + str(path).replace("[", "\\[") + '"' for path in scripts)
        text = f"foreach path [list {quoted}] {{source $path}}"
        # tclsh takes a script from a file: the first one loads the others.
        loader = Path(os.environ["STANDIN_RECORD"]).with_suffix(".loader.tcl")
        loader.write_text(text)
        return subprocess.run(["tclsh", loader, *arguments]).returncode
    interpreter = tkinter.Tcl()
    # Python's interpreter has no `exit`, which would end Python without its leave.
    interpreter.createcommand("exit", leave)
    interpreter.setvar("argv", tuple(arguments))
    try:
        for path in scripts:
            interpreter.call("source", str(path))
    except tkinter.TclError as error:
        print(f"ERROR: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
