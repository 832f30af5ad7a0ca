"""What a release of pynq reads of hand-off files: ``python -m tests.pynq.read_hwh FILE ...``.

Runs in an environment with pynq and prints JSON: for every file the dictionaries of both of pynq's
parsers, ``metadata``, which loads overlays, and ``hwh``, which reads partial designs, and in older
releases all. Under ``loading`` is what loading the `.bit` beside the file starts with on a board:
its configuration, and the memory to allocate from. It imports nothing of the project.
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path
from typing import Any

import pynq
import pynq.pl_server.embedded_device as embedded
from pynq.metadata.runtime_metadata_parser import RuntimeMetadataParser

# The class that HWH is on a board; on a PC it is none.
from pynq.pl_server.hwh_parser import _HWHZynq
from pynqmetadata.frontends import Metadata

DICTIONARIES = (
    "ip_dict",
    "interrupt_controllers",
    "interrupt_pins",
    "clock_dict",
    "mem_dict",
    "gpio_dict",
    "hierarchy_dict",
    "ps_name",
    "family_ps",
)


def views(parser: Any) -> dict[str, Any]:
    return {name: getattr(parser, name) for name in DICTIONARIES}


def load(bit: Path) -> dict[str, Any]:
    """What a board's device reads before it configures the chip.

    It describes the memory by an `.xclbin`, made by a tool of the board where there is none; this
    is the one that pynq itself has for a board without a design.
    """
    bit.with_suffix(".xclbin").write_bytes(embedded.DEFAULT_XCLBIN)
    parser = embedded._get_bitstream_handler(str(bit)).get_parser()
    return {"bytes": len(parser.bin_data), **views(parser)}


def read(path: str) -> dict[str, Any]:
    system = Metadata(input=path)
    metadata = RuntimeMetadataParser(system)
    # pynq keeps what it has parsed beside its own modules, to load a design faster again.
    assert views(pickle.loads(pickle.dumps(metadata))) == views(metadata)
    masters = system.blocks["firebrick"].ports
    memory = {}
    for name, port in masters.items():
        for target in getattr(port, "_addrmap_obj", {}).values():
            reached = {"port": target.name, "base": target.baseaddr, "bytes": target.range}
            memory[name] = reached
    source = metadata.ps.find_clock_select(0) if hasattr(metadata.ps, "find_clock_select") else None
    return {
        "metadata": views(metadata),
        "hwh": views(_HWHZynq(hwh_name=path)),
        "memory": memory,
        "clock_source": source,
        "loading": load(Path(path).with_suffix(".bit")),
    }


def main() -> None:
    found = {path: read(path) for path in sys.argv[1:]}
    json.dump({"pynq": pynq.__version__, "files": found}, sys.stdout)


if __name__ == "__main__":
    main()
