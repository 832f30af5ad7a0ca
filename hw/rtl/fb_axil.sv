// AXI4-Lite slave in front of a simple register bus. One write and one read at a time, independent
// of each other; every output is a register.
//
// Register bus: `wr_en_o` is one cycle long, with address, data and byte strobes, and `wr_error_i`
// is sampled in the following cycle. `rd_en_o` is one cycle long; `rd_data_i` and `rd_error_i` are
// sampled exactly 3 cycles after it, so that the registers' multiplexer can be pipelined. An error
// becomes SLVERR. The address stays until the next access. A write takes 4 cycles from the later of
// its address and data to its response, a read 6 from address to data.

`default_nettype none

module fb_axil #(
  parameter int unsigned AddrBits = 13
) (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,

  input  wire logic [AddrBits-1:0] axil_awaddr_i,
  input  wire logic                axil_awvalid_i,
  output      logic                axil_awready_o,
  input  wire logic [31:0]         axil_wdata_i,
  input  wire logic [3:0]          axil_wstrb_i,
  input  wire logic                axil_wvalid_i,
  output      logic                axil_wready_o,
  output      logic [1:0]          axil_bresp_o,
  output      logic                axil_bvalid_o,
  input  wire logic                axil_bready_i,
  input  wire logic [AddrBits-1:0] axil_araddr_i,
  input  wire logic                axil_arvalid_i,
  output      logic                axil_arready_o,
  output      logic [31:0]         axil_rdata_o,
  output      logic [1:0]          axil_rresp_o,
  output      logic                axil_rvalid_o,
  input  wire logic                axil_rready_i,

  output      logic                wr_en_o,
  output      logic [AddrBits-1:0] wr_addr_o,
  output      logic [31:0]         wr_data_o,
  output      logic [3:0]          wr_strb_o,
  input  wire logic                wr_error_i,
  output      logic                rd_en_o,
  output      logic [AddrBits-1:0] rd_addr_o,
  input  wire logic [31:0]         rd_data_i,
  input  wire logic                rd_error_i
);

  // Write: address and data arrive in either order and wait for each other.
  logic awready_q, wready_q, wr_started_q, wr_check_q;
  logic wr_start;

  assign wr_start = ~awready_q & ~wready_q & ~wr_started_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      awready_q     <= 1'b1;
      wready_q      <= 1'b1;
      wr_started_q  <= 1'b0;
      wr_check_q    <= 1'b0;
      wr_en_o       <= 1'b0;
      axil_bvalid_o <= 1'b0;
    end else begin
      wr_en_o    <= wr_start;
      wr_check_q <= wr_en_o;
      if (axil_awvalid_i && awready_q) awready_q <= 1'b0;
      if (axil_wvalid_i && wready_q) wready_q <= 1'b0;
      if (wr_start) wr_started_q <= 1'b1;
      if (wr_check_q) axil_bvalid_o <= 1'b1;
      if (axil_bvalid_o && axil_bready_i) begin
        axil_bvalid_o <= 1'b0;
        awready_q     <= 1'b1;
        wready_q      <= 1'b1;
        wr_started_q  <= 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (awready_q) wr_addr_o <= axil_awaddr_i;
    if (wready_q) begin
      wr_data_o <= axil_wdata_i;
      wr_strb_o <= axil_wstrb_i;
    end
    if (wr_check_q) axil_bresp_o <= {wr_error_i, 1'b0};
  end

  assign axil_awready_o = awready_q;
  assign axil_wready_o  = wready_q;

  // Read.
  logic       arready_q;
  logic [2:0] rd_wait_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      arready_q     <= 1'b1;
      rd_en_o       <= 1'b0;
      rd_wait_q     <= '0;
      axil_rvalid_o <= 1'b0;
    end else begin
      rd_en_o   <= axil_arvalid_i & arready_q;
      rd_wait_q <= {rd_wait_q[1:0], rd_en_o};
      if (axil_arvalid_i && arready_q) arready_q <= 1'b0;
      if (rd_wait_q[2]) axil_rvalid_o <= 1'b1;
      if (axil_rvalid_o && axil_rready_i) begin
        axil_rvalid_o <= 1'b0;
        arready_q     <= 1'b1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (arready_q) rd_addr_o <= axil_araddr_i;
    if (rd_wait_q[2]) begin
      axil_rdata_o <= rd_data_i;
      axil_rresp_o <= {rd_error_i, 1'b0};
    end
  end

  assign axil_arready_o = arready_q;

endmodule

`default_nettype wire
