// AXI4-Lite as a slave must keep it: a response for each request and none without, each shown and
// unchanged until it is taken, one of each kind at a time, and nothing after reset. Each request
// reaches the registers once, as it was sent, and is answered after 4 cycles (a write) or 6 (a read).
// A register, any, returns what was written last: it is kept here beside the others, which are free.
// No bit of a word meets another: two of them stand for all.
`default_nettype none

module axil_properties (
  input wire logic        clk_i,
  input wire logic        rst_ni,
  input wire logic [1:0]  awaddr_i, araddr_i,
  input wire logic        awvalid_i, wvalid_i, bready_i, arvalid_i, rready_i,
  input wire logic [1:0]  wdata_i, other_i,
  input wire logic [3:0]  wstrb_i,
  input wire logic        wr_error_i, rd_error_i
);
  logic        awready, wready, bvalid, arready, rvalid, wr_en, rd_en;
  logic [1:0]  bresp, rresp;
  logic [31:0] rdata, wr_data;
  logic [1:0]  wr_addr, rd_addr;
  logic [3:0]  wr_strb;
  logic [1:0]  rd_data;

  fb_axil #(
    .AddrBits(2)
  ) dut (
    .clk_i,
    .rst_ni,
    .axil_awaddr_i (awaddr_i),
    .axil_awvalid_i(awvalid_i),
    .axil_awready_o(awready),
    .axil_wdata_i  (32'(wdata_i)),
    .axil_wstrb_i  (wstrb_i),
    .axil_wvalid_i (wvalid_i),
    .axil_wready_o (wready),
    .axil_bresp_o  (bresp),
    .axil_bvalid_o (bvalid),
    .axil_bready_i (bready_i),
    .axil_araddr_i (araddr_i),
    .axil_arvalid_i(arvalid_i),
    .axil_arready_o(arready),
    .axil_rdata_o  (rdata),
    .axil_rresp_o  (rresp),
    .axil_rvalid_o (rvalid),
    .axil_rready_i (rready_i),
    .wr_en_o       (wr_en),
    .wr_addr_o     (wr_addr),
    .wr_data_o     (wr_data),
    .wr_strb_o     (wr_strb),
    .wr_error_i,
    .rd_en_o       (rd_en),
    .rd_addr_o     (rd_addr),
    .rd_data_i     (32'(rd_data)),
    .rd_error_i
  );

  logic        started_q = 1'b0;
  logic        reset_q, b_waited_q, r_waited_q;
  logic        have_aw_q, have_w_q, have_ar_q;
  logic [1:0]  bresp_q, rresp_q;
  logic [1:0]  rdata_q;

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    reset_q <= !rst_ni;
    b_waited_q <= bvalid && !bready_i && rst_ni;
    r_waited_q <= rvalid && !rready_i && rst_ni;
    bresp_q <= bresp;
    rresp_q <= rresp;
    rdata_q <= rdata[1:0];
    if (awvalid_i && awready) have_aw_q <= 1'b1;
    if (wvalid_i && wready) have_w_q <= 1'b1;
    if (arvalid_i && arready) have_ar_q <= 1'b1;
    if (bvalid && bready_i) {have_aw_q, have_w_q} <= '0;
    if (rvalid && rready_i) have_ar_q <= 1'b0;
    if (!rst_ni) {have_aw_q, have_w_q, have_ar_q} <= '0;
  end

  // What was sent, and how long ago.
  logic [1:0]  awaddr_q, araddr_q;
  logic [3:0]  wstrb_q;
  logic [1:0]  wdata_q;
  logic [2:0]  write_age_q, read_age_q;
  logic        wrote_q, read_q;   // the registers have seen it
  logic        aw_take, w_take, ar_take;
  assign aw_take = awvalid_i && awready;
  assign w_take = wvalid_i && wready;
  assign ar_take = arvalid_i && arready;

  always_ff @(posedge clk_i) begin
    if (aw_take) awaddr_q <= awaddr_i;
    if (w_take) {wdata_q, wstrb_q} <= {wdata_i, wstrb_i};
    if (ar_take) araddr_q <= araddr_i;
    if (have_aw_q && have_w_q && write_age_q != '1) write_age_q <= write_age_q + 3'd1;
    if (!have_aw_q || !have_w_q || (bvalid && bready_i)) write_age_q <= '0;
    if (have_ar_q && read_age_q != '1) read_age_q <= read_age_q + 3'd1;
    if (!have_ar_q || (rvalid && rready_i)) read_age_q <= '0;
    if (wr_en) wrote_q <= 1'b1;
    if (bvalid && bready_i) wrote_q <= 1'b0;
    if (rd_en) read_q <= 1'b1;
    if (rvalid && rready_i) read_q <= 1'b0;
    if (!rst_ni) {write_age_q, read_age_q, wrote_q, read_q} <= '0;
  end

  // The register: kept as registers are, its value 3 cycles after the read; what the master has
  // written of it and knows to be there.
  (* anyconst *) logic [1:0] place;
  logic [1:0]       register_q, known_q;
  logic [2:0][1:0]  answers_q;
  logic [2:0]       of_place_q;
  logic             is_known_q, told_q;
  assign rd_data = of_place_q[2] ? answers_q[2] : other_i;

  always_ff @(posedge clk_i) begin
    if (wr_en && wr_addr == place) register_q <= wr_data[1:0];
    answers_q <= {answers_q[1:0], register_q};
    of_place_q <= {of_place_q[1:0], rd_en && rd_addr == place};
    if (bvalid && bready_i && awaddr_q == place) begin
      known_q <= wdata_q;
      is_known_q <= 1'b1;
    end
    // from a write's first sign to its answer it may be either
    if ((aw_take && awaddr_i == place) || (have_aw_q && awaddr_q == place)) begin
      told_q <= 1'b0;
      if (!(bvalid && bready_i)) is_known_q <= 1'b0;
    end else if (ar_take) told_q <= is_known_q && araddr_i == place;
    if (!rst_ni) {is_known_q, told_q, of_place_q} <= '0;
  end

  always_comb begin
    if (!started_q) assume (!rst_ni);
    if (started_q) begin
      a_one_write: assert (awready == !have_aw_q && wready == !have_w_q);
      a_one_read: assert (arready == !have_ar_q);
      a_answer_to_write: assert (!bvalid || (have_aw_q && have_w_q));
      a_answer_to_read: assert (!rvalid || have_ar_q);
      if (b_waited_q) a_b_stays: assert (bvalid && bresp == bresp_q);
      if (r_waited_q) a_r_stays: assert (rvalid && rresp == rresp_q && rdata[1:0] == rdata_q);
      if (reset_q) a_reset: assert (!bvalid && !rvalid && !wr_en && !rd_en);
      if (wr_en) begin
        a_write: assert (have_aw_q && have_w_q && !wrote_q && wr_addr == awaddr_q &&
                         wr_data[1:0] == wdata_q && wr_strb == wstrb_q);
      end
      if (rd_en) a_read: assert (have_ar_q && !read_q);
      // while a read is open: registers are multiplexed in several cycles
      if (have_ar_q) a_read_place: assert (rd_addr == araddr_q);
      a_written: assert (bvalid == (write_age_q >= 3'd3) && (!bvalid || wrote_q));
      a_read_answered: assert (rvalid == (read_age_q >= 3'd4) && (!rvalid || read_q));
      if (rvalid && told_q) a_register: assert (rdata[1:0] == known_q);

      c_both: cover (bvalid && rvalid);
      c_read_back: cover (rvalid && told_q && rdata == 32'd2);
      c_again: cover (bvalid && is_known_q && have_ar_q);
    end
  end
endmodule

`default_nettype wire
