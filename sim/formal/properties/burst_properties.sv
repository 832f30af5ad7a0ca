// The addresses of an AXI master in the sizes that the chip has, whatever is asked of it, whatever the
// memory does, with an abort and a reset at any time: an address that is shown stays; a burst has 1
// to 16 beats of 8 bytes, as many as AXI3 has, and crosses no boundary of 4 KB; nothing is shown
// behind a reset. Taken for granted: a command has a beat.
//
// Writes chooses the master; its queue of data, of which nothing is said, is small. What becomes of the
// bursts is proven in small sizes, in reader_properties.sv and writer_properties.sv.
`default_nettype none

module burst_properties #(
  parameter bit          Writes         = 1'b0,
  parameter int unsigned MaxOutstanding = 8,
  parameter int unsigned FifoDepth      = 512
) (
  input wire logic        clk_i,
  input wire logic        rst_ni,
  input wire logic        cmd_valid_i,
  input wire logic [31:0] cmd_addr_i,
  input wire logic [23:0] cmd_beats_i,
  input wire logic        data_valid_i, data_ready_i, abort_i, ready_i, wready_i,
  input wire logic        valid_i, last_i
);
  localparam int unsigned BurstBeats = 16;

  logic        cmd_ready, valid;
  logic [31:0] addr;
  logic [7:0]  len;
  logic [63:0] see_busy, see_plan, see_left;

  if (Writes) begin : gen_writer
    fb_axi_writer #(
      .BurstBeats    (BurstBeats),
      .MaxOutstanding(MaxOutstanding),
      .FifoDepth     (FifoDepth)
    ) dut (
      .clk_i,
      .rst_ni,
      .cmd_valid_i,
      .cmd_ready_o  (cmd_ready),
      .cmd_addr_i,
      .cmd_beats_i,
      .cmd_tag_i    (4'd0),
      .data_valid_i,
      .data_i       (64'd0),
      .abort_i,
      .axi_awaddr_o (addr),
      .axi_awlen_o  (len),
      .axi_awvalid_o(valid),
      .axi_awready_i(ready_i),
      .axi_wready_i (wready_i),
      .axi_bresp_i  (2'd0),
      .axi_bvalid_i (valid_i),
      .see_busy_o   (see_busy),
      .see_plan_o   (see_plan),
      .see_beats_o  (see_left)
    );
  end else begin : gen_reader
    fb_axi_reader #(
      .BurstBeats    (BurstBeats),
      .MaxOutstanding(MaxOutstanding),
      .FifoDepth     (FifoDepth)
    ) dut (
      .clk_i,
      .rst_ni,
      .cmd_valid_i,
      .cmd_ready_o  (cmd_ready),
      .cmd_addr_i,
      .cmd_beats_i,
      .data_ready_i,
      .abort_i,
      .axi_araddr_o (addr),
      .axi_arlen_o  (len),
      .axi_arvalid_o(valid),
      .axi_arready_i(ready_i),
      .axi_rdata_i  (64'd0),
      .axi_rresp_i  (2'd0),
      .axi_rlast_i  (last_i),
      .axi_rvalid_i (valid_i),
      .see_busy_o   (see_busy),
      .see_plan_o   (see_plan),
      .see_left_o   (see_left)
    );
  end

  logic        started_q = 1'b0;
  logic        reset_q, waited_q, split_q;
  logic [31:0] addr_q;
  logic [7:0]  len_q;

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    reset_q <= !rst_ni;
    waited_q <= valid && !ready_i && rst_ni;
    addr_q <= addr;
    len_q <= len;
    // a burst has ended at a boundary of 4 KB
    if (valid && ready_i) begin
      split_q <= len < 8'd15 && {1'b0, addr[11:0]} + {len, 3'd0} + 13'd8 == 13'h1000;
    end
    if (!rst_ni) split_q <= 1'b0;
  end

  always_comb begin
    if (!started_q) assume (!rst_ni);
    assume (cmd_beats_i != '0);
    if (started_q) begin
      if (reset_q) a_reset: assert (!valid);
      if (waited_q && rst_ni) a_stays: assert (valid && addr == addr_q && len == len_q);
      if (valid) begin
        a_beats: assert (len < 8'd16 && addr[2:0] == '0);
        a_4k: assert ({1'b0, addr[11:0]} + {len, 3'd0} + 13'd8 <= 13'h1000);
        // what makes it short: no burst crosses a multiple of its longest
        h_boundary: assert (8'(addr[6:3]) + len < 8'd16);
      end
      h_plan: assert (see_plan[0] && (!see_busy[0] || see_left[23:0] != '0));

      c_longest: cover (valid && len == 8'd15 && rst_ni);
      c_next_page: cover (split_q && valid && addr[11:0] == '0 && len == 8'd15);
      c_one: cover (valid && len == '0 && addr[11:0] == 12'hff8);
    end
  end
endmodule

`default_nettype wire
