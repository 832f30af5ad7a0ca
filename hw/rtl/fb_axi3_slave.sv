// AXI3 slave of 32 bits for the processor's general-purpose port: turns bursts into single accesses
// to windows of registers, each of which is an AXI4-Lite slave (like fb_axil).
//
// Bursts of up to 16 beats, FIXED, INCR or WRAP, of bytes, halfwords or words; IDs are echoed. One
// burst is served at a time in each direction (the master may have announced more: they wait), so
// answers come in the order of the addresses. Reads and writes do not wait for each other. Every
// beat is answered, so nothing that the master sends can hang the port:
//   DECERR  the address lies in no window
//   SLVERR  a window's slave said so; a write of part of a word (registers are written whole, and
//           part of one would have to be invented); a beat with another ID than its burst's, or
//           a WLAST in the wrong place; burst type 3 or size 3, which AXI3 does not have on 32 bits
// Beats that are answered with an error, and writes without any strobe, do not reach a window. A
// write burst's answer is the worst of its beats'. Reads return whole words: a narrow one takes its
// lanes out of them. AxLOCK, AxCACHE, AxPROT and AxQOS have no meaning for registers: exclusive
// accesses are ordinary ones, answered OKAY, which tells the master that there is no monitor.
//
// In reset nothing is taken: an access that is already offered then waits, and is answered after it.
//
// Windows: number w holds the addresses whose bits under word w of Masks equal word w of Bases. Its
// AXI4-Lite port has bit w of every lite_*valid and lite_*ready; address and write data go to all.
// Addresses are whole and word aligned. Address and data of a write are offered in the same cycle.
//
// Latency without waiting: a write beat takes 5 cycles, a read beat 4, and the window's own.
`default_nettype none

module fb_axi3_slave #(
  parameter int unsigned IdBits  = 12,
  parameter int unsigned Windows = 2,
  parameter logic [Windows*32-1:0] Bases = {firebrick_pkg::IntcBase, firebrick_pkg::EngineBase},
  parameter logic [Windows*32-1:0] Masks = {32'hffff_ffff << firebrick_pkg::IntcBits,
                                            32'hffff_ffff << firebrick_pkg::RegisterBits}
) (
  input  wire logic                     clk_i,
  input  wire logic                     rst_ni,

  input  wire logic [IdBits-1:0]        axi_awid_i,
  input  wire logic [31:0]              axi_awaddr_i,
  input  wire logic [3:0]               axi_awlen_i,
  input  wire logic [1:0]               axi_awsize_i,
  input  wire logic [1:0]               axi_awburst_i,
  input  wire logic                     axi_awvalid_i,
  output      logic                     axi_awready_o,
  input  wire logic [IdBits-1:0]        axi_wid_i,
  input  wire logic [31:0]              axi_wdata_i,
  input  wire logic [3:0]               axi_wstrb_i,
  input  wire logic                     axi_wlast_i,
  input  wire logic                     axi_wvalid_i,
  output      logic                     axi_wready_o,
  output      logic [IdBits-1:0]        axi_bid_o,
  output      logic [1:0]               axi_bresp_o,
  output      logic                     axi_bvalid_o,
  input  wire logic                     axi_bready_i,
  input  wire logic [IdBits-1:0]        axi_arid_i,
  input  wire logic [31:0]              axi_araddr_i,
  input  wire logic [3:0]               axi_arlen_i,
  input  wire logic [1:0]               axi_arsize_i,
  input  wire logic [1:0]               axi_arburst_i,
  input  wire logic                     axi_arvalid_i,
  output      logic                     axi_arready_o,
  output      logic [IdBits-1:0]        axi_rid_o,
  output      logic [31:0]              axi_rdata_o,
  output      logic [1:0]               axi_rresp_o,
  output      logic                     axi_rlast_o,
  output      logic                     axi_rvalid_o,
  input  wire logic                     axi_rready_i,

  output      logic [31:0]              lite_awaddr_o,
  output      logic [Windows-1:0]       lite_awvalid_o,
  input  wire logic [Windows-1:0]       lite_awready_i,
  output      logic [31:0]              lite_wdata_o,
  output      logic [3:0]               lite_wstrb_o,
  output      logic [Windows-1:0]       lite_wvalid_o,
  input  wire logic [Windows-1:0]       lite_wready_i,
  input  wire logic [Windows-1:0][1:0]  lite_bresp_i,
  input  wire logic [Windows-1:0]       lite_bvalid_i,
  output      logic [Windows-1:0]       lite_bready_o,
  output      logic [31:0]              lite_araddr_o,
  output      logic [Windows-1:0]       lite_arvalid_o,
  input  wire logic [Windows-1:0]       lite_arready_i,
  input  wire logic [Windows-1:0][31:0] lite_rdata_i,
  input  wire logic [Windows-1:0][1:0]  lite_rresp_i,
  input  wire logic [Windows-1:0]       lite_rvalid_i,
  output      logic [Windows-1:0]       lite_rready_o
);
  localparam logic [1:0] Fixed = 2'd0, Incr = 2'd1, Reserved = 2'd3;
  localparam logic [1:0] SizeNone = 2'd3;
  localparam logic [1:0] Okay = 2'd0, SlaveError = 2'd2, DecodeError = 2'd3;

  // The address of the beat that follows the one at `addr`. An unaligned first beat is followed by
  // an aligned one; a wrapping burst stays in the block of its whole length.
  function automatic logic [31:0] next_address(logic [31:0] addr, logic [3:0] len,
                                               logic [1:0] size, logic [1:0] burst);
    logic [31:0] following;
    logic [5:0]  block;
    unique case (size)
      2'd0:    begin following = addr + 32'd1; block = {2'd0, len}; end
      2'd1:    begin following = {addr[31:1] + 31'd1, 1'd0}; block = {1'd0, len, 1'd1}; end
      default: begin following = {addr[31:2] + 30'd1, 2'd0}; block = {len, 2'd3}; end
    endcase
    if (burst == Fixed) next_address = addr;
    else if (burst == Incr) next_address = following;
    else next_address = {addr[31:6], (addr[5:0] & ~block) | (following[5:0] & block)};
  endfunction

  function automatic logic [Windows-1:0] decode(logic [31:0] addr);
    for (int unsigned w = 0; w < Windows; w++) begin
      decode[w] = (addr & Masks[32*w+:32]) == Bases[32*w+:32];
    end
  endfunction

  // --------------------------------------------------------------------------------------- writes
  typedef enum logic [2:0] {
    WrReset, WrAddress, WrData, WrCheck, WrAccess, WrAnswer, WrStep, WrResponse
  } wr_state_e;

  wr_state_e          wr_state_q;
  logic [IdBits-1:0]  wr_id_q;
  logic [31:0]        wr_addr_q;
  logic [3:0]         wr_len_q, wr_left_q;
  logic [1:0]         wr_size_q, wr_burst_q;
  logic [IdBits-1:0]  wr_beat_id_q;
  logic               wr_beat_last_q;
  logic               wr_wrong_q;  // this beat breaks a rule
  logic [Windows-1:0] wr_hit_q;
  logic [Windows-1:0] lite_awvalid_q, lite_wvalid_q;
  logic [1:0]         wr_resp_q;

  assign axi_awready_o = wr_state_q == WrAddress;
  assign axi_wready_o = wr_state_q == WrData;
  assign axi_bvalid_o = wr_state_q == WrResponse;
  assign axi_bid_o = wr_id_q;
  assign axi_bresp_o = wr_resp_q;
  assign lite_awaddr_o = {wr_addr_q[31:2], 2'd0};
  assign lite_awvalid_o = lite_awvalid_q;
  assign lite_wvalid_o = lite_wvalid_q;
  assign lite_bready_o = wr_state_q == WrAnswer ? wr_hit_q : '0;

  always_ff @(posedge clk_i) begin
    lite_awvalid_q <= lite_awvalid_q & ~lite_awready_i;
    lite_wvalid_q <= lite_wvalid_q & ~lite_wready_i;
    unique case (wr_state_q)
      WrReset: wr_state_q <= WrAddress;
      WrAddress: begin
        wr_id_q <= axi_awid_i;
        wr_addr_q <= axi_awaddr_i;
        wr_len_q <= axi_awlen_i;
        wr_left_q <= axi_awlen_i;
        wr_size_q <= axi_awsize_i;
        wr_burst_q <= axi_awburst_i;
        wr_resp_q <= Okay;
        if (axi_awvalid_i) wr_state_q <= WrData;
      end
      WrData: begin
        lite_wdata_o <= axi_wdata_i;
        lite_wstrb_o <= axi_wstrb_i;
        wr_beat_id_q <= axi_wid_i;
        wr_beat_last_q <= axi_wlast_i;
        if (axi_wvalid_i) wr_state_q <= WrCheck;
      end
      WrCheck: begin
        wr_wrong_q <= (wr_beat_id_q != wr_id_q) || (wr_beat_last_q != (wr_left_q == '0)) ||
                      (wr_burst_q == Reserved) || (wr_size_q == SizeNone);
        wr_hit_q <= decode(wr_addr_q);
        wr_state_q <= WrAccess;
      end
      WrAccess: begin
        wr_state_q <= WrStep;
        if (wr_hit_q == '0) wr_resp_q <= DecodeError;
        else if (wr_wrong_q || ((lite_wstrb_o != '0) && (lite_wstrb_o != '1))) begin
          wr_resp_q <= wr_resp_q | SlaveError;
        end else if (lite_wstrb_o != '0) begin
          lite_awvalid_q <= wr_hit_q;
          lite_wvalid_q <= wr_hit_q;
          wr_state_q <= WrAnswer;
        end
      end
      WrAnswer: begin
        for (int unsigned w = 0; w < Windows; w++) begin
          if (wr_hit_q[w] && lite_bvalid_i[w]) begin
            wr_resp_q <= wr_resp_q | lite_bresp_i[w];
            wr_state_q <= WrStep;
          end
        end
      end
      WrStep: begin
        wr_addr_q <= next_address(wr_addr_q, wr_len_q, wr_size_q, wr_burst_q);
        wr_left_q <= wr_left_q - 4'd1;
        wr_state_q <= (wr_left_q == '0) ? WrResponse : WrData;
      end
      default: if (axi_bready_i) wr_state_q <= WrAddress;  // WrResponse
    endcase
    if (!rst_ni) begin
      wr_state_q <= WrReset;
      lite_awvalid_q <= '0;
      lite_wvalid_q <= '0;
    end
  end

  // ---------------------------------------------------------------------------------------- reads
  typedef enum logic [2:0] {
    RdReset, RdAddress, RdDecode, RdAccess, RdAnswer, RdData
  } rd_state_e;

  rd_state_e          rd_state_q;
  logic [IdBits-1:0]  rd_id_q;
  logic [31:0]        rd_addr_q;
  logic [3:0]         rd_len_q, rd_left_q;
  logic [1:0]         rd_size_q, rd_burst_q;
  logic [Windows-1:0] rd_hit_q;
  logic [Windows-1:0] lite_arvalid_q;
  logic [31:0]        rd_data_q;
  logic [1:0]         rd_resp_q;

  assign axi_arready_o = rd_state_q == RdAddress;
  assign axi_rvalid_o = rd_state_q == RdData;
  assign axi_rid_o = rd_id_q;
  assign axi_rdata_o = rd_data_q;
  assign axi_rresp_o = rd_resp_q;
  assign axi_rlast_o = rd_left_q == '0;
  assign lite_araddr_o = {rd_addr_q[31:2], 2'd0};
  assign lite_arvalid_o = lite_arvalid_q;
  assign lite_rready_o = rd_state_q == RdAnswer ? rd_hit_q : '0;

  always_ff @(posedge clk_i) begin
    lite_arvalid_q <= lite_arvalid_q & ~lite_arready_i;
    unique case (rd_state_q)
      RdReset: rd_state_q <= RdAddress;
      RdAddress: begin
        rd_id_q <= axi_arid_i;
        rd_addr_q <= axi_araddr_i;
        rd_len_q <= axi_arlen_i;
        rd_left_q <= axi_arlen_i;
        rd_size_q <= axi_arsize_i;
        rd_burst_q <= axi_arburst_i;
        if (axi_arvalid_i) rd_state_q <= RdDecode;
      end
      RdDecode: begin
        rd_hit_q <= decode(rd_addr_q);
        rd_state_q <= RdAccess;
      end
      RdAccess: begin
        rd_data_q <= '0;
        rd_state_q <= RdData;
        if (rd_hit_q == '0) rd_resp_q <= DecodeError;
        else if ((rd_burst_q == Reserved) || (rd_size_q == SizeNone)) rd_resp_q <= SlaveError;
        else begin
          lite_arvalid_q <= rd_hit_q;
          rd_state_q <= RdAnswer;
        end
      end
      RdAnswer: begin
        for (int unsigned w = 0; w < Windows; w++) begin
          if (rd_hit_q[w] && lite_rvalid_i[w]) begin
            rd_data_q <= lite_rdata_i[w];
            rd_resp_q <= lite_rresp_i[w];
            rd_state_q <= RdData;
          end
        end
      end
      default: if (axi_rready_i) begin  // RdData
        rd_addr_q <= next_address(rd_addr_q, rd_len_q, rd_size_q, rd_burst_q);
        rd_left_q <= rd_left_q - 4'd1;
        rd_state_q <= (rd_left_q == '0) ? RdAddress : RdDecode;
      end
    endcase
    if (!rst_ni) begin
      rd_state_q <= RdReset;
      lite_arvalid_q <= '0;
    end
  end
endmodule

`default_nettype wire
