"""Shapes of small engines that tests of several folders share, so that each is built once."""

from __future__ import annotations

from firebrick.hw.shape import EngineShape

# The smallest chip that the engine's own rules allow where a word has a middle: yosys makes its
# netlist once for all tests.
SMALLEST_CHIP = EngineShape(
    6,
    8,
    act_words=256,
    weight_words=512,
    bias_pairs=32,
    pool_channels=16,
    pool_line_words=16,
    sums=16,
    fifo_words=16,
)

# Parameters of the RTL: small memories, so that every ring goes round and every queue fills.
SMALL_MEMORIES = {
    "ActWords": 1024,
    "WeightWords": 512,
    "BiasPairs": 32,
    "PoolChannels": 64,
    "PoolLineWords": 128,
    "Sums": 64,
    "FifoWords": 64,
}
