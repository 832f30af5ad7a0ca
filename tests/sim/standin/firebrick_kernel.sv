// A kernel with the ports that Vitis HLS gives the emitted C++, for the bench of what is around it.
//
// For each image it reads eight beats of the program and a burst of sixteen beats of input, writes
// the burst to the output, and tells that a group and an image are done.  At the end it gives the
// first program beat's low byte as the error code.
`default_nettype none

module firebrick_kernel (
  input  wire         ap_clk,
  input  wire         ap_rst_n,
  input  wire         ap_start,
  output logic        ap_done,
  output logic        ap_idle,
  output logic        ap_ready,
  output logic [31:0] m_axi_maps_out_AWADDR,
  output logic [7:0]  m_axi_maps_out_AWLEN,
  output logic [2:0]  m_axi_maps_out_AWSIZE,
  output logic [1:0]  m_axi_maps_out_AWBURST,
  output logic        m_axi_maps_out_AWVALID,
  input  wire         m_axi_maps_out_AWREADY,
  output logic [63:0] m_axi_maps_out_WDATA,
  output logic [7:0]  m_axi_maps_out_WSTRB,
  output logic        m_axi_maps_out_WLAST,
  output logic        m_axi_maps_out_WVALID,
  input  wire         m_axi_maps_out_WREADY,
  input  wire  [1:0]  m_axi_maps_out_BRESP,
  input  wire         m_axi_maps_out_BVALID,
  output logic        m_axi_maps_out_BREADY,
  output logic        m_axi_maps_out_AWID,
  output logic [1:0]  m_axi_maps_out_AWLOCK,
  output logic [3:0]  m_axi_maps_out_AWCACHE,
  output logic [2:0]  m_axi_maps_out_AWPROT,
  output logic [3:0]  m_axi_maps_out_AWQOS,
  output logic [3:0]  m_axi_maps_out_AWREGION,
  output logic        m_axi_maps_out_AWUSER,
  output logic        m_axi_maps_out_WID,
  output logic        m_axi_maps_out_WUSER,
  input  wire         m_axi_maps_out_BID,
  input  wire         m_axi_maps_out_BUSER,
  output logic [31:0] m_axi_maps_out_ARADDR,
  output logic [7:0]  m_axi_maps_out_ARLEN,
  output logic [2:0]  m_axi_maps_out_ARSIZE,
  output logic [1:0]  m_axi_maps_out_ARBURST,
  output logic        m_axi_maps_out_ARVALID,
  input  wire         m_axi_maps_out_ARREADY,
  input  wire  [63:0] m_axi_maps_out_RDATA,
  input  wire  [1:0]  m_axi_maps_out_RRESP,
  input  wire         m_axi_maps_out_RLAST,
  input  wire         m_axi_maps_out_RVALID,
  output logic        m_axi_maps_out_RREADY,
  output logic        m_axi_maps_out_ARID,
  output logic [1:0]  m_axi_maps_out_ARLOCK,
  output logic [3:0]  m_axi_maps_out_ARCACHE,
  output logic [2:0]  m_axi_maps_out_ARPROT,
  output logic [3:0]  m_axi_maps_out_ARQOS,
  output logic [3:0]  m_axi_maps_out_ARREGION,
  output logic        m_axi_maps_out_ARUSER,
  input  wire         m_axi_maps_out_RID,
  input  wire         m_axi_maps_out_RUSER,
  output logic [31:0] m_axi_maps_in_AWADDR,
  output logic [7:0]  m_axi_maps_in_AWLEN,
  output logic [2:0]  m_axi_maps_in_AWSIZE,
  output logic [1:0]  m_axi_maps_in_AWBURST,
  output logic        m_axi_maps_in_AWVALID,
  input  wire         m_axi_maps_in_AWREADY,
  output logic [63:0] m_axi_maps_in_WDATA,
  output logic [7:0]  m_axi_maps_in_WSTRB,
  output logic        m_axi_maps_in_WLAST,
  output logic        m_axi_maps_in_WVALID,
  input  wire         m_axi_maps_in_WREADY,
  input  wire  [1:0]  m_axi_maps_in_BRESP,
  input  wire         m_axi_maps_in_BVALID,
  output logic        m_axi_maps_in_BREADY,
  output logic        m_axi_maps_in_AWID,
  output logic [1:0]  m_axi_maps_in_AWLOCK,
  output logic [3:0]  m_axi_maps_in_AWCACHE,
  output logic [2:0]  m_axi_maps_in_AWPROT,
  output logic [3:0]  m_axi_maps_in_AWQOS,
  output logic [3:0]  m_axi_maps_in_AWREGION,
  output logic        m_axi_maps_in_AWUSER,
  output logic        m_axi_maps_in_WID,
  output logic        m_axi_maps_in_WUSER,
  input  wire         m_axi_maps_in_BID,
  input  wire         m_axi_maps_in_BUSER,
  output logic [31:0] m_axi_maps_in_ARADDR,
  output logic [7:0]  m_axi_maps_in_ARLEN,
  output logic [2:0]  m_axi_maps_in_ARSIZE,
  output logic [1:0]  m_axi_maps_in_ARBURST,
  output logic        m_axi_maps_in_ARVALID,
  input  wire         m_axi_maps_in_ARREADY,
  input  wire  [63:0] m_axi_maps_in_RDATA,
  input  wire  [1:0]  m_axi_maps_in_RRESP,
  input  wire         m_axi_maps_in_RLAST,
  input  wire         m_axi_maps_in_RVALID,
  output logic        m_axi_maps_in_RREADY,
  output logic        m_axi_maps_in_ARID,
  output logic [1:0]  m_axi_maps_in_ARLOCK,
  output logic [3:0]  m_axi_maps_in_ARCACHE,
  output logic [2:0]  m_axi_maps_in_ARPROT,
  output logic [3:0]  m_axi_maps_in_ARQOS,
  output logic [3:0]  m_axi_maps_in_ARREGION,
  output logic        m_axi_maps_in_ARUSER,
  input  wire         m_axi_maps_in_RID,
  input  wire         m_axi_maps_in_RUSER,
  output logic [31:0] m_axi_program_AWADDR,
  output logic [7:0]  m_axi_program_AWLEN,
  output logic [2:0]  m_axi_program_AWSIZE,
  output logic [1:0]  m_axi_program_AWBURST,
  output logic        m_axi_program_AWVALID,
  input  wire         m_axi_program_AWREADY,
  output logic [63:0] m_axi_program_WDATA,
  output logic [7:0]  m_axi_program_WSTRB,
  output logic        m_axi_program_WLAST,
  output logic        m_axi_program_WVALID,
  input  wire         m_axi_program_WREADY,
  input  wire  [1:0]  m_axi_program_BRESP,
  input  wire         m_axi_program_BVALID,
  output logic        m_axi_program_BREADY,
  output logic        m_axi_program_AWID,
  output logic [1:0]  m_axi_program_AWLOCK,
  output logic [3:0]  m_axi_program_AWCACHE,
  output logic [2:0]  m_axi_program_AWPROT,
  output logic [3:0]  m_axi_program_AWQOS,
  output logic [3:0]  m_axi_program_AWREGION,
  output logic        m_axi_program_AWUSER,
  output logic        m_axi_program_WID,
  output logic        m_axi_program_WUSER,
  input  wire         m_axi_program_BID,
  input  wire         m_axi_program_BUSER,
  output logic [31:0] m_axi_program_ARADDR,
  output logic [7:0]  m_axi_program_ARLEN,
  output logic [2:0]  m_axi_program_ARSIZE,
  output logic [1:0]  m_axi_program_ARBURST,
  output logic        m_axi_program_ARVALID,
  input  wire         m_axi_program_ARREADY,
  input  wire  [63:0] m_axi_program_RDATA,
  input  wire  [1:0]  m_axi_program_RRESP,
  input  wire         m_axi_program_RLAST,
  input  wire         m_axi_program_RVALID,
  output logic        m_axi_program_RREADY,
  output logic        m_axi_program_ARID,
  output logic [1:0]  m_axi_program_ARLOCK,
  output logic [3:0]  m_axi_program_ARCACHE,
  output logic [2:0]  m_axi_program_ARPROT,
  output logic [3:0]  m_axi_program_ARQOS,
  output logic [3:0]  m_axi_program_ARREGION,
  output logic        m_axi_program_ARUSER,
  input  wire         m_axi_program_RID,
  input  wire         m_axi_program_RUSER,
  input  wire  [31:0] maps_out,
  input  wire  [31:0] maps_in,
  input  wire  [31:0] program_memory,
  input  wire  [31:0] program_addr,
  input  wire  [31:0] input_addr,
  input  wire  [31:0] output_addr,
  input  wire  [31:0] scratch_addr,
  input  wire  [31:0] images,
  input  wire  [31:0] input_stride,
  input  wire  [31:0] output_stride,
  input  wire  [31:0] program_end,
  input  wire  [31:0] input_end,
  input  wire  [31:0] output_end,
  input  wire  [31:0] scratch_end,
  output logic [31:0] error_status,
  output logic        error_status_ap_vld,
  output logic [31:0] active_steps,
  output logic        active_steps_ap_vld,
  output logic [31:0] maps_beats_read,
  output logic        maps_beats_read_ap_vld,
  output logic [31:0] program_beats_read,
  output logic        program_beats_read_ap_vld,
  output logic [31:0] beats_written,
  output logic        beats_written_ap_vld,
  output logic [31:0] images_done_din,
  input  wire         images_done_full_n,
  output logic        images_done_write,
  output logic [31:0] groups_done_din,
  input  wire         groups_done_full_n,
  output logic        groups_done_write
);
  typedef enum logic [3:0] {
    Idle, ProgramAr, ProgramR, InputAr, InputR, OutputAw, OutputW, OutputB, Group, Image, Finish
  } state_e;

  state_e            state_q;
  logic [15:0][63:0] data_q;
  logic [3:0]        beat_q;
  logic [31:0]       image_q;
  logic [7:0]        code_q;

  assign ap_idle = state_q == Idle;
  assign ap_done = state_q == Finish;
  assign ap_ready = ap_done;
  assign m_axi_program_ARVALID = state_q == ProgramAr;
  assign m_axi_program_ARADDR = program_addr;
  assign m_axi_program_ARLEN = 8'd7;
  assign m_axi_program_ARSIZE = 3'd3;
  assign m_axi_program_ARBURST = 2'd1;
  assign m_axi_program_RREADY = state_q == ProgramR;
  assign m_axi_maps_in_ARVALID = state_q == InputAr;
  assign m_axi_maps_in_ARADDR = input_addr + image_q * input_stride;
  assign m_axi_maps_in_ARLEN = 8'd15;
  assign m_axi_maps_in_ARSIZE = 3'd3;
  assign m_axi_maps_in_ARBURST = 2'd1;
  assign m_axi_maps_in_RREADY = state_q == InputR;
  assign m_axi_maps_out_AWVALID = state_q == OutputAw;
  assign m_axi_maps_out_AWADDR = output_addr + image_q * output_stride;
  assign m_axi_maps_out_AWLEN = 8'd15;
  assign m_axi_maps_out_AWSIZE = 3'd3;
  assign m_axi_maps_out_AWBURST = 2'd1;
  assign m_axi_maps_out_WVALID = state_q == OutputW;
  assign m_axi_maps_out_WDATA = data_q[beat_q];
  assign m_axi_maps_out_WSTRB = 8'hff;
  assign m_axi_maps_out_WLAST = beat_q == 4'd15;
  assign m_axi_maps_out_BREADY = state_q == OutputB;
  assign groups_done_din = image_q + 32'd1;
  assign groups_done_write = state_q == Group;
  assign images_done_din = image_q + 32'd1;
  assign images_done_write = state_q == Image;
  assign error_status = {24'd0, code_q};
  assign error_status_ap_vld = state_q == Finish;

  always_ff @(posedge ap_clk) begin
    unique case (state_q)
      Idle: if (ap_start) begin
        image_q <= '0;
        state_q <= ProgramAr;
      end
      ProgramAr: if (m_axi_program_ARREADY) begin
        beat_q <= '0;
        state_q <= ProgramR;
      end
      ProgramR: if (m_axi_program_RVALID) begin
        if (beat_q == 4'd0) code_q <= m_axi_program_RDATA[7:0];
        beat_q <= beat_q + 4'd1;
        if (m_axi_program_RLAST) state_q <= InputAr;
      end
      InputAr: if (m_axi_maps_in_ARREADY) begin
        beat_q <= '0;
        state_q <= InputR;
      end
      InputR: if (m_axi_maps_in_RVALID) begin
        data_q[beat_q] <= m_axi_maps_in_RDATA;
        beat_q <= beat_q + 4'd1;
        if (m_axi_maps_in_RLAST) state_q <= OutputAw;
      end
      OutputAw: if (m_axi_maps_out_AWREADY) begin
        beat_q <= '0;
        state_q <= OutputW;
      end
      OutputW: if (m_axi_maps_out_WREADY) begin
        beat_q <= beat_q + 4'd1;
        if (m_axi_maps_out_WLAST) state_q <= OutputB;
      end
      OutputB: if (m_axi_maps_out_BVALID) state_q <= Group;
      Group: state_q <= Image;
      Image: begin
        image_q <= image_q + 32'd1;
        state_q <= (image_q + 32'd1 == images) ? Finish : ProgramAr;
      end
      default: state_q <= Idle;  // Finish
    endcase
    if (!ap_rst_n) state_q <= Idle;
  end

  assign m_axi_maps_out_AWID = '0;
  assign m_axi_maps_out_AWLOCK = '0;
  assign m_axi_maps_out_AWCACHE = '0;
  assign m_axi_maps_out_AWPROT = '0;
  assign m_axi_maps_out_AWQOS = '0;
  assign m_axi_maps_out_AWREGION = '0;
  assign m_axi_maps_out_AWUSER = '0;
  assign m_axi_maps_out_WID = '0;
  assign m_axi_maps_out_WUSER = '0;
  assign m_axi_maps_out_ARADDR = '0;
  assign m_axi_maps_out_ARLEN = '0;
  assign m_axi_maps_out_ARSIZE = '0;
  assign m_axi_maps_out_ARBURST = '0;
  assign m_axi_maps_out_ARVALID = '0;
  assign m_axi_maps_out_RREADY = '0;
  assign m_axi_maps_out_ARID = '0;
  assign m_axi_maps_out_ARLOCK = '0;
  assign m_axi_maps_out_ARCACHE = '0;
  assign m_axi_maps_out_ARPROT = '0;
  assign m_axi_maps_out_ARQOS = '0;
  assign m_axi_maps_out_ARREGION = '0;
  assign m_axi_maps_out_ARUSER = '0;
  assign m_axi_maps_in_AWADDR = '0;
  assign m_axi_maps_in_AWLEN = '0;
  assign m_axi_maps_in_AWSIZE = '0;
  assign m_axi_maps_in_AWBURST = '0;
  assign m_axi_maps_in_AWVALID = '0;
  assign m_axi_maps_in_WDATA = '0;
  assign m_axi_maps_in_WSTRB = '0;
  assign m_axi_maps_in_WLAST = '0;
  assign m_axi_maps_in_WVALID = '0;
  assign m_axi_maps_in_BREADY = '0;
  assign m_axi_maps_in_AWID = '0;
  assign m_axi_maps_in_AWLOCK = '0;
  assign m_axi_maps_in_AWCACHE = '0;
  assign m_axi_maps_in_AWPROT = '0;
  assign m_axi_maps_in_AWQOS = '0;
  assign m_axi_maps_in_AWREGION = '0;
  assign m_axi_maps_in_AWUSER = '0;
  assign m_axi_maps_in_WID = '0;
  assign m_axi_maps_in_WUSER = '0;
  assign m_axi_maps_in_ARID = '0;
  assign m_axi_maps_in_ARLOCK = '0;
  assign m_axi_maps_in_ARCACHE = '0;
  assign m_axi_maps_in_ARPROT = '0;
  assign m_axi_maps_in_ARQOS = '0;
  assign m_axi_maps_in_ARREGION = '0;
  assign m_axi_maps_in_ARUSER = '0;
  assign m_axi_program_AWADDR = '0;
  assign m_axi_program_AWLEN = '0;
  assign m_axi_program_AWSIZE = '0;
  assign m_axi_program_AWBURST = '0;
  assign m_axi_program_AWVALID = '0;
  assign m_axi_program_WDATA = '0;
  assign m_axi_program_WSTRB = '0;
  assign m_axi_program_WLAST = '0;
  assign m_axi_program_WVALID = '0;
  assign m_axi_program_BREADY = '0;
  assign m_axi_program_AWID = '0;
  assign m_axi_program_AWLOCK = '0;
  assign m_axi_program_AWCACHE = '0;
  assign m_axi_program_AWPROT = '0;
  assign m_axi_program_AWQOS = '0;
  assign m_axi_program_AWREGION = '0;
  assign m_axi_program_AWUSER = '0;
  assign m_axi_program_WID = '0;
  assign m_axi_program_WUSER = '0;
  assign m_axi_program_ARID = '0;
  assign m_axi_program_ARLOCK = '0;
  assign m_axi_program_ARCACHE = '0;
  assign m_axi_program_ARPROT = '0;
  assign m_axi_program_ARQOS = '0;
  assign m_axi_program_ARREGION = '0;
  assign m_axi_program_ARUSER = '0;
  assign active_steps = '0;
  assign active_steps_ap_vld = '0;
  assign maps_beats_read = '0;
  assign maps_beats_read_ap_vld = '0;
  assign program_beats_read = '0;
  assign program_beats_read_ap_vld = '0;
  assign beats_written = '0;
  assign beats_written_ap_vld = '0;

  logic unused_inputs;
  assign unused_inputs = &{1'b0,
    m_axi_maps_out_BRESP,
    m_axi_maps_out_BID,
    m_axi_maps_out_BUSER,
    m_axi_maps_out_ARREADY,
    m_axi_maps_out_RDATA,
    m_axi_maps_out_RRESP,
    m_axi_maps_out_RLAST,
    m_axi_maps_out_RVALID,
    m_axi_maps_out_RID,
    m_axi_maps_out_RUSER,
    m_axi_maps_in_AWREADY,
    m_axi_maps_in_WREADY,
    m_axi_maps_in_BRESP,
    m_axi_maps_in_BVALID,
    m_axi_maps_in_BID,
    m_axi_maps_in_BUSER,
    m_axi_maps_in_RRESP,
    m_axi_maps_in_RID,
    m_axi_maps_in_RUSER,
    m_axi_program_AWREADY,
    m_axi_program_WREADY,
    m_axi_program_BRESP,
    m_axi_program_BVALID,
    m_axi_program_BID,
    m_axi_program_BUSER,
    m_axi_program_RRESP,
    m_axi_program_RID,
    m_axi_program_RUSER,
    maps_out,
    maps_in,
    program_memory,
    scratch_addr,
    program_end,
    input_end,
    output_end,
    scratch_end,
    images_done_full_n,
    groups_done_full_n,
    m_axi_program_RDATA[63:8]};
endmodule

`default_nettype wire
