// The chip's netlist with the engine's ports: what the simulated board expects, on the pins of the
// processing system, PS7 (sim/primitives), inside the netlist.
//
// A register access becomes a burst of one beat on M_AXI_GP0, at a physical address; irq_o is the
// interrupt controller's output.  What AXI4 has more bits of than AXI3 is 0.
`default_nettype none

/* verilator lint_off DECLFILENAME */
module gates (
  input  wire         clk_i,
  input  wire         clk_fast_i,
  input  wire         rst_ni,
  input  wire         clock_lost_i,
  output logic        irq_o,

  input  wire  [31:0] s_axi_control_awaddr,
  input  wire         s_axi_control_awvalid,
  output logic        s_axi_control_awready,
  input  wire  [31:0] s_axi_control_wdata,
  input  wire  [3:0]  s_axi_control_wstrb,
  input  wire         s_axi_control_wvalid,
  output logic        s_axi_control_wready,
  output logic [1:0]  s_axi_control_bresp,
  output logic        s_axi_control_bvalid,
  input  wire         s_axi_control_bready,
  input  wire  [31:0] s_axi_control_araddr,
  input  wire         s_axi_control_arvalid,
  output logic        s_axi_control_arready,
  output logic [31:0] s_axi_control_rdata,
  output logic [1:0]  s_axi_control_rresp,
  output logic        s_axi_control_rvalid,
  input  wire         s_axi_control_rready,

  output logic [31:0] m_axi_maps_awaddr,
  output logic [7:0]  m_axi_maps_awlen,
  output logic [2:0]  m_axi_maps_awsize,
  output logic [1:0]  m_axi_maps_awburst,
  output logic        m_axi_maps_awvalid,
  input  wire         m_axi_maps_awready,
  output logic [63:0] m_axi_maps_wdata,
  output logic [7:0]  m_axi_maps_wstrb,
  output logic        m_axi_maps_wlast,
  output logic        m_axi_maps_wvalid,
  input  wire         m_axi_maps_wready,
  input  wire  [1:0]  m_axi_maps_bresp,
  input  wire         m_axi_maps_bvalid,
  output logic        m_axi_maps_bready,
  output logic [31:0] m_axi_maps_araddr,
  output logic [7:0]  m_axi_maps_arlen,
  output logic [2:0]  m_axi_maps_arsize,
  output logic [1:0]  m_axi_maps_arburst,
  output logic        m_axi_maps_arvalid,
  input  wire         m_axi_maps_arready,
  input  wire  [63:0] m_axi_maps_rdata,
  input  wire  [1:0]  m_axi_maps_rresp,
  input  wire         m_axi_maps_rlast,
  input  wire         m_axi_maps_rvalid,
  output logic        m_axi_maps_rready,

  output logic [31:0] m_axi_program_araddr,
  output logic [7:0]  m_axi_program_arlen,
  output logic [2:0]  m_axi_program_arsize,
  output logic [1:0]  m_axi_program_arburst,
  output logic        m_axi_program_arvalid,
  input  wire         m_axi_program_arready,
  input  wire  [63:0] m_axi_program_rdata,
  input  wire  [1:0]  m_axi_program_rresp,
  input  wire         m_axi_program_rlast,
  input  wire         m_axi_program_rvalid,
  output logic        m_axi_program_rready
);
  localparam logic [1:0] Incr = 2'b01;
  localparam logic [1:0] FourBytes = 2'd2;

  firebrick_zynq u ();

  // The chip makes its clocks itself.
  logic unused_clocks;
  assign unused_clocks = &{1'b0, clk_fast_i, clock_lost_i};

  assign u.u_ps7.clk = clk_i;
  assign u.u_ps7.reset_n = rst_ni;
  assign irq_o = u.u_ps7.irq;

  assign u.u_ps7.gp0_awid = 12'd5;
  assign u.u_ps7.gp0_awaddr = s_axi_control_awaddr;
  assign u.u_ps7.gp0_awlen = 4'd0;
  assign u.u_ps7.gp0_awsize = FourBytes;
  assign u.u_ps7.gp0_awburst = Incr;
  assign u.u_ps7.gp0_awlock = 2'd0;
  assign u.u_ps7.gp0_awcache = 4'd0;
  assign u.u_ps7.gp0_awprot = 3'd0;
  assign u.u_ps7.gp0_awqos = 4'd0;
  assign u.u_ps7.gp0_awvalid = s_axi_control_awvalid;
  assign s_axi_control_awready = u.u_ps7.gp0_awready;
  assign u.u_ps7.gp0_wid = 12'd5;
  assign u.u_ps7.gp0_wdata = s_axi_control_wdata;
  assign u.u_ps7.gp0_wstrb = s_axi_control_wstrb;
  assign u.u_ps7.gp0_wlast = 1'b1;
  assign u.u_ps7.gp0_wvalid = s_axi_control_wvalid;
  assign s_axi_control_wready = u.u_ps7.gp0_wready;
  assign s_axi_control_bresp = u.u_ps7.gp0_bresp;
  assign s_axi_control_bvalid = u.u_ps7.gp0_bvalid;
  assign u.u_ps7.gp0_bready = s_axi_control_bready;
  assign u.u_ps7.gp0_arid = 12'd5;
  assign u.u_ps7.gp0_araddr = s_axi_control_araddr;
  assign u.u_ps7.gp0_arlen = 4'd0;
  assign u.u_ps7.gp0_arsize = FourBytes;
  assign u.u_ps7.gp0_arburst = Incr;
  assign u.u_ps7.gp0_arlock = 2'd0;
  assign u.u_ps7.gp0_arcache = 4'd0;
  assign u.u_ps7.gp0_arprot = 3'd0;
  assign u.u_ps7.gp0_arqos = 4'd0;
  assign u.u_ps7.gp0_arvalid = s_axi_control_arvalid;
  assign s_axi_control_arready = u.u_ps7.gp0_arready;
  assign s_axi_control_rdata = u.u_ps7.gp0_rdata;
  assign s_axi_control_rresp = u.u_ps7.gp0_rresp;
  assign s_axi_control_rvalid = u.u_ps7.gp0_rvalid;
  assign u.u_ps7.gp0_rready = s_axi_control_rready;

  assign m_axi_maps_awaddr = u.u_ps7.hp0_awaddr;
  assign m_axi_maps_awlen = 8'(u.u_ps7.hp0_awlen);
  assign m_axi_maps_awsize = 3'(u.u_ps7.hp0_awsize);
  assign m_axi_maps_awburst = u.u_ps7.hp0_awburst;
  assign m_axi_maps_awvalid = u.u_ps7.hp0_awvalid;
  assign u.u_ps7.hp0_awready = m_axi_maps_awready;
  assign m_axi_maps_wdata = u.u_ps7.hp0_wdata;
  assign m_axi_maps_wstrb = u.u_ps7.hp0_wstrb;
  assign m_axi_maps_wlast = u.u_ps7.hp0_wlast;
  assign m_axi_maps_wvalid = u.u_ps7.hp0_wvalid;
  assign u.u_ps7.hp0_wready = m_axi_maps_wready;
  assign u.u_ps7.hp0_bid = 6'd0;
  assign u.u_ps7.hp0_bresp = m_axi_maps_bresp;
  assign u.u_ps7.hp0_bvalid = m_axi_maps_bvalid;
  assign m_axi_maps_bready = u.u_ps7.hp0_bready;
  assign m_axi_maps_araddr = u.u_ps7.hp0_araddr;
  assign m_axi_maps_arlen = 8'(u.u_ps7.hp0_arlen);
  assign m_axi_maps_arsize = 3'(u.u_ps7.hp0_arsize);
  assign m_axi_maps_arburst = u.u_ps7.hp0_arburst;
  assign m_axi_maps_arvalid = u.u_ps7.hp0_arvalid;
  assign u.u_ps7.hp0_arready = m_axi_maps_arready;
  assign u.u_ps7.hp0_rid = 6'd0;
  assign u.u_ps7.hp0_rdata = m_axi_maps_rdata;
  assign u.u_ps7.hp0_rresp = m_axi_maps_rresp;
  assign u.u_ps7.hp0_rlast = m_axi_maps_rlast;
  assign u.u_ps7.hp0_rvalid = m_axi_maps_rvalid;
  assign m_axi_maps_rready = u.u_ps7.hp0_rready;

  assign m_axi_program_araddr = u.u_ps7.hp2_araddr;
  assign m_axi_program_arlen = 8'(u.u_ps7.hp2_arlen);
  assign m_axi_program_arsize = 3'(u.u_ps7.hp2_arsize);
  assign m_axi_program_arburst = u.u_ps7.hp2_arburst;
  assign m_axi_program_arvalid = u.u_ps7.hp2_arvalid;
  assign u.u_ps7.hp2_arready = m_axi_program_arready;
  assign u.u_ps7.hp2_rid = 6'd0;
  assign u.u_ps7.hp2_rdata = m_axi_program_rdata;
  assign u.u_ps7.hp2_rresp = m_axi_program_rresp;
  assign u.u_ps7.hp2_rlast = m_axi_program_rlast;
  assign u.u_ps7.hp2_rvalid = m_axi_program_rvalid;
  assign m_axi_program_rready = u.u_ps7.hp2_rready;
  assign u.u_ps7.hp2_awready = 1'b0;
  assign u.u_ps7.hp2_wready = 1'b0;
  assign u.u_ps7.hp2_bid = 6'd0;
  assign u.u_ps7.hp2_bresp = 2'd0;
  assign u.u_ps7.hp2_bvalid = 1'b0;
endmodule
/* verilator lint_on DECLFILENAME */

`default_nettype wire
