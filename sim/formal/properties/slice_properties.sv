// What a register slice promises: every word that goes in comes out, once, in order and unchanged;
// a word that is shown stays until it is taken; it holds at most two words, and a word appears in
// the cycle after it was taken. Reset at any time. One word, any word, is followed.
`default_nettype none

module slice_properties #(
  parameter int unsigned Width = 2
) (
  input  wire logic             clk_i,
  input  wire logic             rst_ni,
  input  wire logic             in_valid_i,
  input  wire logic [Width-1:0] in_data_i,
  input  wire logic             out_ready_i,
  input  wire logic             mark_i
);
  logic             in_ready, out_valid;
  logic [Width-1:0] out_data;

  fb_slice #(
    .Width(Width)
  ) dut (
    .clk_i,
    .rst_ni,
    .in_valid_i,
    .in_ready_o (in_ready),
    .in_data_i,
    .out_valid_o(out_valid),
    .out_ready_i,
    .out_data_o (out_data)
  );

  logic             started_q = 1'b0;
  logic             push, pop, followed_q, waited_q, reset_q;
  logic [1:0]       count_q, ahead_q;
  logic [Width-1:0] word_q, shown_q;

  assign push = in_valid_i && in_ready;
  assign pop = out_valid && out_ready_i;

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    reset_q <= !rst_ni;
    count_q <= count_q + 2'(push) - 2'(pop);
    if (followed_q) begin
      if (pop) ahead_q <= ahead_q - 2'd1;
      if (pop && ahead_q == '0) followed_q <= 1'b0;
    end else if (push && mark_i) begin
      followed_q <= 1'b1;
      ahead_q <= count_q - 2'(pop);
      word_q <= in_data_i;
    end
    waited_q <= out_valid && !out_ready_i && rst_ni;
    shown_q <= out_data;
    if (!rst_ni) begin
      count_q <= '0;
      followed_q <= 1'b0;
    end
  end

  always_comb begin
    if (!started_q) assume (!rst_ni);
    if (started_q) begin
      a_room: assert (in_ready == (count_q != 2'd2));
      a_prompt: assert (out_valid == (count_q != '0));
      if (followed_q && ahead_q == '0) a_word: assert (out_valid && out_data == word_q);
      if (waited_q) a_stable: assert (out_valid && out_data == shown_q);
      if (reset_q) a_reset: assert (!out_valid && in_ready);
      c_full: cover (count_q == 2'd2);
      c_word: cover (followed_q && ahead_q == '0 && pop);
    end
  end
endmodule

`default_nettype wire
