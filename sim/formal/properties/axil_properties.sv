// AXI4-Lite as a slave must keep it: a response for each request and none without, each shown and
// unchanged until it is taken, one of each kind at a time, and nothing after reset.
`default_nettype none

module axil_properties (
  input wire logic        clk_i,
  input wire logic        rst_ni,
  input wire logic [3:0]  awaddr_i, araddr_i,
  input wire logic        awvalid_i, wvalid_i, bready_i, arvalid_i, rready_i,
  input wire logic [31:0] wdata_i, rd_data_i,
  input wire logic [3:0]  wstrb_i,
  input wire logic        wr_error_i, rd_error_i
);
  logic        awready, wready, bvalid, arready, rvalid, wr_en, rd_en;
  logic [1:0]  bresp, rresp;
  logic [31:0] rdata, wr_data;
  logic [3:0]  wr_addr, rd_addr, wr_strb;

  fb_axil #(
    .AddrBits(4)
  ) dut (
    .clk_i,
    .rst_ni,
    .axil_awaddr_i (awaddr_i),
    .axil_awvalid_i(awvalid_i),
    .axil_awready_o(awready),
    .axil_wdata_i  (wdata_i),
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
    .rd_data_i,
    .rd_error_i
  );

  logic        started_q = 1'b0;
  logic        reset_q, b_waited_q, r_waited_q;
  logic        have_aw_q, have_w_q, have_ar_q;
  logic [1:0]  bresp_q, rresp_q;
  logic [31:0] rdata_q;

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    reset_q <= !rst_ni;
    b_waited_q <= bvalid && !bready_i && rst_ni;
    r_waited_q <= rvalid && !rready_i && rst_ni;
    bresp_q <= bresp;
    rresp_q <= rresp;
    rdata_q <= rdata;
    if (awvalid_i && awready) have_aw_q <= 1'b1;
    if (wvalid_i && wready) have_w_q <= 1'b1;
    if (arvalid_i && arready) have_ar_q <= 1'b1;
    if (bvalid && bready_i) {have_aw_q, have_w_q} <= '0;
    if (rvalid && rready_i) have_ar_q <= 1'b0;
    if (!rst_ni) {have_aw_q, have_w_q, have_ar_q} <= '0;
  end

  always_comb begin
    if (!started_q) assume (!rst_ni);
    if (started_q) begin
      a_one_write: assert (awready == !have_aw_q && wready == !have_w_q);
      a_one_read: assert (arready == !have_ar_q);
      a_answer_to_write: assert (!bvalid || (have_aw_q && have_w_q));
      a_answer_to_read: assert (!rvalid || have_ar_q);
      if (b_waited_q) a_b_stays: assert (bvalid && bresp == bresp_q);
      if (r_waited_q) a_r_stays: assert (rvalid && rresp == rresp_q && rdata == rdata_q);
      if (reset_q) a_reset: assert (!bvalid && !rvalid && !wr_en && !rd_en);
    end
  end
endmodule

`default_nettype wire
