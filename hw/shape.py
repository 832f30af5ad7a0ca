"""Parameters of an engine: the array's shape and the depth of its memories."""

from __future__ import annotations

from dataclasses import dataclass

from firebrick.quantize.errors import FirebrickError


@dataclass(frozen=True)
class EngineShape:
    """An engine of ``pixels`` x ``channels`` MACs a cycle.

    Depths are powers of two: ``act_words`` words of P pixels, ``weight_words`` words of C
    weights, ``bias_pairs`` pairs of channels, ``pool_channels`` channels through the pooling
    unit, ``pool_line_words`` pooled words of a row, ``sums`` classes of one group,
    ``fifo_words`` words between the array and the memory.
    """

    pixels: int = 14
    channels: int = 32
    acc_bits: int = 24
    act_words: int = 4096
    weight_words: int = 8192
    bias_pairs: int = 1024
    pool_channels: int = 512
    pool_line_words: int = 1024
    sums: int = 1024
    fifo_words: int = 512

    def __post_init__(self) -> None:
        if not 4 <= self.pixels <= 32:
            raise ValueError(f"{self.pixels} pixels: an array has 4 to 32 rows of pixels")
        if self.channels not in (8, 16, 32, 64):
            raise ValueError(f"{self.channels} channels: an array has 8, 16, 32 or 64 channels")
        for name in (
            "act_words",
            "weight_words",
            "bias_pairs",
            "pool_channels",
            "pool_line_words",
            "sums",
            "fifo_words",
        ):
            depth = getattr(self, name)
            if depth & (depth - 1) or depth < 16:
                raise ValueError(
                    f"{name} = {depth}: a memory's depth is a power of two, 16 or more"
                )

    @property
    def word_bytes(self) -> int:
        """Bytes of a stored word: P padded to a power of two, at least a 64-bit beat."""
        return max(8, 1 << (self.pixels - 1).bit_length())

    @property
    def macs(self) -> int:
        return self.pixels * self.channels

    def parameters(self) -> dict[str, int]:
        """Parameters of the top module that make an engine of this shape."""
        return {
            "Pixels": self.pixels,
            "Channels": self.channels,
            "AccBits": self.acc_bits,
            "ActWords": self.act_words,
            "WeightWords": self.weight_words,
            "BiasPairs": self.bias_pairs,
            "PoolChannels": self.pool_channels,
            "PoolLineWords": self.pool_line_words,
            "Sums": self.sums,
            "FifoWords": self.fifo_words,
        }

    def __str__(self) -> str:
        return f"{self.pixels}x{self.channels}"


PYNQ_Z2 = EngineShape()
"""14 x 32: 210 DSPs and a column in LUTs on the xc7z020."""


def parse_shape(text: str) -> EngineShape:
    """An array's shape as a user writes it, pixels x channels: ``14x32``.

    Raises FirebrickError for what is none, or one that the engine cannot have.
    """
    pixels, _, channels = text.partition("x")
    if not (pixels.isdecimal() and channels.isdecimal()):
        raise FirebrickError(f"array shape {text!r}: not pixels x channels, such as {PYNQ_Z2}")
    try:
        return EngineShape(int(pixels), int(channels))
    except ValueError as error:
        raise FirebrickError(f"array shape {text!r}: {error}") from error
