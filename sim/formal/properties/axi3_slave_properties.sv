// The general-purpose port's slave as the processor and the windows behind it see it, with a reset
// at any time. Towards the processor: one B for each burst, after its last beat, with its ID and the
// worst of its answers; as many R beats as asked for, RLAST in place, with the burst's ID; what is
// shown stays; nothing is behind a reset. Towards the windows: one access at a time, to the window
// that holds the address, with the address of the beat, reads and whole writes only, what is shown
// stays. Every beat is answered in a bounded number of cycles, those not counted in which a window
// or the processor is waited for.
//
// Taken for granted: the processor keeps what it shows (W beats may break every other rule); bursts
// that wrap have 2, 4, 8 or 16 beats; a window answers what it has taken, once. Addresses have
// AddrBits bits that are free, of which the uppermost one or two choose the window.
//
// The h_ assertions say what the slave has come to in each of its states: true like the others, they
// make the induction close. For them the slave shows its state (see_*).
`default_nettype none

module axi3_slave_properties #(
  parameter int unsigned AddrBits = 8
) (
  input wire logic                clk_i,
  input wire logic                rst_ni,
  input wire logic [1:0]          awid_i, wid_i, arid_i,
  input wire logic [AddrBits-1:0] awaddr_i, araddr_i,
  input wire logic [3:0]          awlen_i, arlen_i, wstrb_i,
  input wire logic [1:0]          awsize_i, awburst_i, arsize_i, arburst_i,
  input wire logic                awvalid_i, wvalid_i, wlast_i, bready_i, arvalid_i, rready_i,
  input wire logic                wdata_i,
  input wire logic [1:0]          lite_awready_i, lite_wready_i, lite_bvalid_i,
  input wire logic [1:0]          lite_arready_i, lite_rvalid_i,
  input wire logic [1:0][1:0]     lite_bresp_i, lite_rresp_i,
  input wire logic [1:0]          lite_rdata_i
);
  localparam int unsigned Window = AddrBits - 2;  // bits of an address inside window 0
  localparam logic [31:0] Base0 = 32'd0, Base1 = 32'd1 << (AddrBits - 1);
  localparam logic [31:0] Mask0 = 32'hffff_ffff << Window;
  localparam logic [31:0] Mask1 = 32'hffff_ffff << (AddrBits - 1);

  logic        awready, wready, bvalid, arready, rvalid, rlast;
  logic [1:0]  bid, bresp, rid, rresp;
  logic [31:0] rdata, lite_awaddr, lite_wdata, lite_araddr;
  logic [3:0]  lite_wstrb;
  logic [1:0]  lite_awvalid, lite_wvalid, lite_bready, lite_arvalid, lite_rready;

  logic [63:0] see_wr_state, see_wr_left, see_wr_kept, see_wr_addr, see_wr_hit, see_wr_beat;
  logic [63:0] see_wr_wrong;
  logic [63:0] see_wr_resp, see_rd_state, see_rd_left, see_rd_kept, see_rd_addr, see_rd_hit;

  fb_axi3_slave #(
    .IdBits (2),
    .Windows(2),
    .Bases  ({Base1, Base0}),
    .Masks  ({Mask1, Mask0})
  ) dut (
    .clk_i,
    .rst_ni,
    .axi_awid_i   (awid_i),
    .axi_awaddr_i (32'(awaddr_i)),
    .axi_awlen_i  (awlen_i),
    .axi_awsize_i (awsize_i),
    .axi_awburst_i(awburst_i),
    .axi_awvalid_i(awvalid_i),
    .axi_awready_o(awready),
    .axi_wid_i    (wid_i),
    .axi_wdata_i  ({31'd0, wdata_i}),
    .axi_wstrb_i  (wstrb_i),
    .axi_wlast_i  (wlast_i),
    .axi_wvalid_i (wvalid_i),
    .axi_wready_o (wready),
    .axi_bid_o    (bid),
    .axi_bresp_o  (bresp),
    .axi_bvalid_o (bvalid),
    .axi_bready_i (bready_i),
    .axi_arid_i   (arid_i),
    .axi_araddr_i (32'(araddr_i)),
    .axi_arlen_i  (arlen_i),
    .axi_arsize_i (arsize_i),
    .axi_arburst_i(arburst_i),
    .axi_arvalid_i(arvalid_i),
    .axi_arready_o(arready),
    .axi_rid_o    (rid),
    .axi_rdata_o  (rdata),
    .axi_rresp_o  (rresp),
    .axi_rlast_o  (rlast),
    .axi_rvalid_o (rvalid),
    .axi_rready_i (rready_i),
    .lite_awaddr_o (lite_awaddr),
    .lite_awvalid_o(lite_awvalid),
    .lite_awready_i,
    .lite_wdata_o  (lite_wdata),
    .lite_wstrb_o  (lite_wstrb),
    .lite_wvalid_o (lite_wvalid),
    .lite_wready_i,
    .lite_bresp_i,
    .lite_bvalid_i,
    .lite_bready_o (lite_bready),
    .lite_araddr_o (lite_araddr),
    .lite_arvalid_o(lite_arvalid),
    .lite_arready_i,
    .lite_rdata_i  ({31'd0, lite_rdata_i[1], 31'd0, lite_rdata_i[0]}),
    .lite_rresp_i,
    .lite_rvalid_i,
    .lite_rready_o (lite_rready),
    .see_wr_state_o(see_wr_state),
    .see_wr_left_o(see_wr_left),
    .see_wr_kept_o(see_wr_kept),
    .see_wr_addr_o(see_wr_addr),
    .see_wr_hit_o(see_wr_hit),
    .see_wr_beat_o(see_wr_beat),
    .see_wr_wrong_o(see_wr_wrong),
    .see_wr_resp_o(see_wr_resp),
    .see_rd_state_o(see_rd_state),
    .see_rd_left_o(see_rd_left),
    .see_rd_kept_o(see_rd_kept),
    .see_rd_addr_o(see_rd_addr),
    .see_rd_hit_o(see_rd_hit)
  );

  // The address of beat number `beat` from the AXI specification's formulas, as it is and of its word.
  function automatic logic [AddrBits:0] whole_address(
    logic [AddrBits-1:0] start, logic [3:0] beat, logic [3:0] len, logic [1:0] size,
    logic [1:0] burst
  );
    logic [AddrBits:0] aligned, moved, total;
    aligned = ({1'b0, start} >> size) << size;
    moved = aligned + ((AddrBits+1)'(beat) << size);
    total = (((AddrBits+1)'(len) + (AddrBits+1)'(1)) << size) - (AddrBits+1)'(1);  // less one: a mask
    if (beat == '0 || burst == 2'd0) whole_address = {1'b0, start};
    else if (burst == 2'd1) whole_address = moved;
    else whole_address = (aligned & ~total) | (moved & total);
  endfunction

  function automatic logic [AddrBits:0] beat_address(
    logic [AddrBits-1:0] start, logic [3:0] beat, logic [3:0] len, logic [1:0] size,
    logic [1:0] burst
  );
    beat_address = whole_address(start, beat, len, size, burst);
    beat_address[1:0] = '0;
  endfunction

  function automatic logic [1:0] window(logic [31:0] addr);
    window = {(addr & Mask1) == Base1, (addr & Mask0) == Base0};
  endfunction

  logic started_q = 1'b0;
  logic reset_q;

  // -------------------------------------------------------------------------------------- writes
  logic                w_open_q, w_whole_q;       // a burst is taken; its beats are, too
  logic [1:0]          w_id_q, w_size_q, w_burst_q;
  logic [AddrBits-1:0] w_start_q;
  logic [3:0]          w_len_q, w_beat_q;
  logic                w_access_q;                // the beat that is served has gone to a window
  logic                w_ask_q;                   // it should
  logic [1:0]          w_hit_q;
  logic                w_serving_q;               // a beat is taken and not finished
  logic                w_bit_q;
  logic [1:0]          w_answers_q;               // OR of the answers, DECERR over all
  logic                w_decode_q;
  logic [1:0]          lite_aw_owed_q, lite_w_owed_q;   // taken by a window, not answered
  logic [1:0]          lite_b;
  logic [3:0]          w_slow_q;
  logic                b_waited_q, aw_waited_q, w_waited_q;
  logic [1:0]          bid_q, bresp_q, lite_aw_waited_q, lite_w_waited_q;
  logic [AddrBits+14:0] aw_q;
  logic [7:0]          w_q;
  logic [36:0]         lite_w_q;
  logic [31:0]         lite_awaddr_q;
  logic [AddrBits:0]   w_place;
  logic                aw_take, w_take, w_wait;

  assign aw_take = awvalid_i && awready;
  assign w_take = wvalid_i && wready;
  assign lite_b = lite_bvalid_i & lite_bready;
  assign w_place = beat_address(w_start_q, w_beat_q, w_len_q, w_size_q, w_burst_q);
  // waiting for the processor or for a window
  assign w_wait = (wready && !wvalid_i) || (bvalid && !bready_i) ||
                  |(lite_awvalid & ~lite_awready_i) || |(lite_wvalid & ~lite_wready_i) ||
                  (|lite_bready && !(|lite_b));

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    reset_q <= !rst_ni;
    b_waited_q <= bvalid && !bready_i && rst_ni;
    aw_waited_q <= awvalid_i && !awready && rst_ni;
    w_waited_q <= wvalid_i && !wready && rst_ni;
    lite_aw_waited_q <= rst_ni ? (lite_awvalid & ~lite_awready_i) : '0;
    lite_w_waited_q <= rst_ni ? (lite_wvalid & ~lite_wready_i) : '0;
    bid_q <= bid;
    bresp_q <= bresp;
    aw_q <= {awid_i, awaddr_i, awlen_i, awsize_i, awburst_i};
    w_q <= {wid_i, wstrb_i, wlast_i, wdata_i};
    lite_w_q <= {lite_wdata, lite_wstrb};
    lite_awaddr_q <= lite_awaddr;
    w_slow_q <= (w_open_q && !w_wait && !w_take) ? w_slow_q + 4'd1 : '0;
    lite_aw_owed_q <= (lite_aw_owed_q | (lite_awvalid & lite_awready_i)) & ~lite_b;
    lite_w_owed_q <= (lite_w_owed_q | (lite_wvalid & lite_wready_i)) & ~lite_b;
    if (aw_take) begin
      w_open_q <= 1'b1;
      w_whole_q <= 1'b0;
      w_id_q <= awid_i;
      w_start_q <= awaddr_i;
      w_len_q <= awlen_i;
      w_size_q <= awsize_i;
      w_burst_q <= awburst_i;
      w_beat_q <= '0;
      w_answers_q <= '0;
      w_serving_q <= 1'b0;
    end
    if (w_take) begin
      w_whole_q <= (w_serving_q ? w_beat_q + 4'd1 : w_beat_q) == w_len_q;
      if (w_serving_q) w_beat_q <= w_beat_q + 4'd1;
      w_serving_q <= 1'b1;
      w_access_q <= 1'b0;
      w_bit_q <= wdata_i;
    end
    // one cycle later its address and rules are known
    if (|lite_awvalid || |lite_wvalid) w_access_q <= 1'b1;
    if (|lite_b) w_answers_q <= w_answers_q | (lite_b[0] ? lite_bresp_i[0] : lite_bresp_i[1]);
    if (bvalid && bready_i) w_open_q <= 1'b0;
    if (!rst_ni) begin
      {w_open_q, w_serving_q, w_whole_q} <= '0;
      {lite_aw_owed_q, lite_w_owed_q} <= '0;
      w_slow_q <= '0;
    end
  end

  // what each taken beat must come to: to a window, or an error
  logic [AddrBits:0]   w_now;
  logic [1:0]          w_now_hit;
  logic                w_now_wrong, w_beat_error_q;
  logic [3:0]          w_number;
  assign w_number = w_serving_q ? w_beat_q + 4'd1 : w_beat_q;
  assign w_now = beat_address(w_start_q, w_number, w_len_q, w_size_q, w_burst_q);
  assign w_now_hit = window(32'(w_now));
  assign w_now_wrong = wid_i != w_id_q || wlast_i != (w_number == w_len_q) || w_burst_q == 2'd3 ||
                       w_size_q == 2'd3 || (wstrb_i != '0 && wstrb_i != '1);
  always_ff @(posedge clk_i) begin
    if (w_take) begin
      w_hit_q <= w_now_hit;
      w_ask_q <= w_now_hit != '0 && !w_now_wrong && wstrb_i == '1;
      if (w_now_hit == '0) w_decode_q <= 1'b1;
      if (w_now_hit != '0 && w_now_wrong) w_beat_error_q <= 1'b1;
    end
    if (aw_take) {w_decode_q, w_beat_error_q} <= '0;
  end

  // for helping assertions: what the beat that is served has of its own, and what was before it
  logic       w_ruled_q, w_decoded_q, w_erred_q;
  logic [1:0] w_before_q;
  logic [3:0] w_strb_q;
  always_ff @(posedge clk_i) begin
    if (w_take) begin
      w_ruled_q <= wid_i != w_id_q || wlast_i != (w_number == w_len_q) || w_burst_q == 2'd3 ||
                   w_size_q == 2'd3;
      w_strb_q <= wstrb_i;
      {w_decoded_q, w_erred_q, w_before_q} <= {w_decode_q, w_beat_error_q, w_answers_q};
    end
  end

  // --------------------------------------------------------------------------------------- reads
  logic                r_open_q;
  logic [1:0]          r_id_q, r_size_q, r_burst_q;
  logic [AddrBits-1:0] r_start_q;
  logic [AddrBits:0]   r_place;
  logic [3:0]          r_len_q, r_beat_q, r_slow_q;
  logic [1:0]          lite_ar_owed_q, lite_r, r_hit;
  logic                r_answered_q, r_bit_q;     // a window answered for this beat
  logic [1:0]          r_resp_q;
  logic                r_waited_q, ar_waited_q, ar_take, r_wait;
  logic [5:0]          r_q;
  logic [AddrBits+14:0] ar_q;
  logic [1:0]          lite_ar_waited_q;
  logic [31:0]         lite_araddr_q;

  assign ar_take = arvalid_i && arready;
  assign lite_r = lite_rvalid_i & lite_rready;
  assign r_place = beat_address(r_start_q, r_beat_q, r_len_q, r_size_q, r_burst_q);
  assign r_hit = window(32'(r_place));
  assign r_wait = (rvalid && !rready_i) || |(lite_arvalid & ~lite_arready_i) ||
                  (|lite_rready && !(|lite_r));

  always_ff @(posedge clk_i) begin
    r_waited_q <= rvalid && !rready_i && rst_ni;
    ar_waited_q <= arvalid_i && !arready && rst_ni;
    lite_ar_waited_q <= rst_ni ? (lite_arvalid & ~lite_arready_i) : '0;
    r_q <= {rid, rresp, rlast, rdata[0]};
    ar_q <= {arid_i, araddr_i, arlen_i, arsize_i, arburst_i};
    lite_araddr_q <= lite_araddr;
    lite_ar_owed_q <= (lite_ar_owed_q | (lite_arvalid & lite_arready_i)) & ~lite_r;
    r_slow_q <= (r_open_q && !r_wait && !rvalid) ? r_slow_q + 4'd1 : '0;
    if (ar_take) begin
      r_open_q <= 1'b1;
      r_id_q <= arid_i;
      r_start_q <= araddr_i;
      r_len_q <= arlen_i;
      r_size_q <= arsize_i;
      r_burst_q <= arburst_i;
      r_beat_q <= '0;
      r_answered_q <= 1'b0;
    end
    if (|lite_r) begin
      r_answered_q <= 1'b1;
      r_bit_q <= lite_r[0] ? lite_rdata_i[0] : lite_rdata_i[1];
      r_resp_q <= lite_r[0] ? lite_rresp_i[0] : lite_rresp_i[1];
    end
    if (rvalid && rready_i) begin
      r_beat_q <= r_beat_q + 4'd1;
      r_answered_q <= 1'b0;
      if (r_beat_q == r_len_q) r_open_q <= 1'b0;
    end
    if (!rst_ni) begin
      r_open_q <= 1'b0;
      lite_ar_owed_q <= '0;
      r_slow_q <= '0;
    end
  end

  function automatic logic wraps_well(logic [3:0] len, logic [1:0] burst);
    wraps_well = burst != 2'd2 || len == 4'd1 || len == 4'd3 || len == 4'd7 || len == 4'd15;
  endfunction

  // Of bursts that AXI3 does not have the addresses are nobody's: each beat is an error, which one
  // is open.
  logic w_unknown, r_unknown;
  assign w_unknown = w_burst_q == 2'd3 || w_size_q == 2'd3;
  assign r_unknown = r_burst_q == 2'd3 || r_size_q == 2'd3;

  // What the slave has to have come to, by its state. One window at most is hit; an access is on its
  // way to it or is owed by it.
  localparam logic [2:0] WrData = 3'd2, WrCheck = 3'd3, WrAccess = 3'd4, WrAnswer = 3'd5,
                         WrStep = 3'd6, WrResponse = 3'd7;
  localparam logic [2:0] RdDecode = 3'd2, RdAccess = 3'd3, RdAnswer = 3'd4, RdData = 3'd5;
  logic [2:0] wr_state, rd_state;
  logic [3:0] wr_left, rd_left;
  logic [1:0] wr_hit, rd_hit, wr_resp;
  logic       w_serves, w_partial;
  logic [AddrBits:0] w_whole_address, r_whole_address;
  assign wr_state = see_wr_state[2:0];
  assign rd_state = see_rd_state[2:0];
  assign wr_left = see_wr_left[3:0];
  assign rd_left = see_rd_left[3:0];
  assign wr_hit = see_wr_hit[1:0];
  assign rd_hit = see_rd_hit[1:0];
  assign wr_resp = see_wr_resp[1:0];
  assign w_serves = wr_state >= WrCheck && wr_state != WrResponse;
  assign w_partial = w_strb_q != '0 && w_strb_q != '1;
  assign w_whole_address = whole_address(w_start_q, (wr_state == WrData) ? w_number : w_beat_q,
                                         w_len_q, w_size_q, w_burst_q);
  assign r_whole_address = whole_address(r_start_q, r_beat_q, r_len_q, r_size_q, r_burst_q);

  function automatic logic [1:0] worst(logic decode, logic erred, logic [1:0] answers);
    worst = decode ? 2'd3 : (answers | {erred, 1'b0});
  endfunction

  always_comb begin
    if (started_q && rst_ni) begin
      h_w_open: assert (w_open_q == (wr_state >= WrData));
      if (w_open_q) begin
        h_w_kept: assert (see_wr_kept[9:0] == {w_id_q, w_len_q, w_size_q, w_burst_q} &&
                          wraps_well(w_len_q, w_burst_q));
      end
      if (wr_state == WrData) begin
        h_w_next: assert (wr_left == w_len_q - w_number && w_number <= w_len_q && !w_whole_q &&
                          (w_serving_q ? w_beat_q < w_len_q : w_beat_q == '0));
      end
      if (w_serves) begin
        h_w_serves: assert (w_serving_q && w_beat_q <= w_len_q && wr_left == w_len_q - w_beat_q &&
                            w_whole_q == (wr_left == '0));
        h_w_beat: assert (lite_wstrb == w_strb_q && lite_wdata == {31'd0, w_bit_q} &&
                          w_ask_q == (w_hit_q != '0 && !w_ruled_q && w_strb_q == '1) &&
                          w_decode_q == (w_decoded_q || w_hit_q == '0) && (!w_unknown || w_ruled_q) &&
                          w_beat_error_q == (w_erred_q || (w_hit_q != '0 && (w_ruled_q || w_partial))));
        if (!w_unknown) h_w_hit: assert (w_hit_q == window(32'(w_place)));
      end
      if (wr_state == WrResponse) h_w_ends: assert (w_serving_q && w_whole_q);
      if ((wr_state == WrData || w_serves) && !w_unknown) begin
        h_w_address: assert (see_wr_addr[31:0] == 32'(w_whole_address));
      end
      if (w_serves && wr_state != WrCheck) begin
        h_w_window: assert (wr_hit != 2'b11 && (w_unknown || wr_hit == w_hit_q));
      end
      if (wr_state == WrCheck) begin
        h_w_rules: assert (w_ruled_q == (see_wr_beat[2:1] != w_id_q ||
                                         see_wr_beat[0] != (wr_left == '0) || w_unknown));
      end
      if (wr_state == WrAccess) h_w_ruled: assert (see_wr_wrong[0] == w_ruled_q);
      if (wr_state == WrAnswer) begin
        h_w_asked: assert (w_ask_q && !w_unknown && (lite_awvalid ^ lite_aw_owed_q) == wr_hit &&
                           (lite_awvalid & lite_aw_owed_q) == '0 &&
                           (lite_wvalid ^ lite_w_owed_q) == wr_hit &&
                           (lite_wvalid & lite_w_owed_q) == '0);
      end else begin
        h_w_silent: assert ({lite_awvalid, lite_wvalid, lite_aw_owed_q, lite_w_owed_q} == '0);
      end
      // what the beats before have come to, then with the one that is served
      if (w_serves && wr_state != WrStep) begin
        h_w_before: assert (w_answers_q == w_before_q);
        if (!w_unknown) begin
          h_w_resp: assert (wr_resp == worst(w_decoded_q, w_erred_q, w_before_q));
        end
      end else if (w_open_q && !w_unknown) begin
        h_w_worst: assert (wr_resp == worst(w_decode_q, w_beat_error_q, w_answers_q));
      end else if (w_open_q && w_serving_q) begin
        h_w_unknown: assert (wr_resp[1]);
      end
      if (wr_state == WrData && !w_serving_q) begin
        h_w_none: assert ({w_decode_q, w_beat_error_q, w_answers_q, wr_resp} == '0);
      end

      h_r_open: assert (r_open_q == (rd_state >= RdDecode) && rd_state <= RdData);
      if (r_open_q) begin
        h_r_kept: assert (see_rd_kept[9:0] == {r_id_q, r_len_q, r_size_q, r_burst_q} &&
                          wraps_well(r_len_q, r_burst_q) && r_beat_q <= r_len_q &&
                          rd_left == r_len_q - r_beat_q);
        if (!r_unknown) h_r_address: assert (see_rd_addr[31:0] == 32'(r_whole_address));
        if (rd_state != RdDecode) begin
          h_r_window: assert (rd_hit != 2'b11 && (r_unknown || rd_hit == r_hit));
        end
        if (rd_state != RdData) h_r_fresh: assert (!r_answered_q);
      end
      if (rd_state == RdAnswer) begin
        h_r_asked: assert (!r_unknown && rd_hit != '0 && (lite_arvalid ^ lite_ar_owed_q) == rd_hit &&
                           (lite_arvalid & lite_ar_owed_q) == '0);
      end else begin
        h_r_silent: assert ({lite_arvalid, lite_ar_owed_q} == '0);
      end
      if (rd_state == RdData) begin
        if (r_answered_q) begin
          h_r_answer: assert (!r_unknown && rdata[0] == r_bit_q && rresp == r_resp_q);
        end else begin
          h_r_error: assert (rdata == '0 && rresp[1] &&
                             (r_unknown || (rresp == 2'd3 && rd_hit == '0)));
        end
      end
    end
  end

  always_comb begin
    if (!started_q) assume (!rst_ni);
    assume (wraps_well(awlen_i, awburst_i) && wraps_well(arlen_i, arburst_i));
    if (aw_waited_q) assume (awvalid_i && aw_q == {awid_i, awaddr_i, awlen_i, awsize_i, awburst_i});
    if (w_waited_q) assume (wvalid_i && w_q == {wid_i, wstrb_i, wlast_i, wdata_i});
    if (ar_waited_q) assume (arvalid_i && ar_q == {arid_i, araddr_i, arlen_i, arsize_i, arburst_i});
    assume ((lite_bvalid_i & ~(lite_aw_owed_q & lite_w_owed_q)) == '0);
    assume ((lite_rvalid_i & ~lite_ar_owed_q) == '0);
    if (started_q && reset_q) begin
      a_reset: assert (!bvalid && !rvalid && lite_awvalid == '0 && lite_wvalid == '0 &&
                       lite_arvalid == '0);
    end
    if (started_q && rst_ni) begin
      a_one_write: assert (!(awready && w_open_q));
      if (bvalid) a_b_last: assert (w_open_q && w_whole_q && lite_aw_owed_q == '0);
      if (bvalid) a_b_id: assert (bid == w_id_q);
      if (wready) a_w_in_burst: assert (w_open_q && !w_whole_q);
      if (b_waited_q) a_b_stays: assert (bvalid && bid == bid_q && bresp == bresp_q);
      a_write_to_one: assert (lite_awvalid != 2'b11 && lite_wvalid != 2'b11 &&
                              lite_bready != 2'b11);
      a_write_alone: assert (((lite_aw_owed_q | lite_w_owed_q) == '0) ||
                             ((lite_awvalid | lite_wvalid) & ~w_hit_q) == '0);
      if (lite_awvalid != '0) begin
        a_write_asked: assert (w_ask_q && lite_awvalid == w_hit_q && lite_wstrb == '1);
      end
      if (lite_aw_waited_q != '0) begin
        a_lite_aw_stays: assert (lite_awvalid == lite_aw_waited_q && lite_awaddr == lite_awaddr_q);
      end
      if (lite_w_waited_q != '0) begin
        a_lite_w_stays: assert (lite_wvalid == lite_w_waited_q &&
                                {lite_wdata, lite_wstrb} == lite_w_q);
      end
      a_write_prompt: assert (w_slow_q < 4'd8);

      a_one_read: assert (!(arready && r_open_q));
      if (rvalid) begin
        a_r: assert (r_open_q && rid == r_id_q && rlast == (r_beat_q == r_len_q) &&
                     lite_ar_owed_q == '0);
      end
      if (r_waited_q) a_r_stays: assert (rvalid && r_q == {rid, rresp, rlast, rdata[0]});
      a_read_alone: assert (lite_arvalid != 2'b11 && lite_rready != 2'b11 &&
                            (lite_arvalid == '0 || lite_ar_owed_q == '0) && !(rvalid && |lite_arvalid));
      if (lite_ar_waited_q != '0) begin
        a_lite_ar_stays: assert (lite_arvalid == lite_ar_waited_q && lite_araddr == lite_araddr_q);
      end
      a_read_prompt: assert (r_slow_q < 4'd8);

      if (lite_awvalid != '0) a_write_place: assert (lite_awaddr == 32'(w_place));
      if (lite_wvalid != '0) a_write_data: assert (lite_wdata == {31'd0, w_bit_q});
      if (bvalid && w_unknown) a_b_unknown: assert (bresp[1]);
      if (bvalid && !w_unknown && w_decode_q) a_b_decode: assert (bresp == 2'd3);
      if (bvalid && !w_unknown && !w_decode_q) begin
        a_b_worst: assert (bresp == (w_answers_q | {w_beat_error_q, 1'b0}));
      end
      if (lite_arvalid != '0) begin
        a_read_place: assert (lite_araddr == 32'(r_place) && lite_arvalid == r_hit);
      end
      if (rvalid && r_answered_q) a_r_data: assert (rdata[0] == r_bit_q && rresp == r_resp_q);
      if (rvalid && r_unknown) a_r_unknown: assert (!r_answered_q && rresp[1]);
      if (rvalid && !r_answered_q && !r_unknown) begin
        a_r_error: assert (rdata == '0 && rresp == 2'd3 && r_hit == '0);
      end

      c_write_burst: cover (bvalid && w_len_q == 4'd2 && bresp == '0 && w_access_q);
      c_write_error: cover (bvalid && bresp == 2'd2);
      c_read_burst: cover (rvalid && rlast && r_len_q == 4'd3 && r_answered_q);
      c_read_wraps: cover (rvalid && r_burst_q == 2'd2 && r_place < r_start_q && r_answered_q);
      c_nowhere: cover (rvalid && rresp == 2'd3);
      c_both: cover (lite_awvalid != '0 && lite_arvalid != '0);
    end
  end
endmodule

`default_nettype wire
