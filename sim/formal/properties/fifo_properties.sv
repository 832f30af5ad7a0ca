// What a queue promises, as seen from its ports: every word that goes in comes out, once, in order
// and unchanged, whatever is pushed, popped and cleared when, and with a reset at any time.
//
// One word, any word, is followed (the solver chooses which by `mark_i`): how many words are ahead
// of it is counted, and when none is, it must be the one at the output.
`default_nettype none

module fifo_properties #(
  parameter  int unsigned Width     = 8,
  parameter  int unsigned Depth     = 16,
  // a word appears at the output this many cycles after its push, or when those before it are gone
  parameter  int unsigned Latency   = 2,
  localparam int unsigned LevelBits = $clog2(Depth + 1)
) (
  input  wire logic             clk_i,
  input  wire logic             rst_ni,
  input  wire logic             clear_i,
  input  wire logic             in_valid_i,
  input  wire logic [Width-1:0] in_data_i,
  input  wire logic             out_ready_i,
  input  wire logic             mark_i
);
  logic                 in_ready, out_valid;
  logic [Width-1:0]     out_data;
  logic [LevelBits-1:0] level;

  fb_fifo #(
    .Width(Width),
    .Depth(Depth)
  ) dut (
    .clk_i,
    .rst_ni,
    .clear_i,
    .in_valid_i,
    .in_ready_o (in_ready),
    .in_data_i,
    .out_valid_o(out_valid),
    .out_ready_i,
    .out_data_o (out_data),
    .level_o    (level)
  );

  logic                 started_q = 1'b0;
  logic                 push, pop;
  logic [LevelBits-1:0] count_q, ahead_q;
  logic                 followed_q;
  logic [Width-1:0]     word_q;
  logic [LevelBits-1:0] aged_q;
  logic [1:0]           pushed_q;

  assign push = in_valid_i && in_ready;
  assign pop = out_valid && out_ready_i;

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    count_q <= count_q + LevelBits'(push) - LevelBits'(pop);
    if (followed_q) begin
      if (pop) ahead_q <= ahead_q - 1'b1;
      if (pop && ahead_q == '0) followed_q <= 1'b0;
    end else if (push && mark_i) begin
      followed_q <= 1'b1;
      ahead_q <= count_q - LevelBits'(pop);
      word_q <= in_data_i;
    end
    pushed_q <= {pushed_q[0], push};
    aged_q <= aged_q + LevelBits'(pushed_q[Latency-2]) - LevelBits'(pop);
    if (!rst_ni || clear_i) begin
      count_q <= '0;
      followed_q <= 1'b0;
      pushed_q <= '0;
      aged_q <= '0;
    end
  end

  // waiting for the reader: valid and data stay
  logic             waited_q;
  logic [Width-1:0] shown_q;
  always_ff @(posedge clk_i) begin
    waited_q <= out_valid && !out_ready_i && rst_ni && !clear_i;
    shown_q <= out_data;
  end

  always_comb begin
    if (!started_q) assume (!rst_ni);
    if (started_q) begin
      a_level: assert (level == count_q);
      a_room: assert (in_ready == (count_q != LevelBits'(Depth)));
      a_prompt: assert (out_valid == (aged_q != '0));
      if (followed_q && ahead_q == '0 && out_valid) a_word: assert (out_data == word_q);
      if (waited_q) a_stable: assert (out_valid && out_data == shown_q);
      c_full: cover (count_q == LevelBits'(Depth));
      c_word: cover (followed_q && ahead_q == '0 && pop && count_q != LevelBits'(1));
    end
  end
endmodule

`default_nettype wire
