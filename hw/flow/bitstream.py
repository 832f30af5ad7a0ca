"""The overlay of a board, ``firebrick.bit`` and ``firebrick.hwh``, by one of the toolchains."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from firebrick.hw.boards import Board
from firebrick.hw.flow import openxc7
from firebrick.hw.flow.bitfile import check_bit
from firebrick.hw.flow.built import Built
from firebrick.hw.flow.hwh import write_hwh
from firebrick.hw.flow.toolrun import Report
from firebrick.hw.flow.vivado import flow as vivado
from firebrick.quantize.support.files import write_text

TOOLCHAINS = ("vivado", "openxc7")
NAME = "firebrick"


def build_overlay(
    board: Board,
    folder: Path,
    toolchain: str,
    report: Report,
    chipdb: str | None = None,
    prjxray_db: str | None = None,
    settings: openxc7.Settings | None = None,
    placed: bool = False,
) -> tuple[Path, Built]:
    """``firebrick.bit`` and ``firebrick.hwh`` in ``folder``, and a record of them in JSON.

    Gives the former's path, and what the tools say of it; ``placed``: Vivado is told where the
    array's columns are to lie.

    Raises FirebrickError where the toolchain is not there, fails, misses the clock, or writes
    what is not this board's bitstream.
    """
    work = folder.resolve()
    bit, hwh = work / f"{NAME}.bit", work / f"{NAME}.hwh"
    record = work / f"{NAME}.json"
    # Vivado insists on the ending.
    temporary = work / f"{NAME}.tmp.bit"
    build: Callable[[Board, Path, Path, Report], Built]
    if toolchain == "openxc7":
        tools = openxc7.find_tools(board, chipdb, prjxray_db)
        build = partial(openxc7.build, tools, settings or openxc7.Settings())
    else:
        build = partial(vivado.build, vivado.find(), placed)
    # From here on the outputs are this run's or nobody's.
    for path in (bit, hwh, record, temporary):
        path.unlink(missing_ok=True)
    try:
        built = build(board, work, temporary, report)
        check_bit(temporary, board, vivado.TOP)
        write_hwh(hwh, board)
        write_text(record, json.dumps(built.record(board), indent=2) + "\n")
        os.replace(temporary, bit)
    except BaseException:
        for path in (temporary, hwh, record):
            path.unlink(missing_ok=True)
        raise
    return bit, built
