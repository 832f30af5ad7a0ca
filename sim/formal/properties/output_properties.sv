// The way of the results out, whatever comes when, with a reset at any time: each word becomes its
// beats, each sum one, in order, unchanged, none lost and none twice; a beat that is shown stays;
// pop_o tells once of each word that has left the queue; a segment becomes a command of as many beats
// as its words have. Taken for granted: a word comes only where there is room, which the planner
// reserves. One word, any word, and one segment, any, are followed.
//
// Words have one pixel, which is two beats where it is no sum: the second holds nothing.
`default_nettype none

module output_properties #(
  parameter int unsigned FifoWords = 4
) (
  input wire logic       clk_i,
  input wire logic       rst_ni,
  input wire logic       word_valid_i, word_sum_i,
  input wire logic       word_i,
  input wire logic       segment_valid_i, segment_sum_i,
  input wire logic [1:0] segment_words_i, segment_tag_i,
  input wire logic       cmd_ready_i, beat_ready_i, mark_word_i, mark_segment_i
);
  logic        pop, segment_ready, cmd_valid, beat_valid;
  logic [31:0] cmd_addr;
  logic [23:0] cmd_beats;
  logic [3:0]  cmd_tag;
  logic [63:0] beat;

  fb_output #(
    .Pixels   (1),
    .WordBytes(16),
    .FifoWords(FifoWords),
    .SumBits  (2)
  ) dut (
    .clk_i,
    .rst_ni,
    .word_valid_i,
    .word_sum_i,
    .word_i         ({6'd0, word_i, 1'b0}),
    .pop_o          (pop),
    .segment_valid_i,
    .segment_ready_o(segment_ready),
    .segment_addr_i ({segment_tag_i, 30'd0}),
    .segment_words_i(13'(segment_words_i)),
    .segment_sum_i,
    .segment_tag_i,
    .cmd_valid_o    (cmd_valid),
    .cmd_ready_i,
    .cmd_addr_o     (cmd_addr),
    .cmd_beats_o    (cmd_beats),
    .cmd_tag_o      (cmd_tag),
    .beat_valid_o   (beat_valid),
    .beat_ready_i,
    .beat_o         (beat)
  );

  logic       started_q = 1'b0;
  logic       reset_q, beat_waited_q, cmd_waited_q, beat_take, segment_take, cmd_take;
  logic [63:0] beat_q;
  logic [25:0] cmd_q;
  // words in the queue, beats that are owed, commands that are owed
  logic [2:0] words_q;
  logic [3:0] beats_q, commands_q;
  // what is followed, and how many beats or commands come before it
  logic       word_q, segment_q, bit_q, sum_q, second_q, segment_sum_q;
  logic [3:0] beats_ahead_q, commands_ahead_q;
  logic [1:0] segment_words_q, segment_tag_q;
  logic [2:0] slow_q;

  assign beat_take = beat_valid && beat_ready_i;
  assign segment_take = segment_valid_i && segment_ready;
  assign cmd_take = cmd_valid && cmd_ready_i;

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    reset_q <= !rst_ni;
    beat_waited_q <= beat_valid && !beat_ready_i && rst_ni;
    cmd_waited_q <= cmd_valid && !cmd_ready_i && rst_ni;
    beat_q <= beat;
    cmd_q <= {cmd_tag[1:0], cmd_beats};
    words_q <= words_q + 3'(word_valid_i) - 3'(pop);
    beats_q <= beats_q + (word_valid_i ? (word_sum_i ? 4'd1 : 4'd2) : '0) - 4'(beat_take);
    commands_q <= commands_q + 4'(segment_take) - 4'(cmd_take);
    slow_q <= (beats_q != '0 && !beat_valid) ? slow_q + 3'd1 : '0;
    if (word_q) begin
      if (beat_take && beats_ahead_q != '0) beats_ahead_q <= beats_ahead_q - 4'd1;
      if (beat_take && beats_ahead_q == '0) begin
        second_q <= 1'b1;
        if (sum_q || second_q) word_q <= 1'b0;
      end
    end else if (word_valid_i && mark_word_i) begin
      word_q <= 1'b1;
      second_q <= 1'b0;
      beats_ahead_q <= beats_q - 4'(beat_take);
      {sum_q, bit_q} <= {word_sum_i, word_i};
    end
    if (segment_q) begin
      if (cmd_take) commands_ahead_q <= commands_ahead_q - 4'd1;
      if (cmd_take && commands_ahead_q == '0) segment_q <= 1'b0;
    end else if (segment_take && mark_segment_i) begin
      segment_q <= 1'b1;
      commands_ahead_q <= commands_q - 4'(cmd_take);
      {segment_sum_q, segment_words_q, segment_tag_q} <=
        {segment_sum_i, segment_words_i, segment_tag_i};
    end
    if (!rst_ni) begin
      {words_q, beats_q, commands_q, slow_q} <= '0;
      {word_q, segment_q} <= '0;
    end
  end

  always_comb begin
    if (!started_q) assume (!rst_ni);
    if (words_q == 3'(FifoWords)) assume (!word_valid_i);
    if (started_q && reset_q) a_reset: assert (!beat_valid && !cmd_valid && !pop);
    if (started_q && rst_ni) begin
      if (beat_waited_q) a_beat_stays: assert (beat_valid && beat == beat_q);
      if (cmd_waited_q) a_cmd_stays: assert (cmd_valid && cmd_q == {cmd_tag[1:0], cmd_beats});
      if (beat_valid) a_owed: assert (beats_q != '0);
      if (cmd_valid) a_asked: assert (commands_q != '0 && cmd_addr == {cmd_tag[1:0], 30'd0});
      if (pop) a_pop: assert (words_q != '0);
      // one word at most is being cut into its beats
      a_told: assert (beats_q >= 4'(words_q) && beats_q <= 4'd2 * 4'(words_q) + 4'd2);
      a_prompt: assert (slow_q < 3'd5);
      if (word_q && beats_ahead_q == '0 && beat_valid) begin
        // a sum of two bits has a sign
        a_beat: assert (beat == (second_q ? 64'd0 : sum_q && bit_q ? 64'hffff_ffff_ffff_fffe :
                                 {62'd0, bit_q, 1'b0}));
      end
      if (segment_q && commands_ahead_q == '0 && cmd_valid) begin
        a_command: assert (cmd_tag == {2'd0, segment_tag_q} &&
                           cmd_beats == (segment_sum_q ? 24'(segment_words_q) :
                                                         24'({segment_words_q, 1'b0})));
      end

      c_full: cover (words_q == 3'(FifoWords) && beat_valid);
      c_second: cover (word_q && beats_ahead_q == '0 && second_q && beat_take && words_q > 3'd1);
      c_sum: cover (word_q && beats_ahead_q == '0 && sum_q && bit_q && beat_take);
      c_command: cover (segment_q && commands_ahead_q == '0 && cmd_take && commands_q > 4'd1);
    end
  end
endmodule

`default_nettype wire
