"""The one definition of what hardware, compiler and driver share.

Registers, error codes, the program header and the group descriptor are listed here and nowhere
else; :mod:`hw.generate` turns them into a SystemVerilog package, a C++ header and the Python
module that the driver imports.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

FORMAT_VERSION = 8
ENGINE_ID = 0x46425249  # "IRBF" little-endian: reads "FBRI"
PROGRAM_MAGIC = 0x47504246  # the bytes "FBPG" at the start of a program file

BEAT_BYTES = 8
HEADER_BEATS = 8
DESCRIPTOR_BEATS = 18
PROFILE_WORDS = 8
PROFILE_GROUPS = 128
REGISTER_BYTES = 0x2000
PROFILE_BASE = 0x1000

# Where the processor finds the engine and its interrupt controller, behind port M_AXI_GP0 of the
# Zynq, which reaches 0x4000_0000 to 0x7FFF_FFFF.  Bases are multiples of their windows' sizes.
ENGINE_BASE = 0x43C0_0000
INTC_BASE = 0x4180_0000
INTC_BYTES = 0x1000

INPUT_SPACE, SCRATCH_SPACE, OUTPUT_SPACE = 0, 1, 2
MODE_DIRECT, MODE_POOL, MODE_SUM = 0, 1, 2
FOLD_NONE, FOLD_APART, FOLD_STORED = 0, 1, 2

# How a map lies in memory: row by row, or two rows in one as channels or as columns.
ROWS_SINGLE, ROWS_PAIRED, ROWS_FOLDED = 0, 1, 2


@dataclass(frozen=True)
class Register:
    """A 32-bit register of the AXI4-Lite slave; ``access`` is "ro", "rw" or "wo"."""

    name: str
    offset: int
    access: str
    doc: str


@dataclass(frozen=True)
class Field:
    """A field of a structure of 64-bit little-endian beats; fields never straddle a beat."""

    name: str
    bits: int
    doc: str


@dataclass(frozen=True)
class Placed:
    """A field with its place: ``beat`` and the number ``lsb`` of its lowest bit there."""

    name: str
    bits: int
    doc: str
    beat: int
    lsb: int


REGISTERS = (
    Register("ID", 0x000, "ro", "the constant ENGINE_ID"),
    Register("VERSION", 0x004, "ro", "version of program format and register map"),
    Register(
        "SHAPE",
        0x008,
        "ro",
        "pixels [7:0], channels [15:8], accumulator bits [23:16], word bytes [29:24], pump [31:30]",
    ),
    Register(
        "CAPACITY",
        0x00C,
        "ro",
        "log2 of activation words [7:0], weight words [15:8], bias pairs [23:16], sums [31:24]",
    ),
    Register(
        "POOL_CAPACITY", 0x010, "ro", "log2 of pooled channels [7:0], line-buffer words [15:8]"
    ),
    Register("CONTROL", 0x014, "wo", "bit 0 start, bit 1 soft reset"),
    Register("STATUS", 0x018, "ro", "bit 0 busy, bit 1 done, bit 2 error, bit 3 resetting"),
    Register("ERROR", 0x01C, "ro", "code [7:0], group [23:8] in which the error was seen"),
    Register("IRQ_ENABLE", 0x020, "rw", "bit 0 done, bit 1 error"),
    Register("IRQ_STATUS", 0x024, "rw", "bit 0 done, bit 1 error; write 1 to acknowledge"),
    Register("PROGRAM_ADDR", 0x028, "rw", "address of the program blob, 128-byte aligned"),
    Register("INPUT_ADDR", 0x02C, "rw", "address of the first input, 128-byte aligned"),
    Register("OUTPUT_ADDR", 0x030, "rw", "address of the first output, 128-byte aligned"),
    Register("SCRATCH_ADDR", 0x034, "rw", "address of the feature-map buffers, 128-byte aligned"),
    Register("IMAGES", 0x038, "rw", "number of images in this run, 1..65535"),
    Register("INPUT_STRIDE", 0x03C, "rw", "bytes from one input to the next"),
    Register("OUTPUT_STRIDE", 0x040, "rw", "bytes from one output to the next"),
    Register("TIMEOUT", 0x044, "rw", "cycles without progress that end a run with an error"),
    Register("DEFINITION", 0x048, "ro", "hash of the definition that the engine was made from"),
    Register("PROGRAM_END", 0x04C, "rw", "end of the program's buffer, nothing behind it is read"),
    Register("INPUT_END", 0x050, "rw", "end of the inputs: nothing behind it is read"),
    Register("OUTPUT_END", 0x054, "rw", "end of the outputs: nothing behind it is written or read"),
    Register("SCRATCH_END", 0x058, "rw", "end of the feature-map buffers, of writes and reads"),
    Register("CYCLES_LO", 0x080, "ro", "cycles since start, low half"),
    Register("CYCLES_HI", 0x084, "ro", "cycles since start, high half"),
    Register("ACTIVE", 0x088, "ro", "cycles in which a K step entered the array"),
    Register("STALL_WEIGHTS", 0x08C, "ro", "idle cycles: weights not loaded yet"),
    Register(
        "STALL_INPUT", 0x090, "ro", "idle cycles: input rows, or the map to add, not loaded yet"
    ),
    Register("STALL_OUTPUT", 0x094, "ro", "idle cycles: no room for results"),
    Register(
        "STALL_DRAIN", 0x098, "ro", "idle cycles: draining a block, or waiting for a squeeze row"
    ),
    Register("STALL_SWITCH", 0x09C, "ro", "idle cycles: start, group switch, last results"),
    Register("READ_BEATS_MAPS", 0x0A0, "ro", "64-bit beats read on the feature-map port"),
    Register(
        "READ_BEATS_PROGRAM",
        0x0A4,
        "ro",
        "64-bit beats read on the program port: the program, and maps to add",
    ),
    Register("WRITE_BEATS", 0x0A8, "ro", "64-bit beats written"),
    Register("IMAGES_DONE", 0x0AC, "ro", "images completed in this run"),
    Register("GROUP", 0x0B0, "ro", "groups executed in this run"),
)

# The interrupt controller's registers: those of Xilinx' AXI INTC 4.1 (PG099) that software uses
# without nested or fast interrupts.
INTC_REGISTERS = (
    Register("ISR", 0x00, "rw", "interrupts seen; written 1 sets them until MER enables hardware"),
    Register("IPR", 0x04, "ro", "interrupts seen and enabled"),
    Register("IER", 0x08, "rw", "interrupts enabled"),
    Register("IAR", 0x0C, "wo", "write 1 to acknowledge: clears the bit of ISR"),
    Register("SIE", 0x10, "wo", "write 1 to set the bit of IER"),
    Register("CIE", 0x14, "wo", "write 1 to clear the bit of IER"),
    Register("IVR", 0x18, "ro", "number of the first pending interrupt, all ones if none"),
    Register("MER", 0x1C, "rw", "bit 0 the output is enabled, bit 1 hardware interrupts are"),
)

# A profile record is written when a group's last K step has been issued: the values since start
# of these counters, one record a group of the last image run.
PROFILE_FIELDS = (
    "CYCLES_LO",
    "ACTIVE",
    "STALL_WEIGHTS",
    "STALL_INPUT",
    "STALL_OUTPUT",
    "STALL_DRAIN",
    "STALL_SWITCH",
    "WRITE_BEATS",
)

ERRORS = (
    (0, "NONE", "no error"),
    (
        1,
        "MAGIC",
        "the program does not start with the magic number: wrong address or not a program",
    ),
    (2, "VERSION", "the program's format version is not this engine's: compile it again"),
    (3, "SHAPE", "the program was compiled for another array shape: compile it for this overlay"),
    (4, "HEADER_CRC", "the program's header is corrupted: load the program again"),
    (
        5,
        "DESCRIPTOR_CRC",
        "a group is corrupted, another program's, or not in its place: load the program again",
    ),
    (6, "PAYLOAD_CRC", "weights or biases of a group are corrupted: load the program again"),
    (7, "PROGRAM_READ", "AXI error response while reading the program: check its address"),
    (8, "MAP_READ", "AXI error response while reading feature maps: check the buffer addresses"),
    (9, "MAP_WRITE", "AXI error response while writing feature maps: check the buffer addresses"),
    (
        10,
        "TIMEOUT",
        "no progress within the time-out: the memory does not answer, or a bad program",
    ),
    (11, "CAPACITY", "a group needs more buffer than this engine has: compile it for this overlay"),
    (12, "ALIGNMENT", "a buffer address is not a multiple of 128 bytes, or no image was asked for"),
    (
        13,
        "GROUPS",
        "the program's groups are not as many or as long as its header says: compile it again",
    ),
    (
        14,
        "BOUNDS",
        "a group, or the program itself, reaches outside of its buffers: compile it again",
    ),
    (15, "FIELDS", "a group's descriptor contradicts itself: compile the program again"),
    (
        16,
        "CLOCK",
        "the engine's clock was lost and came back with a reset, what ran before is gone: set "
        "FCLK0 before the engine is used, to what the overlay was built for",
    ),
)

HEADER = (
    Field("magic", 32, "PROGRAM_MAGIC"),
    Field("version", 16, "FORMAT_VERSION"),
    Field("groups", 16, "number of groups"),
    Field("pixels", 8, "array rows P"),
    Field("channels", 8, "array channels C"),
    Field("acc_bits", 8, "accumulator bits"),
    Field("word_bytes", 6, "bytes of a stored word"),
    Field("pump", 2, "K steps that a weight word holds"),
    Field("seal", 32, "hash of all groups' contents and the host section: seeds the groups' CRCs"),
    Field("stream_bytes", 32, "bytes of the stream that follows the header"),
    Field("scratch_bytes", 32, "bytes of feature-map buffers"),
    Field("input_bytes", 32, "bytes of one stored input"),
    Field("output_bytes", 32, "bytes of one stored output"),
    Field("hash_lo", 64, "content hash (first 16 bytes of a SHA-256), low half"),
    Field("hash_hi", 64, "content hash, high half"),
    Field("host_bytes", 32, "bytes of the host section behind the stream"),
    Field("definition", 32, "DEFINITION of the compiler: see there"),
    Field("header_crc", 32, "CRC-32 of the seven beats before"),
)


def _pass_fields(k: int) -> tuple[Field, ...]:
    """Fields of pass k: one convolution of a group, run over all blocks of its channels."""
    return (
        Field(f"p{k}_channels", 13, "source channels, phases counted apart"),
        Field(f"p{k}_phase1", 13, "first channel of the second phase (= channels if none)"),
        Field(f"p{k}_steps", 16, "cycles of a block: K steps, or pairs of them"),
        Field(f"p{k}_blocks", 8, "blocks of C channels"),
        Field(f"p{k}_last", 8, "channels of the last block"),
        Field(f"p{k}_kh", 4, "kernel rows"),
        Field(f"p{k}_enable", 1, "this pass runs"),
        Field(f"p{k}_mid", 1, "source is the ring of the squeeze map, else the input ring"),
        Field(f"p{k}_weights", 16, "first weight word, from the group's first"),
        Field(f"p{k}_bias", 12, "first bias pair, from the group's first"),
        Field(f"p{k}_stride", 2, "source rows an output row advances"),
        Field(f"p{k}_pad", 2, "zero rows above the map"),
        Field(f"p{k}_taps0", 3, "taps of a channel of the first phase"),
        Field(f"p{k}_taps1", 3, "taps of a channel of the second phase"),
        Field(f"p{k}_words0", 2, "words read for a channel of the first phase"),
        Field(f"p{k}_words1", 2, "words read for a channel of the second phase"),
        Field(f"p{k}_left", 1, "the first word read is the left neighbour's"),
        Field(f"p{k}_relu", 1, "saturate to [0, 255], else to [-128, 127]"),
        Field(f"p{k}_src_signed", 1, "source holds int8, else uint8"),
    )


# The fourth pass is a 1x1 convolution of all channels with a stride of 1, hence what has no field
# of its own: a number, or the name of the field that has it.
TAIL_CONSTANTS: dict[str, int | str] = {
    "phase1": "channels",
    "kh": 1,
    "mid": 1,
    "stride": 1,
    "pad": 0,
    "taps0": 1,
    "taps1": 1,
    "words0": 1,
    "words1": 1,
    "left": 0,
}
PASSES = 4
TAIL = PASSES - 1
# Rows of the ring in front of it: one that it reads, one that is written.
TAIL_ROWS = 2


DESCRIPTOR = (
    Field("src_offset", 32, "source's offset in its space, bytes"),
    Field("dst_offset", 32, "destination's offset in its space, bytes"),
    Field("src_rows", 10, "rows of the source map that are loaded"),
    Field("src_row_words", 13, "words of a source row in its ring"),
    Field("src_tile_words", 13, "words of a source tile there"),
    Field("src_tiles", 8, "tiles of a source row there"),
    Field("src_last_tile", 13, "words from a source row's start to the last computed tile"),
    Field("in_rows", 8, "rows of the input ring"),
    Field("src_space", 2, "0 input, 1 scratch, 2 output"),
    Field("wait_enable", 1, "the source is written by an earlier group"),
    Field("wait_back", 8, "how many groups back"),
    Field("group_last", 1, "last group of the program"),
    Field("in_base", 13, "input ring: first word in the activation memory"),
    Field("in_end", 14, "input ring: one behind its last word"),
    Field("mid_base", 13, "squeeze ring: first word"),
    Field("mid_end", 14, "squeeze ring: one behind its last word"),
    Field("lead", 4, "rows by which pass 0 runs ahead of the others"),
    Field("mid_row_words", 13, "words of a squeeze row"),
    Field("mid_tile_words", 13, "words of a squeeze tile"),
    Field("mid_last_tile", 13, "words from a squeeze row's start to its last tile"),
    Field("mid_total", 10, "rows of the squeeze map that pass 0 computes"),
    Field("rows", 10, "rows that passes 1 and 2 compute (before pooling)"),
    Field("tiles", 8, "tiles of a computed row"),
    Field("last_pixels", 6, "pixels of the last computed tile"),
    Field("mode", 2, "destination: 0 direct, 1 max pooling, 2 global sum"),
    Field("dst_space", 2, "0 input, 1 scratch, 2 output"),
    Field("dst_row_words", 16, "words from one stored row to the next"),
    Field("dst_tile_words", 13, "words from one stored tile to the next"),
    Field("dst_last_tile", 16, "words from a stored row's start to its last tile"),
    Field("segment_words", 13, "words of a tile that this group writes; of sums: classes"),
    Field("pool_last_tile", 13, "line-buffer word of the last pooled tile's first channel"),
    Field("pool_kernel3", 1, "pooling window 3x3, else 2x2"),
    Field(
        "pool_last_emit", 1, "the last computed row completes a window that reaches over the edge"
    ),
    Field("out_signed", 1, "results are int8"),
    Field("pool_padded", 1, "pooling windows begin a row and a column ahead of the map"),
    Field("out_rows", 10, "stored rows"),
    Field("out_tiles", 8, "stored tiles of a row"),
    Field("out_last_pixels", 6, "pixels of the last stored tile"),
    Field("bias_pairs", 12, "beats of biases in this group's payload"),
    Field("weight_words", 16, "weight words in this group's payload"),
    Field("load_phases", 2, "0 rows are loaded as they are stored, 1 one phase of them, 2 both"),
    Field("load_odd", 1, "the first phase are the odd columns, else the even ones"),
    Field("load_skip", 1, "every second row is loaded"),
    Field("half_first", 1, "the first kernel row reads the upper half of each phase's channels"),
    Field("half_last", 1, "the last kernel row reads the lower half of each phase's channels"),
    Field("load_fold", 2, "a ring row is 0 a row, 1 two rows stored apart, 2 two stored in one"),
    Field("load_reach", 2, "rows from the one in a ring row's front half to that in its back half"),
    Field("odd_rows", 1, "the last computed row has results in the front half of its tile only"),
    *_pass_fields(0),
    Field("load_row_words", 13, "words of a source row as it is stored"),
    *_pass_fields(1),
    Field("load_tile_words", 13, "words of a source tile as it is stored"),
    *_pass_fields(2),
    Field("add_enable", 1, "a stored map is added to the results (modes 0 and 1)"),
    Field("add_left", 3, "left shift of the operand with the smaller exponent"),
    Field("add_shifts_own", 1, "that operand is the group's own result, else the stored map"),
    Field("add_shift", 4, "right shift of the sum, rounded half to even"),
    Field("add_signed", 1, "the stored map holds int8, else uint8"),
    Field("add_wait_enable", 1, "the stored map is written by an earlier group"),
    Field("add_wait_back", 8, "how many groups back"),
    Field("add_offset", 32, "stored map's offset in the scratch space, bytes"),
    Field("add_tile_words", 13, "words from one of its tiles to the next"),
    Field("add_last_tile", 16, "words from the start of its row to the last tile"),
    *(field for field in _pass_fields(TAIL) if field.name[3:] not in {*TAIL_CONSTANTS, "bias"}),
    *(field for field in _pass_fields(TAIL) if field.name[3:] == "bias"),
    Field("tail_base", 13, "ring of the rows that pass 3 reads, two of them: first word"),
    Field("tail_row_words", 13, "words of such a row"),
    Field("tail_tile_words", 13, "words of a tile there"),
    Field("tail_last_tile", 13, "words from such a row's start to its last tile"),
    Field("payload_crc", 32, "CRC-32 of biases and weights"),
    Field("payload_pad", 32, "zero"),
    Field("descriptor_pad", 32, "zero"),
    Field(
        "descriptor_crc",
        32,
        "CRC-32 of the beats before, continued from the header's seal XOR the group's number",
    ),
)


def place(fields: tuple[Field, ...], anchors: dict[str, int] | None = None) -> list[Placed]:
    """Give every field its beat and bit; ``anchors`` names fields that start a certain beat.

    Raises ValueError where the fields before an anchor reach into its beat.
    """
    placed: list[Placed] = []
    beat = bit = 0
    for f in fields:
        want = (anchors or {}).get(f.name)
        if want is not None:
            if (beat, bit) > (want, 0):
                raise ValueError(
                    f"field {f.name} should start beat {want}, but beat {beat} bit {bit} is taken"
                )
            beat, bit = want, 0
        if bit + f.bits > 64:
            beat, bit = beat + 1, 0
        placed.append(Placed(f.name, f.bits, f.doc, beat, bit))
        bit += f.bits
    return placed


HEADER_LAYOUT = place(HEADER, {"header_crc": HEADER_BEATS - 1})
DESCRIPTOR_LAYOUT = place(
    DESCRIPTOR,
    {
        "p3_channels": DESCRIPTOR_BEATS - 4,
        "payload_crc": DESCRIPTOR_BEATS - 2,
        "descriptor_pad": DESCRIPTOR_BEATS - 1,
    },
)


def pass_value(fields: Mapping[str, int], k: int, name: str) -> int:
    """Field ``name`` of pass ``k`` in a descriptor's ``fields``, 0 where it is not given; what the
    fourth pass has no field of its own for too."""
    value = TAIL_CONSTANTS.get(name, name) if k == TAIL else name
    return value if isinstance(value, int) else fields.get(f"p{k}_{value}", 0)


def _definition_hash() -> int:
    """The first four bytes, little-endian, of a SHA-256 over all that hardware, program and driver
    must agree on: registers, profile, errors, header and descriptor. Descriptions do not count."""
    parts = {
        "version": FORMAT_VERSION,
        "registers": [(r.name, r.offset, r.access) for r in REGISTERS],
        "profile": [PROFILE_BASE, PROFILE_WORDS, PROFILE_GROUPS, *PROFILE_FIELDS],
        "errors": [(code, name) for code, name, _ in ERRORS],
        "header": [(p.name, p.beat, p.lsb, p.bits) for p in HEADER_LAYOUT],
        "descriptor": [(p.name, p.beat, p.lsb, p.bits) for p in DESCRIPTOR_LAYOUT],
    }
    digest = hashlib.sha256(json.dumps(parts).encode()).digest()
    return int.from_bytes(digest[:4], "little")


DEFINITION = _definition_hash()
"""Read from the register of this name, and found in every program's header."""


