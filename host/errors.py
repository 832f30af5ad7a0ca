"""Exceptions of the driver: one class a situation, all derived from :class:`DriverError`."""

from __future__ import annotations

from .definition import ERRORS


class DriverError(Exception):
    """Something that the user of the driver can put right; the message is one line."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(str(message).split()))


class ProgramError(DriverError):
    """A program file that is damaged, cut off, or not a program."""


class MismatchError(DriverError):
    """Program and engine do not fit each other, or the overlay holds no engine."""


class ImageError(DriverError):
    """A picture of the wrong shape or type."""


class StateError(DriverError):
    """Asked for something that the driver does not have now: no run yet, or closed."""


class BusyError(StateError):
    """Asked for a run while one is under way; that one goes on undisturbed."""


class MissingFileError(DriverError):
    """A file that the overlay or the program needs is not there."""


class SourceError(DriverError):
    """A source of pictures that cannot be opened, or that fails under way."""


class ArchiveError(DriverError):
    """A deployed folder with a file that is missing, changed or not what it should be."""


class SettingError(DriverError, ValueError):
    """An argument out of its range: time-out, pictures of a start."""


class BoardError(DriverError):
    """Not a board that pynq drives here: no pynq, no device, not root, or another chip."""


class AllocationError(DriverError):
    """Memory for the engine could not be allocated, or lies where the engine cannot use it."""


class NoAnswerError(DriverError):
    """The engine was not done within the driver's time-out; it has been reset.

    ``reset_done`` is False where even the soft reset did not end: the memory port is stuck, and
    the overlay has to be loaded again.
    """

    def __init__(self, message: str, reset_done: bool) -> None:
        super().__init__(message)
        self.reset_done = reset_done


class EngineError(DriverError):
    """The engine ended a run with an error code; it has been reset and takes the next run.

    ``code`` and ``name`` are those of the definition, ``group`` counts the groups of the run,
    ``group_name`` is the group of the program that it was in.
    """

    def __init__(self, code: int, group: int, group_name: str, program: str) -> None:
        self.code = code
        self.group = group
        self.group_name = group_name
        self.name, self.meaning = ERRORS.get(code, (f"code {code}", "an unknown error code"))
        super().__init__(
            f"{program}: engine error {self.name} in group {group} ({group_name}): {self.meaning}"
        )


class RefusedProgramError(EngineError):
    """The engine refused the program in its memory: MAGIC, VERSION, SHAPE, CAPACITY, GROUPS,
    BOUNDS or FIELDS."""


class CorruptProgramError(EngineError):
    """The program in the memory is damaged: a CRC of header, descriptor or payload is wrong."""


class MemoryAccessError(EngineError):
    """The memory answered the engine with an error."""


class StalledError(EngineError):
    """The engine made no progress within its own time-out (register TIMEOUT)."""


class SetupError(EngineError):
    """A register was set to something that the engine cannot use."""


class ClockLostError(EngineError):
    """The engine was reset because its clock was lost, or changed, while it was in use."""


_CLASSES: dict[str, type[EngineError]] = {
    "MAGIC": RefusedProgramError,
    "VERSION": RefusedProgramError,
    "SHAPE": RefusedProgramError,
    "CAPACITY": RefusedProgramError,
    "GROUPS": RefusedProgramError,
    "BOUNDS": RefusedProgramError,
    "FIELDS": RefusedProgramError,
    "HEADER_CRC": CorruptProgramError,
    "DESCRIPTOR_CRC": CorruptProgramError,
    "PAYLOAD_CRC": CorruptProgramError,
    "PROGRAM_READ": MemoryAccessError,
    "MAP_READ": MemoryAccessError,
    "MAP_WRITE": MemoryAccessError,
    "TIMEOUT": StalledError,
    "ALIGNMENT": SetupError,
    "CLOCK": ClockLostError,
}


def engine_error(code: int, group: int, group_name: str, program: str) -> EngineError:
    """The exception for an error code of the engine."""
    name = ERRORS.get(code, ("", ""))[0]
    return _CLASSES.get(name, EngineError)(code, group, group_name, program)
