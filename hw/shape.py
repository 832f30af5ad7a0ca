"""Parameters of an engine: the array's shape and the depth of its memories."""

from __future__ import annotations

from dataclasses import dataclass, replace

from firebrick.quantize.errors import FirebrickError

PUMPS = (1, 2)
# Memories whose depths an engine may choose.
DEPTHS = (
    *("act_words", "weight_words", "bias_pairs", "pool_channels", "pool_line_words", "sums"),
    "fifo_words",
)
# Below this a word of the SystemVerilog engine does not hold a sum of 40 bits; the C++ one's does.
RTL_PIXELS_MIN = 5


@dataclass(frozen=True)
class EngineShape:
    """An engine of ``pixels`` x ``channels`` MACs a cycle.

    Depths are powers of two: ``act_words`` words of P pixels, ``weight_words`` words of C
    weights, ``bias_pairs`` pairs of channels, ``pool_channels`` channels through the pooling
    unit, ``pool_line_words`` pooled words of a row, ``sums`` classes of one group,
    ``fifo_words`` words between the array and the memory.

    ``pump`` is how many K steps enter the array together, 1 or 2: the multipliers run at that many
    times the engine's clock.  A weight word then holds C weights of each of them.
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
    pump: int = 1

    def __post_init__(self) -> None:
        if self.pump not in PUMPS:
            raise ValueError(f"pump {self.pump}: an array takes 1 or 2 K steps at once")
        if not 4 <= self.pixels <= 32:
            raise ValueError(f"{self.pixels} pixels: an array has 4 to 32 rows of pixels")
        if self.channels not in (8, 16, 32, 64):
            raise ValueError(f"{self.channels} channels: an array has 8, 16, 32 or 64 channels")
        for name in DEPTHS:
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
    def weight_bytes(self) -> int:
        """Bytes of a weight word."""
        return self.channels * self.pump

    @property
    def macs(self) -> int:
        """Multiply-accumulates in a cycle."""
        return self.pixels * self.channels * self.pump

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
            "Pump": self.pump,
        }

    def __str__(self) -> str:
        return f"{self.pixels}x{self.channels}{f'p{self.pump}' if self.pump > 1 else ''}"


def pumped(shape: EngineShape, pump: int) -> EngineShape:
    """``shape`` with that many K steps at once, and the same bytes of weights.

    Raises ValueError for a pump that there is not.
    """
    weight_words = shape.weight_words * shape.pump // max(pump, 1)
    return replace(shape, pump=pump, weight_words=weight_words)


PYNQ_Z2 = EngineShape()
"""14 x 32: 210 DSPs and a column in LUTs on the xc7z020."""


def parse_shape(text: str, usual: EngineShape = PYNQ_Z2) -> EngineShape:
    """An engine as a user writes it: pixels x channels, ``14x32``; ``14x32p2`` is pumped, behind
    commas memories have other depths, ``14x32,act_words=2048,bias_pairs=512``.

    Depths that are not named are those of ``usual``; a pumped engine has the same bytes of weights
    in half as many words.

    Raises FirebrickError for what is none, or one that the engine cannot have.
    """
    array, *depths = text.split(",")
    pixels, _, rest = array.partition("x")
    channels, has_pump, pump = rest.partition("p")
    numbers = (pixels, channels, *([pump] if has_pump else []))
    if not all(number.isdecimal() for number in numbers):
        raise FirebrickError(
            f"array shape {text!r}: not pixels x channels, such as {PYNQ_Z2}, or pumped, such as "
            f"{PYNQ_Z2}p2"
        )
    try:
        shape = replace(usual, pixels=int(pixels), channels=int(channels))
        return replace(pumped(shape, int(pump or 1)), **_depths(depths))
    except ValueError as error:
        raise FirebrickError(f"array shape {text!r}: {error}") from error


def _depths(texts: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for text in texts:
        name, _, depth = text.partition("=")
        if name not in DEPTHS or not depth.isdecimal() or name in found:
            raise ValueError(
                f"{text!r}: behind a comma stands a memory and its depth, once, such as "
                f"{DEPTHS[0]}=2048; memories are {', '.join(DEPTHS)}"
            )
        found[name] = int(depth)
    return found


def spelled(shape: EngineShape, usual: EngineShape = PYNQ_Z2) -> str:
    """What :func:`parse_shape` makes ``shape`` of: with the depths that are not the usual ones."""
    plain = parse_shape(str(shape), usual)
    changed = [name for name in DEPTHS if getattr(shape, name) != getattr(plain, name)]
    return ",".join([str(shape), *(f"{name}={getattr(shape, name)}" for name in changed)])