def pack(layout: list[Placed], beats: int, values: dict[str, int]) -> bytes:
    """Structure as ``beats`` little-endian 64-bit words; raises ValueError for a value that does
    not fit its field or a name that the structure does not have."""
    check(layout, values)
    words = [0] * beats
    for p in layout:
        words[p.beat] |= int(values.get(p.name, 0)) << p.lsb
    return b"".join(w.to_bytes(BEAT_BYTES, "little") for w in words)


def check(layout: list[Placed], values: dict[str, int]) -> None:
    """Raises ValueError for a value that does not fit its field or a name that the structure does
    not have."""
    bits = {p.name: p.bits for p in layout}
    unknown = values.keys() - bits.keys()
    if unknown:
        raise ValueError(f"no such field: {', '.join(sorted(unknown))}")
    for name, value in values.items():
        if not 0 <= int(value) < 1 << bits[name]:
            raise ValueError(f"{name} = {int(value)} does not fit in {bits[name]} bits")


def unpack(layout: list[Placed], data: bytes) -> dict[str, int]:
    """Inverse of :func:`pack`."""
    words = [
        int.from_bytes(data[i : i + BEAT_BYTES], "little") for i in range(0, len(data), BEAT_BYTES)
    ]
    return {p.name: words[p.beat] >> p.lsb & ((1 << p.bits) - 1) for p in layout}
