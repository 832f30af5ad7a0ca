// An AXI read master as a memory and its commander see it, with an abort and a reset at any time: an
// address that is shown stays; a burst has 1 to BurstBeats beats and stays within a multiple of its
// longest, hence within 4 KB; at most MaxOutstanding are under way; the bursts ask for what the
// commands do, each beat once and in order, and each is delivered so; nothing new is asked for or
// delivered after an abort until the memory has answered, nothing at all behind a reset; idle is idle.
//
// Taken for granted: the memory answers in order what it was asked for and counts beats right, R is
// silent otherwise but for answers to bursts of before a reset, which come before the first new
// burst; a command has a beat and does not reach behind the address space.
//
// One beat, any beat of any command, is followed: it must come from its address (anyconst), which
// the memory marks in its data.
//
// The h_ assertions say how the counters of this module and of the reader hang together: true like
// the others, they are what makes the induction short. For them the reader shows its state (see_*).
`default_nettype none

module reader_properties #(
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
  input wire logic                data_ready_i,
  input wire logic                abort_i,
  input wire logic                arready_i,
  input wire logic [1:0]          rresp_i,
  input wire logic                rvalid_i,
  input wire logic                rlast_i,
  input wire logic                mark_i,
  input wire logic [BeatBits-1:0] mark_beat_i
);
  localparam int unsigned CountBits = $clog2(MaxOutstanding + 2);
  localparam int unsigned LenBits = $clog2(BurstBeats) + 1;
  localparam int unsigned OwedBits = $clog2(FifoDepth + (1 << BeatBits)) + 1;

  (* anyconst *) logic [AddrBits-1:0] place;

  logic        cmd_ready, data_valid, data_last, idle, error, arvalid, rready;
  logic [63:0] data;
  logic [31:0] araddr;
  logic [7:0]  arlen;
  logic        rmark;
  logic [63:0] see_busy, see_drain, see_beat, see_plan, see_room, see_level, see_left;
  logic [63:0] see_roomy, see_planned, see_popped;
  logic [63:0] see_outstanding, see_addr, see_words, see_ring, see_hand;

  fb_axi_reader #(
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
    .data_valid_o (data_valid),
    .data_ready_i,
    .data_o       (data),
    .data_last_o  (data_last),
    .abort_i,
    .idle_o       (idle),
    .error_o      (error),
    .axi_araddr_o (araddr),
    .axi_arlen_o  (arlen),
    .axi_arvalid_o(arvalid),
    .axi_arready_i(arready_i),
    .axi_rdata_i  ({63'd0, rmark}),
    .axi_rresp_i  (rresp_i),
    .axi_rlast_i  (rlast_i),
    .axi_rvalid_i (rvalid_i),
    .axi_rready_o (rready),
    .see_busy_o       (see_busy),
    .see_drain_o      (see_drain),
    .see_beat_o       (see_beat),
    .see_plan_o       (see_plan),
    .see_room_o       (see_room),
    .see_roomy_o      (see_roomy),
    .see_planned_o    (see_planned),
    .see_popped_o     (see_popped),
    .see_level_o      (see_level),
    .see_left_o       (see_left),
    .see_outstanding_o(see_outstanding),
    .see_addr_o       (see_addr),
    .see_words_o      (see_words),
    .see_ring_o       (see_ring),
    .see_hand_o       (see_hand)
  );

  logic started_q = 1'b0;
  logic reset_q;
  logic accept, pop, shown, take, beat, done;

  // the memory: bursts taken and not answered, the oldest first
  logic [CountBits-1:0]                        asked_q;
  logic [MaxOutstanding-1:0][LenBits-1:0]      left_q, left;
  logic [MaxOutstanding-1:0][AddrBits-1:0]     at_q, at;
  logic                                        fresh_q;   // no burst since reset

  // the address channel
  logic        waited_q, abort_q, draining_q, drained_q;
  logic [31:0] araddr_q;
  logic [7:0]  arlen_q;
  logic [CountBits-1:0] open_q;
  logic        beat_q, last_q, bad_q, error_q;

  // commands' beats that no address has been shown for, that have not been delivered, that lie inside
  logic [OwedBits-1:0] unissued_q, owed_q, stored_q;
  logic [2:0]          slow_ar_q, slow_data_q;

  // the beat that is followed
  logic                followed_q, ends_q;
  logic [OwedBits-1:0] ahead_q;

  assign accept = cmd_valid_i && cmd_ready;
  assign pop = data_valid && data_ready_i;
  assign shown = arvalid && !waited_q;
  assign take = arvalid && arready_i;
  assign beat = rvalid_i && asked_q != '0;
  assign done = beat && rlast_i;
  assign rmark = at_q[0] == place;

  always_comb begin
    left = left_q;
    at = at_q;
    if (beat) begin
      left[0] = left_q[0] - 1'b1;
      at[0] = at_q[0] + 1'b1;
    end
    if (done) begin
      left = left >> LenBits;
      at = at >> AddrBits;
    end
    for (int unsigned k = 0; k < MaxOutstanding; k++) begin
      if (take && CountBits'(k) == asked_q - CountBits'(done)) begin
        left[k] = LenBits'(arlen) + 1'b1;
        at[k] = araddr[3+:AddrBits];
      end
    end
  end

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    reset_q <= !rst_ni;
    left_q <= left;
    at_q <= at;
    asked_q <= asked_q + CountBits'(take) - CountBits'(done);
    if (arvalid) fresh_q <= 1'b0;

    waited_q <= arvalid && !arready_i && rst_ni;
    araddr_q <= araddr;
    arlen_q <= arlen;
    beat_q <= beat;
    last_q <= rlast_i;
    bad_q <= beat && rresp_i != 2'b00;
    open_q <= open_q + CountBits'(shown) - CountBits'(beat_q && last_q);
    draining_q <= abort_i || (draining_q && (arvalid || beat_q || open_q != '0));
    drained_q <= draining_q;
    error_q <= bad_q && !draining_q;

    unissued_q <= unissued_q + (accept ? OwedBits'(cmd_beats_i) : '0)
                  - (shown ? OwedBits'(arlen) + 1'b1 : '0);
    owed_q <= owed_q + (accept ? OwedBits'(cmd_beats_i) : '0) - OwedBits'(pop);
    stored_q <= stored_q + OwedBits'(beat) - OwedBits'(pop);
    if (unissued_q != '0 && unissued_q == owed_q && !arvalid && asked_q == '0) begin
      slow_ar_q <= slow_ar_q + 3'd1;
    end else slow_ar_q <= '0;
    slow_data_q <= (stored_q != '0 && !data_valid) ? slow_data_q + 3'd1 : '0;

    if (followed_q) begin
      if (pop) ahead_q <= ahead_q - 1'b1;
      if (pop && ahead_q == '0) followed_q <= 1'b0;
    end else if (accept && mark_i) begin
      followed_q <= 1'b1;
      ahead_q <= owed_q - OwedBits'(pop) + OwedBits'(mark_beat_i);
      ends_q <= mark_beat_i == cmd_beats_i - 1'b1;
    end

    if (!rst_ni || draining_q) begin
      unissued_q <= '0;
      owed_q <= '0;
      stored_q <= '0;
      slow_ar_q <= '0;
      slow_data_q <= '0;
      followed_q <= 1'b0;
    end
    if (!rst_ni) begin
      asked_q <= '0;
      fresh_q <= 1'b1;
      open_q <= '0;
      beat_q <= 1'b0;
      bad_q <= 1'b0;
      error_q <= 1'b0;
      draining_q <= 1'b0;
      drained_q <= 1'b0;
    end
  end

  // what must be possible
  logic was_aborted_q, came_whole_q, came_split_q;
  always_ff @(posedge clk_i) begin
    if (abort_i && asked_q != '0) was_aborted_q <= 1'b1;
    if (!rst_ni) was_aborted_q <= 1'b0;
  end

  // beats that were asked for and have not come
  logic [7:0] coming;
  logic       left_well;
  always_comb begin
    coming = arvalid ? arlen + 8'd1 : '0;
    left_well = 1'b1;
    for (int unsigned k = 0; k < MaxOutstanding; k++) begin
      if (CountBits'(k) < asked_q) begin
        coming = coming + 8'(left_q[k]);
        if (left_q[k] == '0 || left_q[k] > LenBits'(BurstBeats)) left_well = 1'b0;
      end
    end
  end

  // Where the beat that is followed has to be, and whether it is there: in the queue, in the register
  // in front of it, in a burst that the memory answers, in one that is shown, in the command.
  localparam int unsigned IndexBits = $clog2(MaxOutstanding);
  logic [FifoDepth-1:0]      see_marks, see_lasts;
  logic [MaxOutstanding-1:0] see_ends;
  logic [IndexBits-1:0]      ends_rd, ends_wr, ends_at, ends_next;
  logic                      there, found;
  logic [7:0]                level, behind;
  assign {see_lasts, see_marks} = see_words[2*FifoDepth-1:0];
  assign {see_ends, ends_wr, ends_rd} = see_ring[MaxOutstanding+2*IndexBits-1:0];
  assign ends_next = ends_rd + see_outstanding[IndexBits-1:0];
  assign level = see_level[7:0];
  always_comb begin
    there = 1'b0;
    found = 1'b0;
    behind = 8'(ahead_q);
    ends_at = ends_rd;
    if (behind < level) begin
      found = 1'b1;
      there = see_marks[behind] && see_lasts[behind] == ends_q;
    end else behind = behind - level;
    if (!found && beat_q) begin
      if (behind == '0) begin
        found = 1'b1;
        there = see_hand[0] && (last_q && see_ends[ends_at]) == ends_q;
      end else behind = behind - 8'd1;
    end
    if (beat_q && last_q) ends_at = ends_at + 1'b1;
    for (int unsigned k = 0; k < MaxOutstanding; k++) begin
      if (CountBits'(k) < asked_q) begin
        if (!found && behind < 8'(left_q[k])) begin
          found = 1'b1;
          there = at_q[k] + AddrBits'(behind) == place &&
                  (behind + 8'd1 == 8'(left_q[k]) && see_ends[ends_at]) == ends_q;
        end else if (!found) behind = behind - 8'(left_q[k]);
        ends_at = ends_at + 1'b1;
      end
    end
    if (!found && arvalid) begin
      if (behind <= arlen) begin
        found = 1'b1;
        there = araddr[3+:AddrBits] + AddrBits'(behind) == place &&
                (behind == arlen && see_ends[ends_at]) == ends_q;
      end else behind = behind - arlen - 8'd1;
    end
    if (!found) begin
      there = see_busy[0] && behind < see_left[7:0] && (behind + 8'd1 == see_left[7:0]) == ends_q &&
              see_addr[AddrBits-1:0] + AddrBits'(behind) == place;
    end
  end

  always_comb begin
    if (!started_q) assume (!rst_ni);
    if (rvalid_i && asked_q == '0) assume (fresh_q && !arvalid);
    if (beat) assume (rlast_i == (left_q[0] == LenBits'(1)));
    assume (cmd_beats_i != '0);
    assume ((AddrBits+1)'(cmd_addr_i) + (AddrBits+1)'(cmd_beats_i) <= (AddrBits+1)'(1 << AddrBits));
    if (accept && mark_i) begin
      assume (mark_beat_i < cmd_beats_i && cmd_addr_i + AddrBits'(mark_beat_i) == place);
    end
    if (started_q && reset_q) a_reset: assert (!arvalid && !data_valid && !error);
    if (started_q && rst_ni) begin
      if (waited_q) a_ar_stays: assert (arvalid && araddr == araddr_q && arlen == arlen_q);
      if (arvalid) begin
        a_burst: assert (arlen < 8'(BurstBeats) && araddr[2:0] == '0 &&
                         8'(araddr[3+:LenBits-1]) + arlen < 8'(BurstBeats));
      end
      a_r_taken: assert (rready);
      a_outstanding: assert (32'(asked_q) + 32'(arvalid) <= MaxOutstanding);
      if (shown) a_asked_for: assert (OwedBits'(arlen) < unissued_q);
      if (idle) a_idle: assert (!arvalid && asked_q == '0 && unissued_q == '0);
      if (draining_q) a_no_command: assert (!cmd_ready);
      if (drained_q) a_nothing_new: assert (!shown && !data_valid);
      a_error: assert (error == error_q);
      if (data_valid) a_none_invented: assert (stored_q != '0);
      if (data_valid && followed_q && ahead_q == '0) begin
        a_beat: assert (data[0] && data_last == ends_q);
      end
      a_ar_prompt: assert (slow_ar_q < 3'd4);
      a_data_prompt: assert (slow_data_q < 3'd4);

      h_drain: assert (see_drain[0] == draining_q && see_beat[0] == beat_q &&
                       (!beat_q || see_beat[1] == last_q));
      h_outstanding: assert (see_outstanding[7:0] == 8'(open_q) + 8'(shown));
      h_open: assert (open_q == asked_q + CountBits'(waited_q) + CountBits'(beat_q && last_q));
      h_bounds: assert (32'(open_q) <= MaxOutstanding && asked_q <= open_q && left_well);
      h_fresh: assert (!fresh_q || open_q == '0);
      h_unissued: assert (8'(unissued_q) == (see_busy[0] ? see_left[7:0] : '0) +
                                            (shown ? arlen + 8'd1 : '0));
      h_plan: assert (see_plan[0] && (!see_busy[0] || see_left[7:0] != '0));
      h_ends: assert (ends_wr == ends_next);
      if (followed_q && !draining_q) h_beat: assert (there);
      if (!draining_q) begin
        h_stored: assert (8'(stored_q) == see_level[7:0] + 8'(beat_q));
        h_room: assert (32'(see_room[7:0]) + 32'(see_popped[0]) + 32'(stored_q) + 32'(coming) ==
                        FifoDepth);
        // In the cycle after a burst it may be of before it, but there is no next one planned.
        h_roomy: assert (!see_roomy[0] || !see_planned[0] || 32'(see_room[7:0]) >= BurstBeats);
        h_owed: assert (8'(owed_q) == (see_busy[0] ? see_left[7:0] : '0) + coming + 8'(stored_q));
      end

      c_longest: cover (pop && ends_q && followed_q && ahead_q == OwedBits'(0) &&
                        owed_q == OwedBits'(1) && cmd_beats_i == '1);
      c_outstanding: cover (asked_q == CountBits'(MaxOutstanding));
      c_after_abort: cover (was_aborted_q && pop && data_last);
      c_error: cover (error);
      c_full: cover (stored_q == OwedBits'(FifoDepth));
    end
  end
endmodule

`default_nettype wire
