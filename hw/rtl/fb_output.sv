// Takes result words from the array side, which never waits, to the memory writer.
//
// Room for words is reserved by the planner before a block starts, so the word FIFO cannot
// overflow.  Segments - an address and a number of words - arrive from the planner in the order
// in which their words will come.  A word becomes WordBytes/8 beats; a sum (word_sum_i) becomes
// one beat, its 40 bits extended with their sign.
// Handshakes: segment, cmd and beat valid/ready; word_valid_i without ready.
`default_nettype none

module fb_output #(
  parameter int unsigned Pixels = 14,
  parameter int unsigned WordBytes = 16,
  parameter int unsigned FifoWords = 512,
  parameter int unsigned SumBits = 40
) (
  input  wire                 clk_i,
  input  wire                 rst_ni,

  input  wire                 word_valid_i,
  input  wire                 word_sum_i,
  input  wire  [Pixels*8-1:0] word_i,
  output logic                pop_o,          // a word has left the FIFO

  input  wire                 segment_valid_i,
  output logic                segment_ready_o,
  input  wire  [31:0]         segment_addr_i,
  input  wire  [12:0]         segment_words_i,
  input  wire                 segment_sum_i,
  input  wire  [1:0]          segment_tag_i,

  output logic                cmd_valid_o,
  input  wire                 cmd_ready_i,
  output logic [31:0]         cmd_addr_o,
  output logic [23:0]         cmd_beats_o,
  output logic [3:0]          cmd_tag_o,
  output logic                beat_valid_o,
  input  wire                 beat_ready_i,
  output logic [63:0]         beat_o
);
  localparam int unsigned WordBeats = WordBytes / 8;
  localparam int unsigned LaneBits = (WordBeats > 1) ? $clog2(WordBeats) : 1;
  localparam int unsigned Width = Pixels * 8 + 1;

  logic             fifo_valid, fifo_ready;
  logic [Width-1:0] fifo_data;
  logic             unused_ready;
  logic [$clog2(FifoWords+1)-1:0] unused_level;

  fb_fifo #(
    .Width(Width),
    .Depth(FifoWords)
  ) u_words (
    .clk_i,
    .rst_ni,
    .clear_i    (1'b0),
    .in_valid_i (word_valid_i),
    .in_ready_o (unused_ready),
    .in_data_i ({word_sum_i, word_i}),
    .out_valid_o(fifo_valid),
    .out_ready_i(fifo_ready),
    .out_data_o (fifo_data),
    .level_o    (unused_level)
  );

  logic segment_sum;
  logic [12:0] segment_words;
  logic [1:0] segment_tag;
  logic [3:0] unused_segment_level;

  fb_fifo #(
    .Width(32 + 13 + 1 + 2),
    .Depth(8)
  ) u_segments (
    .clk_i,
    .rst_ni,
    .clear_i    (1'b0),
    .in_valid_i (segment_valid_i),
    .in_ready_o (segment_ready_o),
    .in_data_i ({segment_addr_i, segment_words_i, segment_sum_i, segment_tag_i}),
    .out_valid_o(cmd_valid_o),
    .out_ready_i(cmd_ready_i),
    .out_data_o ({cmd_addr_o, segment_words, segment_sum, segment_tag}),
    .level_o    (unused_segment_level)
  );

  assign cmd_beats_o = segment_sum ? 24'(segment_words)
                                   : 24'(segment_words) << $clog2(WordBeats);
  assign cmd_tag_o = {2'b0, segment_tag};

  // One word at a time, cut into beats.
  logic [WordBytes*8-1:0] word_q;
  logic [LaneBits-1:0]    left_q;
  logic                   valid_q;
  logic [WordBytes*8-1:0] padded;
  logic                   is_sum;

  assign is_sum = fifo_data[Width-1];
  assign padded = is_sum ? unsigned'((WordBytes*8)'(signed'(fifo_data[SumBits-1:0])))
                         : (WordBytes*8)'(fifo_data[Pixels*8-1:0]);
  assign fifo_ready = !valid_q || (beat_ready_i && (left_q == '0));
  assign pop_o = fifo_valid && fifo_ready;
  assign beat_valid_o = valid_q;
  assign beat_o = word_q[63:0];

  always_ff @(posedge clk_i) begin
    if (pop_o) begin
      word_q <= padded;
      left_q <= is_sum ? '0 : LaneBits'(WordBeats - 1);
    end else if (beat_ready_i) begin
      word_q <= word_q >> 64;
      left_q <= left_q - LaneBits'(1);
    end
    if (!rst_ni) valid_q <= 1'b0;
    else if (pop_o) valid_q <= 1'b1;
    else if (beat_ready_i && (left_q == '0)) valid_q <= 1'b0;
  end
endmodule

`default_nettype wire
