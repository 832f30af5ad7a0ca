"""Depths and latencies of the hardware as the cycle model needs them: cycles and beats."""

READER_BURSTS = 8  # outstanding bursts of a reader
BURST_BEATS = 16
READER_FIFO = 512  # beats that a reader fetches ahead of its consumer
WRITER_FIFO = 64  # beats between result FIFO and memory
ADDEND_FIFO = 128  # beats of a map to add between memory and the FIFO of words

# Cycles between two events: sums of the latencies that the modules state, those that involve a
# bus (streams, rows, results) as simulation shows them.
START_TO_STREAM = 105  # start to the first beat of the stream, with a read latency of 40
COMMAND_LATENCY = 5  # command to a reader to its address on the bus
BEAT_TO_WEIGHT = 7  # beat on the bus to its weights counting as loaded
BEAT_TO_ROW = 7  # a row's last beat on the bus to the row counting as loaded
FINISH_TO_RING = 19  # last K step to a squeeze row counting as written, without P and channels
FINISH_TO_PORT = 17  # last K step to the block's first result at its ring's port, without P
PORT_SLACK = 1  # words of a row that find room in front of that port
FINISH_TO_BUS = 44  # last K step to the block's first result on the bus, without P
BEAT_TO_ADDEND = 8  # a beat on the bus to the planner seeing the word to add that it completes
FINISH_TO_ADDEND = 17  # last K step to the block's first word to add leaving its FIFO, without P
ADDEND_GROUP = 3  # a group being seen to the first command for the map that it adds
ADDER = 7  # cycles that results take longer from the first group on that adds
RESPONSE_TO_ROW = 5  # write response to a row counting as written
BURST_TURNAROUND = 10  # a reader's last free burst to its next first beat, without the latency
ROW_COMMAND = 4  # from one row's command to the next, besides 2 for each burst
GROUP_TO_DESCRIPTOR = 3  # a group's last beat to the next descriptor's first
DESCRIPTOR_TO_GROUP = 9  # a descriptor's last beat on the bus to the planner seeing it
FREE_WEIGHTS = 15  # the last use of a block's weights to their being free
FREE_BIASES = 34  # a group's end to its biases being free, without C
SEGMENTS = 11  # segments between planner and memory: in the slice, the FIFO and the writer
END_OF_RUN = 2  # the last row counting as written to the end
