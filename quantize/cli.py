"""The frame around every command: errors in one line, and a fixed exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable

from quantize.errors import FirebrickError

USAGE_ERROR = 2
INTERRUPTED = 130


def run_cli(main: Callable[[], int | None]) -> None:
    """Run ``main`` and leave the process with its exit code (None counts as 0).

    A :class:`FirebrickError` or an operating-system error on a file becomes one line on stderr
    and exit code 2; an interrupt by the keyboard becomes exit code 130.  Anything else is a
    defect of this program and keeps its traceback.
    """
    try:
        code = main() or 0
    except FirebrickError as error:
        print(f"error: {error}", file=sys.stderr)
        code = USAGE_ERROR
    except OSError as error:
        if error.filename is None:
            raise
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        code = USAGE_ERROR
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = INTERRUPTED
    sys.exit(code)
