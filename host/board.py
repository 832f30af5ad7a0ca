"""Where the driver runs: whether it is a board with a Zynq-7000, as root, with pynq and a device.

What is wrong is said before a register of another chip is touched.
"""

from __future__ import annotations

import os
import platform
import sys
import warnings
from pathlib import Path
from typing import Any

from .errors import BoardError

# Made by the builders of PYNQ images: it enters the environment that pynq is installed in.
PROFILE = Path("/etc/profile.d/pynq_venv.sh")
DEVICE_TREE = Path("/proc/device-tree/compatible")
FAMILY = "xlnx,zynq-7000"
MACHINE = "armv7l"
OTHER_FAMILIES = {"xlnx,zynqmp": "a Zynq UltraScale+", "xlnx,versal": "a Versal"}
IMAGES = "PYNQ image 3.0 or 3.1"
# From this release on pynq finds no clock's frequency in the description of a Zynq-7000's overlay.
DROPPED = 4
USABLE = "3.0.1 or 3.1.2"


def import_pynq() -> Any:
    """pynq, on a board that the engine can run on.

    Raises :class:`BoardError` where pynq is not there, finds no device or may not use it, or where
    the chip is of another family.
    """
    try:
        import pynq
    except ModuleNotFoundError as error:
        raise missing(error) from None
    except Exception as error:
        raise BoardError(
            f"pynq does not import: {type(error).__name__}: {error}; {_advice()}"
        ) from error
    # Who puts a board of their own in the place of pynq's answers for it.
    if hasattr(pynq, "Device"):
        _check_device(pynq)
    return pynq


def missing(error: ModuleNotFoundError) -> BoardError:
    """What to say of a module that is not there."""
    return BoardError(f"{sys.executable} has no {error.name}: {_advice()}")


def dropped(pynq: Any) -> str | None:
    """What to say where this release of pynq does not know the Zynq-7000 any more."""
    version = str(getattr(pynq, "__version__", ""))
    major = version.partition(".")[0]
    if not major.isdigit() or int(major) < DROPPED:
        return None
    return (
        f"pynq {version} does not load it: pynq {DROPPED} dropped boards with a Zynq-7000; install "
        f"pynq {USABLE}, or take {IMAGES}"
    )


def _check_device(pynq: Any) -> None:
    problem = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            device = pynq.Device.active_device
        if not type(device).__module__.startswith("pynq."):
            return
    except Exception as error:  # XRT's library raises what it likes
        device, problem = None, str(error)
    _check_family()
    if os.geteuid() != 0:
        raise BoardError(f"pynq needs root; {_advice()}")
    if device is None:
        unset = "" if "XILINX_XRT" in os.environ else ", and XILINX_XRT is not set"
        raise BoardError(f"pynq finds no device ({problem}{unset}): {_advice()}")


def _check_family() -> None:
    try:
        found = DEVICE_TREE.read_bytes().decode("ascii", "replace").strip("\0").split("\0")
    except OSError:
        if platform.machine() != MACHINE:
            raise BoardError(
                f"pynq finds no board here, but a {platform.machine()}: it takes a Zynq-7000 with "
                f"{IMAGES}; make notebook runs it on a simulated board"
            ) from None
        return
    if FAMILY not in found:
        names = [words for name, words in OTHER_FAMILIES.items() if name in found]
        what = f"{names[0]} ({found[0]})" if names else f"{', '.join(found)}"
        raise BoardError(
            f"the chip of this board is {what}, Firebrick's overlays are for the Zynq-7000: run it "
            "on one of the boards of make boards"
        )


def _advice() -> str:
    if PROFILE.is_file():
        return "start it with bash run.sh in the archive's folder (your script: bash run.sh FILE)"
    return f"it takes a board with {IMAGES}"
