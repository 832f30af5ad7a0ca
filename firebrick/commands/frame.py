"""The frame around every command: errors in one line, and a fixed exit code."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import NoReturn, TextIO

from firebrick.host.errors import DriverError
from firebrick.host.version import VERSION
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.pictures.preprocess import PRESETS
from firebrick.quantize.preprocessing import COLORS
from firebrick.quantize.support import interrupts

USAGE_ERROR = 2
SIGNALLED = 128
DEFECT = 70
# Names of :data:`quantize.calibration.quantizer.EFFORTS`, which is slow to import.
EFFORTS = ("full", "plain")


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are FirebrickErrors: one line, no usage text."""

    def error(self, message: str) -> NoReturn:
        raise FirebrickError(f"{message} (--help lists the options)")


def run_cli(main: Callable[[], int | None]) -> NoReturn:
    """Run ``main`` and leave the process with its exit code (None counts as 0).

    A :class:`FirebrickError` or an operating-system error becomes one line on stderr and exit code
    2; a signal that ends the command one line and 128 and its number.  Anything else is a defect of
    this program: one line says so and where its traceback is, exit code 70 (EX_SOFTWARE).  Letters
    that the terminal has not are written as escapes.  Where the reader of stdout has gone
    (``| head``) the command ends without a word, as by SIGPIPE.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        with interrupts.raised():
            code, unwritten = _run(main)
    except KeyboardInterrupt as error:  # also one that came while another error was told
        interrupts.ignore()
        number = error.number if isinstance(error, interrupts.Interrupted) else signal.SIGINT
        said = "interrupted" if number == signal.SIGINT else "ended by a signal"
        _tell("; ".join([said, *getattr(error, "__notes__", ())]))
        code, unwritten = SIGNALLED + number, _flush(sys.stdout)
    if isinstance(unwritten, BrokenPipeError):
        code = SIGNALLED + signal.SIGPIPE
    elif unwritten is not None and code < SIGNALLED:
        _tell(f"error: standard output: {unwritten.strerror}")
        code = USAGE_ERROR
    _flush(sys.stderr)
    sys.exit(code)


def _run(main: Callable[[], int | None]) -> tuple[int, OSError | None]:
    """The exit code of ``main``, whose errors are told, and why stdout was not written."""
    code = USAGE_ERROR
    try:
        code = main() or 0
    except (FirebrickError, DriverError) as error:
        _tell(f"error: {error}")
    except OSError as error:
        unwritten = _flush(sys.stdout)
        if error.filename is None and (unwritten or isinstance(error, BrokenPipeError)):
            return code, unwritten or error
        what = error.strerror or str(error) or type(error).__name__
        _tell(f"error: {f'{error.filename}: ' if error.filename else ''}{what}")
    except MemoryError:
        _tell("error: out of memory: fewer or smaller pictures, or --count")
    except Exception as error:
        code = DEFECT
        _tell(f"error: {_defect(error)}")
    return code, _flush(sys.stdout)


def _tell(line: str) -> None:
    """``line`` on stderr, if there is anybody to read it."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr)


def _flush(stream: TextIO | None) -> OSError | None:
    """What is still to be written, written; an error, and from then on the stream is silent."""
    if stream is None:
        return None
    try:
        stream.flush()
    except OSError as error:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        return error
    return None


def _defect(error: Exception) -> str:
    """One line on an exception that no one foresaw; the traceback goes to a file."""
    text = " ".join(str(error).split()) or "no message"
    try:
        with tempfile.NamedTemporaryFile(
            "w",
            prefix="firebrick-",
            suffix=".txt",
            delete=False,
            encoding="utf-8",
            errors="backslashreplace",
        ) as file:
            file.write(f"firebrick {VERSION}: {' '.join(sys.argv)}\n")
            traceback.print_exception(error, file=file)
        where = f"the traceback is in {file.name}"
    except OSError:
        where = "the traceback could not be written"
    return (
        f"this is a defect of Firebrick, please report it: {type(error).__name__}: {text}; {where}"
    )


def add_preprocessing_options(parser: argparse.ArgumentParser) -> None:
    """The options that state how the network's input was prepared in training."""
    group = parser.add_argument_group(
        "preprocessing", "as in training: a preset, all values, or a preset with some values"
    )
    group.add_argument("--preset", help=f"one of {', '.join(PRESETS)}")
    group.add_argument("--color", choices=COLORS, help="order of the network's input channels")
    group.add_argument("--resize", type=int, help="shorter side in pixels before the crop, 0: none")
    group.add_argument("--scale", type=number, help="factor on pixel values (1/255 is understood)")
    group.add_argument("--mean", type=numbers, help="per channel, after the scale: 104,117,123")
    group.add_argument("--std", type=numbers, help="per channel, after the scale: 1,1,1")


def preprocessing_options(options: argparse.Namespace) -> dict:
    """What :func:`add_preprocessing_options` read, for
    :func:`quantize.importers.load.load_model`."""
    names = ("preset", "color", "resize", "scale", "mean", "std")
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}


def add_effort_option(parser: argparse.ArgumentParser) -> None:
    """The option ``--effort``, for :func:`quantize.calibration.quantizer.quantize`."""
    parser.add_argument(
        "--effort",
        choices=EFFORTS,
        default="full",
        help="full: as near to the float network as it gets; plain: quick (default: %(default)s)",
    )


def add_skip_bad_option(parser: argparse.ArgumentParser) -> None:
    """The option ``--skip-bad``, for :class:`commands.pictures.Pictures`."""
    parser.add_argument(
        "--skip-bad",
        action="store_true",
        help="leave out pictures that cannot be read, naming each (default: stop at the first)",
    )


def positive(text: str) -> int:
    """A whole number, 1 or more."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


def number(text: str) -> float:
    """A decimal number or a fraction such as 1/255."""
    over, _, under = text.partition("/")
    try:
        return float(over) / float(under) if under else float(over)
    except (ValueError, ZeroDivisionError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from error


def numbers(text: str) -> tuple[float, ...]:
    """Numbers separated by commas."""
    return tuple(number(part) for part in text.split(","))
