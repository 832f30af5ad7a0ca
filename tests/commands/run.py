"""`firebrick COMMAND ...` as a user starts it."""

import subprocess
import sys

from tests.conftest import ROOT


def command(module, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "firebrick", module, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
