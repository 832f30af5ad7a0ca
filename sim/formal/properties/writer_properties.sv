// An AXI write master as a memory and its commander see it, with an abort and a reset at any time:
// addresses and data that are shown stay; a burst has 1 to BurstBeats beats and stays within a
// multiple of its longest, hence within 4 KB; at most MaxOutstanding are under way; W follows the
// bursts that were shown, WLAST in its place; the bursts write what the commands say and the data
// stream holds, in order; strobes are all on, and off only for what an abort cut short; a command is
// done when all of it is acknowledged; nothing new begins after an abort until the memory has
// answered, nothing at all behind a reset; idle is idle.
//
// Taken for granted: the memory answers a burst that it has taken whole, once, and B is silent
// otherwise but for answers to bursts of before a reset, which come before the first new burst; a
// command has a beat and does not reach behind the address space.
//
// One burst, one command and one word of data, any, are followed.
//
// The h_ assertions say how the counters of this module and of the writer hang together: true like
// the others, they are what makes the induction short. For them the writer shows its state (see_*).
`default_nettype none

module writer_properties #(
  parameter int unsigned BurstBeats     = 4,
  parameter int unsigned MaxOutstanding = 2,
  parameter int unsigned FifoDepth      = 4,
  // bits of a beat's address, of a command's beats
  parameter int unsigned AddrBits       = 4,
  parameter int unsigned BeatBits       = 3
) (
  input wire logic                clk_i,
  input wire logic                rst_ni,
  input wire logic                cmd_valid_i,
  input wire logic [AddrBits-1:0] cmd_addr_i,
  input wire logic [BeatBits-1:0] cmd_beats_i,
  input wire logic                cmd_tag_i,
  input wire logic                data_valid_i,
  input wire logic                data_i,
  input wire logic                abort_i,
  input wire logic                awready_i,
  input wire logic                wready_i,
  input wire logic [1:0]          bresp_i,
  input wire logic                bvalid_i,
  input wire logic                mark_burst_i, mark_command_i, mark_word_i
);
  localparam int unsigned CountBits = $clog2(MaxOutstanding + 2) + 1;
  localparam int unsigned LenBits = $clog2(BurstBeats) + 1;
  localparam int unsigned OwedBits = $clog2(FifoDepth + (1 << BeatBits)) + 2;

  logic        cmd_ready, data_ready, done, idle, error, awvalid, wvalid, wlast, bready;
  logic [3:0]  done_tag;
  logic [63:0] wdata;
  logic [7:0]  wstrb;
  logic [31:0] awaddr;
  logic [7:0]  awlen;
  logic [63:0] see_busy, see_send, see_answer, see_owner, see_drain, see_plan, see_tag;
  logic [63:0] see_beats_64, see_outstanding_64, see_lengths_64, see_owners_64, see_left_64;
  logic [63:0] see_ends;
  logic [63:0] see_unclaimed_64, see_level_64, see_length_64, see_owned, see_data_64;
  logic [63:0] see_young_lengths, see_young_owners;
  fb_axi_writer #(
    .BurstBeats    (BurstBeats),
    .MaxOutstanding(MaxOutstanding),
    .FifoDepth     (FifoDepth)
  ) dut (
    .clk_i,
    .rst_ni,
    .cmd_valid_i,
    .cmd_ready_o  (cmd_ready),
    .cmd_addr_i   (32'({cmd_addr_i, 3'd0})),
    .cmd_beats_i  (24'(cmd_beats_i)),
    .cmd_tag_i    ({3'd0, cmd_tag_i}),
    .data_valid_i,
    .data_ready_o (data_ready),
    .data_i       ({63'd0, data_i}),
    .done_valid_o (done),
    .done_tag_o   (done_tag),
    .abort_i,
    .idle_o       (idle),
    .error_o      (error),
    .axi_awaddr_o (awaddr),
    .axi_awlen_o  (awlen),
    .axi_awvalid_o(awvalid),
    .axi_awready_i(awready_i),
    .axi_wdata_o  (wdata),
    .axi_wstrb_o  (wstrb),
    .axi_wlast_o  (wlast),
    .axi_wvalid_o (wvalid),
    .axi_wready_i (wready_i),
    .axi_bresp_i  (bresp_i),
    .axi_bvalid_i (bvalid_i),
    .axi_bready_o (bready),
    .see_busy_o(see_busy),
    .see_send_o(see_send),
    .see_answer_o(see_answer),
    .see_owner_o(see_owner),
    .see_drain_o(see_drain),
    .see_plan_o(see_plan),
    .see_tag_o(see_tag),
    .see_beats_o(see_beats_64),
    .see_outstanding_o(see_outstanding_64),
    .see_lengths_o(see_lengths_64),
    .see_owners_o(see_owners_64),
    .see_left_o(see_left_64),
    .see_ends_o(see_ends),
    .see_unclaimed_o(see_unclaimed_64),
    .see_level_o(see_level_64),
    .see_length_o(see_length_64),
    .see_owned_o(see_owned),
    .see_data_o(see_data_64),
    .see_young_lengths_o(see_young_lengths),
    .see_young_owners_o(see_young_owners)
  );

  logic [7:0]                             see_beats, see_outstanding, see_lengths, see_owners;
  logic [7:0]                             see_left, see_unclaimed, see_level;
  logic [MaxOutstanding-1:0][LenBits-1:0] see_length;
  logic [MaxOutstanding-1:0]              see_last, see_tags;
  logic [FifoDepth-1:0]                   see_data;
  assign see_beats = see_beats_64[7:0];
  assign see_outstanding = see_outstanding_64[7:0];
  assign see_lengths = see_lengths_64[7:0];
  assign see_owners = see_owners_64[7:0];
  assign see_left = see_left_64[7:0];
  assign see_unclaimed = see_unclaimed_64[7:0];
  assign see_level = see_level_64[7:0];
  assign see_length = see_length_64[MaxOutstanding*LenBits-1:0];
  assign see_data = see_data_64[FifoDepth-1:0];
  for (genvar k = 0; k < MaxOutstanding; k++) begin : gen_owned
    assign see_last[k] = see_owned[5*k+4];
    assign see_tags[k] = see_owned[5*k];
  end

  logic started_q = 1'b0;
  logic reset_q;
  logic accept, push, shown, take, w_shown, w_take, w_done, answer;

  // bursts shown, not answered; taken on AW, whole on W, neither answered; shown, not whole on W
  logic [CountBits-1:0] open_q, aw_taken_q, w_taken_q, w_owed_q;
  logic                 fresh_q;
  // the channels in the last cycle
  logic        aw_waited_q, w_waited_q, answer_q, bad_q, error_q, draining_q, drained_q;
  logic [31:0] awaddr_q;
  logic [7:0]  awlen_q, wstrb_q;
  logic        wdata_q, wlast_q;
  // commands' beats without an address, words in the stream
  logic [OwedBits-1:0] unissued_q, words_q;
  logic [CountBits-1:0] commands_q;
  logic [3:0]          slow_q, slow_w_q;

  // what is followed: a burst on W, a command, a word
  logic                 burst_q, command_q, word_q, tag_q, bit_q;
  logic [CountBits-1:0] bursts_ahead_q, commands_ahead_q;
  logic [OwedBits-1:0]  words_ahead_q;
  logic [LenBits-1:0]   beats_left_q;

  assign accept = cmd_valid_i && cmd_ready;
  assign push = data_valid_i && data_ready;
  assign shown = awvalid && !aw_waited_q;
  assign take = awvalid && awready_i;
  assign w_shown = wvalid && !w_waited_q;
  assign w_take = wvalid && wready_i;
  assign w_done = w_take && wlast;
  assign answer = bvalid_i && aw_taken_q != '0 && w_taken_q != '0;

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    reset_q <= !rst_ni;
    if (awvalid) fresh_q <= 1'b0;
    open_q <= open_q + CountBits'(shown) - CountBits'(answer_q);
    aw_taken_q <= aw_taken_q + CountBits'(take) - CountBits'(answer);
    w_taken_q <= w_taken_q + CountBits'(w_done) - CountBits'(answer);
    w_owed_q <= w_owed_q + CountBits'(shown) - CountBits'(w_done);

    aw_waited_q <= awvalid && !awready_i && rst_ni;
    w_waited_q <= wvalid && !wready_i && rst_ni;
    awaddr_q <= awaddr;
    awlen_q <= awlen;
    wdata_q <= wdata[0];
    wstrb_q <= wstrb;
    wlast_q <= wlast;
    answer_q <= answer;
    bad_q <= answer && bresp_i != 2'b00;
    error_q <= bad_q && !draining_q;
    draining_q <= abort_i || (draining_q && (awvalid || open_q != '0));
    drained_q <= draining_q;

    unissued_q <= unissued_q + (accept ? OwedBits'(cmd_beats_i) : '0)
                  - (shown ? OwedBits'(awlen) + 1'b1 : '0);
    words_q <= words_q + OwedBits'(push) - OwedBits'(w_shown && wstrb[0]);
    commands_q <= commands_q + CountBits'(accept) - CountBits'(done);
    // a command with its data inside, and nothing that waits for the memory
    if (unissued_q != '0 && words_q >= OwedBits'(BurstBeats) && open_q == '0 && !awvalid) begin
      slow_q <= slow_q + 4'd1;
    end else slow_q <= '0;
    slow_w_q <= (w_owed_q != '0 && !wvalid) ? slow_w_q + 4'd1 : '0;

    if (burst_q) begin
      if (w_take && bursts_ahead_q == '0) begin
        beats_left_q <= beats_left_q - 1'b1;
        if (wlast) burst_q <= 1'b0;
      end
      if (w_done && bursts_ahead_q != '0) bursts_ahead_q <= bursts_ahead_q - 1'b1;
    end else if (shown && mark_burst_i) begin
      burst_q <= 1'b1;
      bursts_ahead_q <= w_owed_q - CountBits'(w_done);
      beats_left_q <= awlen[LenBits-1:0];
    end
    if (command_q) begin
      if (done) commands_ahead_q <= commands_ahead_q - 1'b1;
      if (done && commands_ahead_q == '0) command_q <= 1'b0;
    end else if (accept && mark_command_i) begin
      command_q <= 1'b1;
      commands_ahead_q <= commands_q - CountBits'(done);
      tag_q <= cmd_tag_i;
    end
    if (word_q) begin
      if (w_shown && wstrb[0]) words_ahead_q <= words_ahead_q - 1'b1;
      if (w_shown && words_ahead_q == '0) word_q <= 1'b0;
    end else if (push && mark_word_i) begin
      word_q <= 1'b1;
      words_ahead_q <= words_q - OwedBits'(w_shown && wstrb[0]);
      bit_q <= data_i;
    end

    if (!rst_ni || draining_q) begin
      unissued_q <= '0;
      words_q <= '0;
      commands_q <= '0;
      slow_q <= '0;
      command_q <= 1'b0;
      word_q <= 1'b0;
    end
    if (!rst_ni) begin
      fresh_q <= 1'b1;
      open_q <= '0;
      aw_taken_q <= '0;
      w_taken_q <= '0;
      w_owed_q <= '0;
      answer_q <= 1'b0;
      bad_q <= 1'b0;
      error_q <= 1'b0;
      draining_q <= 1'b0;
      drained_q <= 1'b0;
      burst_q <= 1'b0;
      slow_w_q <= '0;
    end
  end

  // what must be possible
  logic was_aborted_q, cut_q;
  always_ff @(posedge clk_i) begin
    if (abort_i && open_q != '0) was_aborted_q <= 1'b1;
    if (w_shown && !wstrb[0]) cut_q <= 1'b1;
    if (!rst_ni) {was_aborted_q, cut_q} <= '0;
  end

  // beats of announced bursts that have not left the stream; commands' last bursts without answer
  logic [7:0] claimed, lasts, ahead;
  // where the burst, the command and the word that are followed have to be, and what is there
  logic [7:0] before, word_at;
  logic       tag_there, burst_there, queued_well;
  always_comb begin
    before = 8'(see_send[0]) + 8'(wvalid && wlast);
    burst_there = 8'(bursts_ahead_q) < 8'(w_owed_q) && (
      (8'(bursts_ahead_q) >= before) ?
        see_length[bursts_ahead_q - CountBits'(before)] == beats_left_q :
      (see_send[0] && 8'(bursts_ahead_q) + 8'd1 == before) ?
        8'(beats_left_q) == see_left + 8'(wvalid && !wlast) : beats_left_q == '0);
    ahead = 8'(commands_ahead_q) - 8'(done);
    tag_there = see_busy[0] && see_tag[0] == tag_q;
    if (done && commands_ahead_q == '0) tag_there = done_tag[0] == tag_q;
    else if (ahead < lasts) begin
      tag_there = 1'b0;
      for (int unsigned k = 0; k < MaxOutstanding; k++) begin
        if (8'(k) < see_owners && see_last[k]) begin
          if (ahead == '0) tag_there = see_tags[k] == tag_q;
          ahead = ahead - 8'd1;
        end
      end
    end
    word_at = 8'(words_ahead_q) - 8'(w_shown && wstrb[0]);
  end

  always_comb begin
    claimed = see_send[0] ? see_left + 8'd1 : '0;
    lasts = '0;
    queued_well = 1'b1;
    for (int unsigned k = 0; k < MaxOutstanding; k++) begin
      if (8'(k) < see_lengths) claimed = claimed + 8'(see_length[k]) + 8'd1;
      if (8'(k) < see_owners) lasts = lasts + 8'(see_last[k]);
      if (8'(k) < see_lengths && see_length[k] >= LenBits'(BurstBeats)) queued_well = 1'b0;
      // a command's last burst is the youngest, or the command is still being split
      if (!draining_q && !see_busy[0] && see_owners == 8'(k + 1) && !see_last[k]) queued_well = 1'b0;
    end
  end

  always_comb begin
    if (!started_q) assume (!rst_ni);
    if (bvalid_i && !answer) assume (fresh_q && !awvalid);
    assume (cmd_beats_i != '0);
    assume ((AddrBits+1)'(cmd_addr_i) + (AddrBits+1)'(cmd_beats_i) <= (AddrBits+1)'(1 << AddrBits));
    if (started_q && reset_q) a_reset: assert (!awvalid && !wvalid && !done && !error);
    if (started_q && rst_ni) begin
      if (aw_waited_q) a_aw_stays: assert (awvalid && awaddr == awaddr_q && awlen == awlen_q);
      if (w_waited_q) begin
        a_w_stays: assert (wvalid && wdata[0] == wdata_q && wstrb == wstrb_q && wlast == wlast_q);
      end
      if (awvalid) begin
        a_burst: assert (awlen < 8'(BurstBeats) && awaddr[2:0] == '0 &&
                         8'(awaddr[3+:LenBits-1]) + awlen < 8'(BurstBeats));
      end
      a_b_taken: assert (bready);
      a_outstanding: assert (32'(open_q) + 32'(shown) - 32'(answer_q) <= MaxOutstanding);
      if (shown) a_asked_for: assert (OwedBits'(awlen) < unissued_q);
      if (wvalid) begin
        a_w_announced: assert (w_owed_q != '0 || shown);
        a_strobes: assert (wstrb == '1 || wstrb == '0);
      end
      if (w_shown && wstrb[0]) a_w_has_data: assert (words_q != '0);
      if (w_shown && !drained_q) a_whole: assert (wstrb[0]);
      if (drained_q) a_cut: assert (!shown && !done && !(w_shown && wstrb[0]));
      if (draining_q) a_no_command: assert (!cmd_ready);
      if (idle) a_idle: assert (!awvalid && !wvalid && open_q == '0 && unissued_q == '0);
      a_error: assert (error == error_q);
      if (done) begin
        a_done: assert (commands_q != '0);
        // no younger command: all of it is acknowledged
        if (commands_q == CountBits'(1)) a_all_done: assert (unissued_q == '0 && open_q == '0);
      end
      a_prompt: assert (slow_q < 4'd6);
      a_w_prompt: assert (slow_w_q < 4'd6);
      if (burst_q && bursts_ahead_q == '0 && wvalid) begin
        a_last: assert (wlast == (beats_left_q == '0));
      end
      if (command_q && commands_ahead_q == '0 && done) begin
        a_tag: assert (done_tag[0] == tag_q);
      end
      if (word_q && words_ahead_q == '0 && w_shown && wstrb[0]) begin
        a_word: assert (wdata[0] == bit_q);
      end

      h_drain: assert (see_drain[0] == draining_q && see_answer[0] == answer_q);
      h_outstanding: assert (see_outstanding == 8'(open_q) + 8'(shown) &&
                             see_owners == see_outstanding);
      h_bounds: assert (32'(open_q) <= MaxOutstanding && aw_taken_q <= open_q &&
                        w_taken_q <= open_q && w_owed_q <= open_q &&
                        32'(words_q) <= FifoDepth + 1 && 8'(commands_q) <= 8'd4);
      h_aw: assert (open_q == aw_taken_q + CountBits'(aw_waited_q) + CountBits'(answer_q));
      h_w: assert (open_q == w_owed_q + w_taken_q + CountBits'(answer_q));
      h_owed: assert (8'(w_owed_q) + 8'(shown) ==
                      see_lengths + 8'(see_send[0]) + 8'(wvalid && wlast));
      h_unissued: assert (8'(unissued_q) == (see_busy[0] ? see_beats : '0) +
                                            (shown ? awlen + 8'd1 : '0));
      h_words: assert (8'(words_q) == see_level + 8'(w_shown && wstrb[0]));
      h_left: assert (!see_send[0] || see_left < 8'(BurstBeats));
      h_last: assert (!see_send[0] || see_ends[0] == (see_left == '0));
      if (!draining_q) begin
        h_claimed: assert (see_level == see_unclaimed + claimed);
        h_commands: assert (8'(commands_q) == 8'(see_busy[0]) + lasts + 8'(done));
      end
      if (see_answer[0]) h_owner: assert (see_owner[0]);
      h_plan: assert (see_plan[0] && (!see_busy[0] || see_beats != '0));
      h_fresh: assert (!fresh_q || open_q == '0);
      h_middle: assert (!wvalid || wlast || see_send[0]);
      h_young: assert (see_young_lengths == see_young_owners && see_young_owners[7:0] <= see_lengths);
      h_queued: assert (queued_well);
      if (burst_q) h_burst: assert (burst_there);
      if (command_q && !draining_q) begin
        h_command: assert (tag_there && commands_ahead_q < commands_q);
      end
      if (word_q && !draining_q) begin
        if (w_shown && wstrb[0] && words_ahead_q == '0) h_shown: assert (wdata[0] == bit_q);
        else h_word: assert (word_at < see_level && see_data[word_at] == bit_q);
      end

      c_longest: cover (done && command_q && commands_ahead_q == '0 && cmd_beats_i == '1);
      c_outstanding: cover (open_q == CountBits'(MaxOutstanding) && w_taken_q == open_q);
      c_cut: cover (cut_q && idle);
      c_after_abort: cover (was_aborted_q && done);
      c_error: cover (error);
      c_w_before_aw: cover (w_taken_q != '0 && aw_taken_q == '0);
    end
  end
endmodule

`default_nettype wire
