// The Zynq-7000's programmable logic: the engine, and what connects it to the processing system.
//
//   PS7  M_AXI_GP0 -> fb_axi3_slave -+-> firebrick_engine, registers at EngineBase
//                                    +-> fb_intc, registers at IntcBase
//        S_AXI_HP0 <- fb_slice <- m_axi_maps       IRQF2P[0] <- fb_intc <- irq_o
//        S_AXI_HP2 <- fb_slice <- m_axi_program    FCLKCLK[0] -> BUFG, FCLKRESETN[0] -> reset
//
// There is no block design: PS7 is the primitive itself.  Clock frequency, memory and pins of the
// processing system are not part of it (nor of a bitstream): the board's boot loader has set them.
// The module has no ports.  The pins of PS7 that lead to the package (MIO, DDR, PSCLK, ...) are
// wired inside the chip, not by the bitstream; they have no site that a tool could choose, so they
// are left open here, where Vivado's own wrapper brings them to ports to constrain what the boot
// loader then sets.  Ports would need BIBUFs, pin locations and I/O standards for nothing.
//
// Which ports: HP0 and HP1 share one of the four ports of the DDR controller, HP2 and HP3 another
// (UG585, chapter 10), so maps and program meet in the controller only.
// The HP ports must be in 64-bit mode: bit 0 of AFI_RDCHAN_CTRL and AFI_WRCHAN_CTRL of AFI 0 and 2
// (0xF8008000, 0xF8008014, 0xF800A000, 0xF800A014) is 0, which is what reset leaves.
//
// The HP ports are AXI3.  What the engine sends fits: bursts of at most 16 beats (four bits of
// length), INCR, 8 bytes a beat (size 3 of two bits), no burst across 128 bytes.  Constant signals:
//   ID 0          answers come in order, which the engine relies on; WID equals AWID
//   LOCK 0        no exclusive or locked accesses
//   CACHE 0b0011  bufferable and modifiable, not allocating: what Xilinx' own masters send.  The
//                 ports do not snoop the processor's caches, whatever is said here
//   PROT 0b000    secure data: passes whether or not the memory was set aside for secure masters
//   QOS 0         no say in the port's priority; AFI_xxCHAN_CTRL lets the processor set it
//   xxISSUECAP1EN 0   limits outstanding bursts by the first of two registers, as after reset: 8
//
// Clocks and reset: fb_clocks.  FCLKRESETN is asynchronous to FCLKCLK, three flip-flops make it
// synchronous; the paths to registers with ASYNC_REG are to be left out of timing analysis.
// IRQF2P[0] is interrupt ID 61, "fabric" in pynq's device tree.
`default_nettype none

module firebrick_zynq #(
  // As of firebrick_engine.
  parameter int unsigned Pixels = 14,
  parameter int unsigned Channels = 32,
  parameter int unsigned AccBits = 24,
  parameter int unsigned Pump = 1,
  parameter int unsigned ActWords = 4096,
  parameter int unsigned WeightWords = 8192,
  parameter int unsigned BiasPairs = 1024,
  parameter int unsigned PoolChannels = 512,
  parameter int unsigned PoolLineWords = 1024,
  parameter int unsigned Sums = 1024,
  parameter int unsigned FifoWords = 512,
  // Of the MMCM that a pumped engine's clocks come from: see fb_clocks.
  parameter int unsigned ClockMultiply = 10,
  parameter int unsigned ClockPeriodPs = 10000
);
  localparam int unsigned IdBits = 12;
  localparam logic [1:0] LockNormal = 2'b00;
  localparam logic [3:0] CacheMemory = 4'b0011;
  localparam logic [2:0] ProtData = 3'b000;
  localparam logic [3:0] QosNone = 4'b0000;
  localparam logic [5:0] HpId = 6'd0;

  // ------------------------------------------------------------------------------ clock and reset
  logic [3:0] fclk, fclk_reset_n;
  logic       clk, clk_fast, rst_n, clock_lost;

  fb_clocks #(
    .Pump    (Pump),
    .Multiply(ClockMultiply),
    .PeriodPs(ClockPeriodPs)
  ) u_clocks (
    .fclk_i       (fclk[0]),
    .fclk_reset_ni(fclk_reset_n[0]),
    .clk_o        (clk),
    .clk_fast_o   (clk_fast),
    .rst_no       (rst_n),
    .lost_o       (clock_lost)
  );

  // ------------------------------------------------------------------------ registers behind GP0
  logic [IdBits-1:0] gp_awid, gp_wid, gp_bid, gp_arid, gp_rid;
  logic [31:0]       gp_awaddr, gp_wdata, gp_araddr, gp_rdata;
  logic [3:0]        gp_awlen, gp_arlen, gp_wstrb;
  logic [1:0]        gp_awsize, gp_awburst, gp_arsize, gp_arburst, gp_bresp, gp_rresp;
  logic              gp_awvalid, gp_awready, gp_wlast, gp_wvalid, gp_wready, gp_bvalid, gp_bready;
  logic              gp_arvalid, gp_arready, gp_rlast, gp_rvalid, gp_rready;

  // Window 0: the engine, window 1: the interrupt controller.
  logic [31:0]       lite_awaddr, lite_wdata, lite_araddr;
  logic [3:0]        lite_wstrb;
  logic [1:0]        lite_awvalid, lite_awready, lite_wvalid, lite_wready, lite_bvalid, lite_bready;
  logic [1:0]        lite_arvalid, lite_arready, lite_rvalid, lite_rready;
  logic [1:0][1:0]   lite_bresp, lite_rresp;
  logic [1:0][31:0]  lite_rdata;

  fb_axi3_slave #(
    .IdBits(IdBits)
  ) u_gp (
    .clk_i         (clk),
    .rst_ni        (rst_n),
    .axi_awid_i    (gp_awid),
    .axi_awaddr_i  (gp_awaddr),
    .axi_awlen_i   (gp_awlen),
    .axi_awsize_i  (gp_awsize),
    .axi_awburst_i (gp_awburst),
    .axi_awvalid_i (gp_awvalid),
    .axi_awready_o (gp_awready),
    .axi_wid_i     (gp_wid),
    .axi_wdata_i   (gp_wdata),
    .axi_wstrb_i   (gp_wstrb),
    .axi_wlast_i   (gp_wlast),
    .axi_wvalid_i  (gp_wvalid),
    .axi_wready_o  (gp_wready),
    .axi_bid_o     (gp_bid),
    .axi_bresp_o   (gp_bresp),
    .axi_bvalid_o  (gp_bvalid),
    .axi_bready_i  (gp_bready),
    .axi_arid_i    (gp_arid),
    .axi_araddr_i  (gp_araddr),
    .axi_arlen_i   (gp_arlen),
    .axi_arsize_i  (gp_arsize),
    .axi_arburst_i (gp_arburst),
    .axi_arvalid_i (gp_arvalid),
    .axi_arready_o (gp_arready),
    .axi_rid_o     (gp_rid),
    .axi_rdata_o   (gp_rdata),
    .axi_rresp_o   (gp_rresp),
    .axi_rlast_o   (gp_rlast),
    .axi_rvalid_o  (gp_rvalid),
    .axi_rready_i  (gp_rready),
    .lite_awaddr_o (lite_awaddr),
    .lite_awvalid_o(lite_awvalid),
    .lite_awready_i(lite_awready),
    .lite_wdata_o  (lite_wdata),
    .lite_wstrb_o  (lite_wstrb),
    .lite_wvalid_o (lite_wvalid),
    .lite_wready_i (lite_wready),
    .lite_bresp_i  (lite_bresp),
    .lite_bvalid_i (lite_bvalid),
    .lite_bready_o (lite_bready),
    .lite_araddr_o (lite_araddr),
    .lite_arvalid_o(lite_arvalid),
    .lite_arready_i(lite_arready),
    .lite_rdata_i  (lite_rdata),
    .lite_rresp_i  (lite_rresp),
    .lite_rvalid_i (lite_rvalid),
    .lite_rready_o (lite_rready)
  );

  logic irq, intc_irq;

  fb_intc u_intc (
    .clk_i         (clk),
    .rst_ni        (rst_n),
    .irq_i         (irq),
    .irq_o         (intc_irq),
    .axil_awaddr_i (lite_awaddr[firebrick_pkg::IntcBits-1:0]),
    .axil_awvalid_i(lite_awvalid[1]),
    .axil_awready_o(lite_awready[1]),
    .axil_wdata_i  (lite_wdata),
    .axil_wstrb_i  (lite_wstrb),
    .axil_wvalid_i (lite_wvalid[1]),
    .axil_wready_o (lite_wready[1]),
    .axil_bresp_o  (lite_bresp[1]),
    .axil_bvalid_o (lite_bvalid[1]),
    .axil_bready_i (lite_bready[1]),
    .axil_araddr_i (lite_araddr[firebrick_pkg::IntcBits-1:0]),
    .axil_arvalid_i(lite_arvalid[1]),
    .axil_arready_o(lite_arready[1]),
    .axil_rdata_o  (lite_rdata[1]),
    .axil_rresp_o  (lite_rresp[1]),
    .axil_rvalid_o (lite_rvalid[1]),
    .axil_rready_i (lite_rready[1])
  );

  // --------------------------------------------------------------------------------------- engine
  logic [31:0] maps_awaddr, maps_araddr, program_araddr;
  logic [7:0]  maps_awlen, maps_arlen, program_arlen, maps_wstrb;
  logic [2:0]  maps_awsize, maps_arsize, program_arsize;
  logic [1:0]  maps_awburst, maps_arburst, program_arburst, maps_bresp, maps_rresp, program_rresp;
  logic        maps_awvalid, maps_awready, maps_wlast, maps_wvalid, maps_wready;
  logic        maps_bvalid, maps_bready, maps_arvalid, maps_arready;
  logic        maps_rlast, maps_rvalid, maps_rready;
  logic        program_arvalid, program_arready, program_rlast, program_rvalid, program_rready;
  logic [63:0] maps_wdata, maps_rdata, program_rdata;

  firebrick_engine #(
    .Pixels(Pixels),
    .Channels(Channels),
    .AccBits(AccBits),
    .Pump(Pump),
    .FastClock(Pump > 1),
    .ActWords(ActWords),
    .WeightWords(WeightWords),
    .BiasPairs(BiasPairs),
    .PoolChannels(PoolChannels),
    .PoolLineWords(PoolLineWords),
    .Sums(Sums),
    .FifoWords(FifoWords)
  ) u_engine (
    .clk_i                (clk),
    .clk_fast_i           (clk_fast),
    .rst_ni               (rst_n),
    .clock_lost_i         (clock_lost),
    .irq_o                (irq),
    .s_axi_control_awaddr (lite_awaddr[firebrick_pkg::RegisterBits-1:0]),
    .s_axi_control_awvalid(lite_awvalid[0]),
    .s_axi_control_awready(lite_awready[0]),
    .s_axi_control_wdata  (lite_wdata),
    .s_axi_control_wstrb  (lite_wstrb),
    .s_axi_control_wvalid (lite_wvalid[0]),
    .s_axi_control_wready (lite_wready[0]),
    .s_axi_control_bresp  (lite_bresp[0]),
    .s_axi_control_bvalid (lite_bvalid[0]),
    .s_axi_control_bready (lite_bready[0]),
    .s_axi_control_araddr (lite_araddr[firebrick_pkg::RegisterBits-1:0]),
    .s_axi_control_arvalid(lite_arvalid[0]),
    .s_axi_control_arready(lite_arready[0]),
    .s_axi_control_rdata  (lite_rdata[0]),
    .s_axi_control_rresp  (lite_rresp[0]),
    .s_axi_control_rvalid (lite_rvalid[0]),
    .s_axi_control_rready (lite_rready[0]),
    .m_axi_maps_awaddr    (maps_awaddr),
    .m_axi_maps_awlen     (maps_awlen),
    .m_axi_maps_awsize    (maps_awsize),
    .m_axi_maps_awburst   (maps_awburst),
    .m_axi_maps_awvalid   (maps_awvalid),
    .m_axi_maps_awready   (maps_awready),
    .m_axi_maps_wdata     (maps_wdata),
    .m_axi_maps_wstrb     (maps_wstrb),
    .m_axi_maps_wlast     (maps_wlast),
    .m_axi_maps_wvalid    (maps_wvalid),
    .m_axi_maps_wready    (maps_wready),
    .m_axi_maps_bresp     (maps_bresp),
    .m_axi_maps_bvalid    (maps_bvalid),
    .m_axi_maps_bready    (maps_bready),
    .m_axi_maps_araddr    (maps_araddr),
    .m_axi_maps_arlen     (maps_arlen),
    .m_axi_maps_arsize    (maps_arsize),
    .m_axi_maps_arburst   (maps_arburst),
    .m_axi_maps_arvalid   (maps_arvalid),
    .m_axi_maps_arready   (maps_arready),
    .m_axi_maps_rdata     (maps_rdata),
    .m_axi_maps_rresp     (maps_rresp),
    .m_axi_maps_rlast     (maps_rlast),
    .m_axi_maps_rvalid    (maps_rvalid),
    .m_axi_maps_rready    (maps_rready),
    .m_axi_program_araddr (program_araddr),
    .m_axi_program_arlen  (program_arlen),
    .m_axi_program_arsize (program_arsize),
    .m_axi_program_arburst(program_arburst),
    .m_axi_program_arvalid(program_arvalid),
    .m_axi_program_arready(program_arready),
    .m_axi_program_rdata  (program_rdata),
    .m_axi_program_rresp  (program_rresp),
    .m_axi_program_rlast  (program_rlast),
    .m_axi_program_rvalid (program_rvalid),
    .m_axi_program_rready (program_rready)
  );

  // What goes to the HP ports passes registers: their ready signals come late in the cycle, and the
  // engine's masters have a few levels of logic behind them.  Data and answers need none, since the
  // masters put them into registers and are always ready.
  logic [31:0] hp0_awaddr, hp0_araddr, hp2_araddr;
  logic [3:0]  hp0_awlen, hp0_arlen, hp2_arlen;
  logic [1:0]  hp0_awsize, hp0_arsize, hp2_arsize, hp0_awburst, hp0_arburst, hp2_arburst;
  logic        hp0_awvalid, hp0_awready, hp0_arvalid, hp0_arready, hp2_arvalid, hp2_arready;
  logic [63:0] hp0_wdata;
  logic [7:0]  hp0_wstrb;
  logic        hp0_wlast, hp0_wvalid, hp0_wready;

  fb_slice #(
    .Width(40)
  ) u_maps_aw (
    .clk_i      (clk),
    .rst_ni     (rst_n),
    .in_valid_i (maps_awvalid),
    .in_ready_o (maps_awready),
    .in_data_i  ({maps_awaddr, maps_awlen[3:0], maps_awsize[1:0], maps_awburst}),
    .out_valid_o(hp0_awvalid),
    .out_ready_i(hp0_awready),
    .out_data_o ({hp0_awaddr, hp0_awlen, hp0_awsize, hp0_awburst})
  );

  fb_slice #(
    .Width(73)
  ) u_maps_w (
    .clk_i      (clk),
    .rst_ni     (rst_n),
    .in_valid_i (maps_wvalid),
    .in_ready_o (maps_wready),
    .in_data_i  ({maps_wdata, maps_wstrb, maps_wlast}),
    .out_valid_o(hp0_wvalid),
    .out_ready_i(hp0_wready),
    .out_data_o ({hp0_wdata, hp0_wstrb, hp0_wlast})
  );

  fb_slice #(
    .Width(40)
  ) u_maps_ar (
    .clk_i      (clk),
    .rst_ni     (rst_n),
    .in_valid_i (maps_arvalid),
    .in_ready_o (maps_arready),
    .in_data_i  ({maps_araddr, maps_arlen[3:0], maps_arsize[1:0], maps_arburst}),
    .out_valid_o(hp0_arvalid),
    .out_ready_i(hp0_arready),
    .out_data_o ({hp0_araddr, hp0_arlen, hp0_arsize, hp0_arburst})
  );

  fb_slice #(
    .Width(40)
  ) u_program_ar (
    .clk_i      (clk),
    .rst_ni     (rst_n),
    .in_valid_i (program_arvalid),
    .in_ready_o (program_arready),
    .in_data_i  ({program_araddr, program_arlen[3:0], program_arsize[1:0], program_arburst}),
    .out_valid_o(hp2_arvalid),
    .out_ready_i(hp2_arready),
    .out_data_o ({hp2_araddr, hp2_arlen, hp2_arsize, hp2_arburst})
  );

  logic unused_bits;
  assign unused_bits = &{1'b0, fclk[3:1], fclk_reset_n[3:1], maps_awlen[7:4], maps_arlen[7:4],
                         program_arlen[7:4], maps_awsize[2], maps_arsize[2], program_arsize[2],
                         lite_awaddr[31:firebrick_pkg::RegisterBits],
                         lite_araddr[31:firebrick_pkg::RegisterBits]};

  // ---------------------------------------------------------------------------- processing system
  // Outputs that nothing here reads are left out, and so are the package's pins; every input is
  // connected.
  /* verilator lint_off PINMISSING */
  (* keep, DONT_TOUCH = "TRUE" *) PS7 u_ps7 (
    .FCLKCLK   (fclk),
    .FCLKRESETN(fclk_reset_n),
    .IRQF2P    ({19'd0, intc_irq}),

    .MAXIGP0ACLK   (clk),
    .MAXIGP0AWID   (gp_awid),
    .MAXIGP0AWADDR (gp_awaddr),
    .MAXIGP0AWLEN  (gp_awlen),
    .MAXIGP0AWSIZE (gp_awsize),
    .MAXIGP0AWBURST(gp_awburst),
    .MAXIGP0AWVALID(gp_awvalid),
    .MAXIGP0AWREADY(gp_awready),
    .MAXIGP0WID    (gp_wid),
    .MAXIGP0WDATA  (gp_wdata),
    .MAXIGP0WSTRB  (gp_wstrb),
    .MAXIGP0WLAST  (gp_wlast),
    .MAXIGP0WVALID (gp_wvalid),
    .MAXIGP0WREADY (gp_wready),
    .MAXIGP0BID    (gp_bid),
    .MAXIGP0BRESP  (gp_bresp),
    .MAXIGP0BVALID (gp_bvalid),
    .MAXIGP0BREADY (gp_bready),
    .MAXIGP0ARID   (gp_arid),
    .MAXIGP0ARADDR (gp_araddr),
    .MAXIGP0ARLEN  (gp_arlen),
    .MAXIGP0ARSIZE (gp_arsize),
    .MAXIGP0ARBURST(gp_arburst),
    .MAXIGP0ARVALID(gp_arvalid),
    .MAXIGP0ARREADY(gp_arready),
    .MAXIGP0RID    (gp_rid),
    .MAXIGP0RDATA  (gp_rdata),
    .MAXIGP0RRESP  (gp_rresp),
    .MAXIGP0RLAST  (gp_rlast),
    .MAXIGP0RVALID (gp_rvalid),
    .MAXIGP0RREADY (gp_rready),

    .SAXIHP0ACLK         (clk),
    .SAXIHP0AWID         (HpId),
    .SAXIHP0AWADDR       (hp0_awaddr),
    .SAXIHP0AWLEN        (hp0_awlen),
    .SAXIHP0AWSIZE       (hp0_awsize),
    .SAXIHP0AWBURST      (hp0_awburst),
    .SAXIHP0AWLOCK       (LockNormal),
    .SAXIHP0AWCACHE      (CacheMemory),
    .SAXIHP0AWPROT       (ProtData),
    .SAXIHP0AWQOS        (QosNone),
    .SAXIHP0AWVALID      (hp0_awvalid),
    .SAXIHP0AWREADY      (hp0_awready),
    .SAXIHP0WID          (HpId),
    .SAXIHP0WDATA        (hp0_wdata),
    .SAXIHP0WSTRB        (hp0_wstrb),
    .SAXIHP0WLAST        (hp0_wlast),
    .SAXIHP0WVALID       (hp0_wvalid),
    .SAXIHP0WREADY       (hp0_wready),
    .SAXIHP0BRESP        (maps_bresp),
    .SAXIHP0BVALID       (maps_bvalid),
    .SAXIHP0BREADY       (maps_bready),
    .SAXIHP0ARID         (HpId),
    .SAXIHP0ARADDR       (hp0_araddr),
    .SAXIHP0ARLEN        (hp0_arlen),
    .SAXIHP0ARSIZE       (hp0_arsize),
    .SAXIHP0ARBURST      (hp0_arburst),
    .SAXIHP0ARLOCK       (LockNormal),
    .SAXIHP0ARCACHE      (CacheMemory),
    .SAXIHP0ARPROT       (ProtData),
    .SAXIHP0ARQOS        (QosNone),
    .SAXIHP0ARVALID      (hp0_arvalid),
    .SAXIHP0ARREADY      (hp0_arready),
    .SAXIHP0RDATA        (maps_rdata),
    .SAXIHP0RRESP        (maps_rresp),
    .SAXIHP0RLAST        (maps_rlast),
    .SAXIHP0RVALID       (maps_rvalid),
    .SAXIHP0RREADY       (maps_rready),
    .SAXIHP0RDISSUECAP1EN(1'b0),
    .SAXIHP0WRISSUECAP1EN(1'b0),

    // Nothing is written through HP2.
    .SAXIHP2ACLK         (clk),
    .SAXIHP2AWID         (HpId),
    .SAXIHP2AWADDR       (32'd0),
    .SAXIHP2AWLEN        (4'd0),
    .SAXIHP2AWSIZE       (2'd0),
    .SAXIHP2AWBURST      (2'd1),
    .SAXIHP2AWLOCK       (LockNormal),
    .SAXIHP2AWCACHE      (CacheMemory),
    .SAXIHP2AWPROT       (ProtData),
    .SAXIHP2AWQOS        (QosNone),
    .SAXIHP2AWVALID      (1'b0),
    .SAXIHP2WID          (HpId),
    .SAXIHP2WDATA        (64'd0),
    .SAXIHP2WSTRB        (8'd0),
    .SAXIHP2WLAST        (1'b0),
    .SAXIHP2WVALID       (1'b0),
    .SAXIHP2BREADY       (1'b1),
    .SAXIHP2ARID         (HpId),
    .SAXIHP2ARADDR       (hp2_araddr),
    .SAXIHP2ARLEN        (hp2_arlen),
    .SAXIHP2ARSIZE       (hp2_arsize),
    .SAXIHP2ARBURST      (hp2_arburst),
    .SAXIHP2ARLOCK       (LockNormal),
    .SAXIHP2ARCACHE      (CacheMemory),
    .SAXIHP2ARPROT       (ProtData),
    .SAXIHP2ARQOS        (QosNone),
    .SAXIHP2ARVALID      (hp2_arvalid),
    .SAXIHP2ARREADY      (hp2_arready),
    .SAXIHP2RDATA        (program_rdata),
    .SAXIHP2RRESP        (program_rresp),
    .SAXIHP2RLAST        (program_rlast),
    .SAXIHP2RVALID       (program_rvalid),
    .SAXIHP2RREADY       (program_rready),
    .SAXIHP2RDISSUECAP1EN(1'b0),
    .SAXIHP2WRISSUECAP1EN(1'b0),

    // Not used: peripheral requests to the DMA controller.
    .DMA0ACLK(1'd0), .DMA0DAREADY(1'd0), .DMA0DRLAST(1'd0), .DMA0DRTYPE(2'd0), .DMA0DRVALID(1'd0),
    .DMA1ACLK(1'd0), .DMA1DAREADY(1'd0), .DMA1DRLAST(1'd0), .DMA1DRTYPE(2'd0), .DMA1DRVALID(1'd0),
    .DMA2ACLK(1'd0), .DMA2DAREADY(1'd0), .DMA2DRLAST(1'd0), .DMA2DRTYPE(2'd0), .DMA2DRVALID(1'd0),
    .DMA3ACLK(1'd0), .DMA3DAREADY(1'd0), .DMA3DRLAST(1'd0), .DMA3DRTYPE(2'd0), .DMA3DRVALID(1'd0),
    // Not used: peripherals routed through the fabric (EMIO); their lines are at rest.
    .EMIOCAN0PHYRX(1'd0), .EMIOCAN1PHYRX(1'd0), .EMIOENET0EXTINTIN(1'd0), .EMIOENET0GMIICOL(1'd0),
    .EMIOENET0GMIICRS(1'd0), .EMIOENET0GMIIRXCLK(1'd0), .EMIOENET0GMIIRXD(8'd0),
    .EMIOENET0GMIIRXDV(1'd0), .EMIOENET0GMIIRXER(1'd0), .EMIOENET0GMIITXCLK(1'd0),
    .EMIOENET0MDIOI(1'd0), .EMIOENET1EXTINTIN(1'd0), .EMIOENET1GMIICOL(1'd0),
    .EMIOENET1GMIICRS(1'd0), .EMIOENET1GMIIRXCLK(1'd0), .EMIOENET1GMIIRXD(8'd0),
    .EMIOENET1GMIIRXDV(1'd0), .EMIOENET1GMIIRXER(1'd0), .EMIOENET1GMIITXCLK(1'd0),
    .EMIOENET1MDIOI(1'd0), .EMIOGPIOI(64'd0), .EMIOI2C0SCLI(1'd1), .EMIOI2C0SDAI(1'd1),
    .EMIOI2C1SCLI(1'd1), .EMIOI2C1SDAI(1'd1), .EMIOPJTAGTCK(1'd0), .EMIOPJTAGTDI(1'd0),
    .EMIOPJTAGTMS(1'd0), .EMIOSDIO0CDN(1'd0), .EMIOSDIO0CLKFB(1'd0), .EMIOSDIO0CMDI(1'd0),
    .EMIOSDIO0DATAI(4'd0), .EMIOSDIO0WP(1'd0), .EMIOSDIO1CDN(1'd0), .EMIOSDIO1CLKFB(1'd0),
    .EMIOSDIO1CMDI(1'd0), .EMIOSDIO1DATAI(4'd0), .EMIOSDIO1WP(1'd0), .EMIOSPI0MI(1'd0),
    .EMIOSPI0SCLKI(1'd0), .EMIOSPI0SI(1'd0), .EMIOSPI0SSIN(1'd1), .EMIOSPI1MI(1'd0),
    .EMIOSPI1SCLKI(1'd0), .EMIOSPI1SI(1'd0), .EMIOSPI1SSIN(1'd1), .EMIOSRAMINTIN(1'd0),
    .EMIOTRACECLK(1'd0), .EMIOTTC0CLKI(3'd0), .EMIOTTC1CLKI(3'd0), .EMIOUART0CTSN(1'd1),
    .EMIOUART0DCDN(1'd1), .EMIOUART0DSRN(1'd1), .EMIOUART0RIN(1'd1), .EMIOUART0RX(1'd1),
    .EMIOUART1CTSN(1'd1), .EMIOUART1DCDN(1'd1), .EMIOUART1DSRN(1'd1), .EMIOUART1RIN(1'd1),
    .EMIOUART1RX(1'd1), .EMIOUSB0VBUSPWRFAULT(1'd0), .EMIOUSB1VBUSPWRFAULT(1'd0),
    .EMIOWDTCLKI(1'd0),
    // Not used: events, trace, triggers, urgent memory requests.  FPGAIDLEN: ports are not idle.
    .DDRARB(4'd0), .EVENTEVENTI(1'd0), .FCLKCLKTRIGN(4'd0), .FPGAIDLEN(1'd1),
    .FTMDTRACEINATID(4'd0), .FTMDTRACEINCLOCK(1'd0), .FTMDTRACEINDATA(32'd0),
    .FTMDTRACEINVALID(1'd0), .FTMTF2PDEBUG(32'd0), .FTMTF2PTRIG(4'd0), .FTMTP2FTRIGACK(4'd0),
    // Not used: M_AXI_GP1.
    .MAXIGP1ACLK(1'd0), .MAXIGP1ARREADY(1'd0), .MAXIGP1AWREADY(1'd0), .MAXIGP1BID(12'd0),
    .MAXIGP1BRESP(2'd0), .MAXIGP1BVALID(1'd0), .MAXIGP1RDATA(32'd0), .MAXIGP1RID(12'd0),
    .MAXIGP1RLAST(1'd0), .MAXIGP1RRESP(2'd0), .MAXIGP1RVALID(1'd0), .MAXIGP1WREADY(1'd0),
    // Not used: S_AXI_ACP.
    .SAXIACPACLK(1'd0), .SAXIACPARADDR(32'd0), .SAXIACPARBURST(2'd0), .SAXIACPARCACHE(4'd0),
    .SAXIACPARID(3'd0), .SAXIACPARLEN(4'd0), .SAXIACPARLOCK(2'd0), .SAXIACPARPROT(3'd0),
    .SAXIACPARQOS(4'd0), .SAXIACPARSIZE(2'd0), .SAXIACPARUSER(5'd0), .SAXIACPARVALID(1'd0),
    .SAXIACPAWADDR(32'd0), .SAXIACPAWBURST(2'd0), .SAXIACPAWCACHE(4'd0), .SAXIACPAWID(3'd0),
    .SAXIACPAWLEN(4'd0), .SAXIACPAWLOCK(2'd0), .SAXIACPAWPROT(3'd0), .SAXIACPAWQOS(4'd0),
    .SAXIACPAWSIZE(2'd0), .SAXIACPAWUSER(5'd0), .SAXIACPAWVALID(1'd0), .SAXIACPBREADY(1'd0),
    .SAXIACPRREADY(1'd0), .SAXIACPWDATA(64'd0), .SAXIACPWID(3'd0), .SAXIACPWLAST(1'd0),
    .SAXIACPWSTRB(8'd0), .SAXIACPWVALID(1'd0),
    // Not used: S_AXI_GP0.
    .SAXIGP0ACLK(1'd0), .SAXIGP0ARADDR(32'd0), .SAXIGP0ARBURST(2'd0), .SAXIGP0ARCACHE(4'd0),
    .SAXIGP0ARID(6'd0), .SAXIGP0ARLEN(4'd0), .SAXIGP0ARLOCK(2'd0), .SAXIGP0ARPROT(3'd0),
    .SAXIGP0ARQOS(4'd0), .SAXIGP0ARSIZE(2'd0), .SAXIGP0ARVALID(1'd0), .SAXIGP0AWADDR(32'd0),
    .SAXIGP0AWBURST(2'd0), .SAXIGP0AWCACHE(4'd0), .SAXIGP0AWID(6'd0), .SAXIGP0AWLEN(4'd0),
    .SAXIGP0AWLOCK(2'd0), .SAXIGP0AWPROT(3'd0), .SAXIGP0AWQOS(4'd0), .SAXIGP0AWSIZE(2'd0),
    .SAXIGP0AWVALID(1'd0), .SAXIGP0BREADY(1'd0), .SAXIGP0RREADY(1'd0), .SAXIGP0WDATA(32'd0),
    .SAXIGP0WID(6'd0), .SAXIGP0WLAST(1'd0), .SAXIGP0WSTRB(4'd0), .SAXIGP0WVALID(1'd0),
    // Not used: S_AXI_GP1.
    .SAXIGP1ACLK(1'd0), .SAXIGP1ARADDR(32'd0), .SAXIGP1ARBURST(2'd0), .SAXIGP1ARCACHE(4'd0),
    .SAXIGP1ARID(6'd0), .SAXIGP1ARLEN(4'd0), .SAXIGP1ARLOCK(2'd0), .SAXIGP1ARPROT(3'd0),
    .SAXIGP1ARQOS(4'd0), .SAXIGP1ARSIZE(2'd0), .SAXIGP1ARVALID(1'd0), .SAXIGP1AWADDR(32'd0),
    .SAXIGP1AWBURST(2'd0), .SAXIGP1AWCACHE(4'd0), .SAXIGP1AWID(6'd0), .SAXIGP1AWLEN(4'd0),
    .SAXIGP1AWLOCK(2'd0), .SAXIGP1AWPROT(3'd0), .SAXIGP1AWQOS(4'd0), .SAXIGP1AWSIZE(2'd0),
    .SAXIGP1AWVALID(1'd0), .SAXIGP1BREADY(1'd0), .SAXIGP1RREADY(1'd0), .SAXIGP1WDATA(32'd0),
    .SAXIGP1WID(6'd0), .SAXIGP1WLAST(1'd0), .SAXIGP1WSTRB(4'd0), .SAXIGP1WVALID(1'd0),
    // Not used: S_AXI_HP1.
    .SAXIHP1ACLK(1'd0), .SAXIHP1ARADDR(32'd0), .SAXIHP1ARBURST(2'd0), .SAXIHP1ARCACHE(4'd0),
    .SAXIHP1ARID(6'd0), .SAXIHP1ARLEN(4'd0), .SAXIHP1ARLOCK(2'd0), .SAXIHP1ARPROT(3'd0),
    .SAXIHP1ARQOS(4'd0), .SAXIHP1ARSIZE(2'd0), .SAXIHP1ARVALID(1'd0), .SAXIHP1AWADDR(32'd0),
    .SAXIHP1AWBURST(2'd0), .SAXIHP1AWCACHE(4'd0), .SAXIHP1AWID(6'd0), .SAXIHP1AWLEN(4'd0),
    .SAXIHP1AWLOCK(2'd0), .SAXIHP1AWPROT(3'd0), .SAXIHP1AWQOS(4'd0), .SAXIHP1AWSIZE(2'd0),
    .SAXIHP1AWVALID(1'd0), .SAXIHP1BREADY(1'd0), .SAXIHP1RDISSUECAP1EN(1'd0), .SAXIHP1RREADY(1'd0),
    .SAXIHP1WDATA(64'd0), .SAXIHP1WID(6'd0), .SAXIHP1WLAST(1'd0), .SAXIHP1WRISSUECAP1EN(1'd0),
    .SAXIHP1WSTRB(8'd0), .SAXIHP1WVALID(1'd0),
    // Not used: S_AXI_HP3.
    .SAXIHP3ACLK(1'd0), .SAXIHP3ARADDR(32'd0), .SAXIHP3ARBURST(2'd0), .SAXIHP3ARCACHE(4'd0),
    .SAXIHP3ARID(6'd0), .SAXIHP3ARLEN(4'd0), .SAXIHP3ARLOCK(2'd0), .SAXIHP3ARPROT(3'd0),
    .SAXIHP3ARQOS(4'd0), .SAXIHP3ARSIZE(2'd0), .SAXIHP3ARVALID(1'd0), .SAXIHP3AWADDR(32'd0),
    .SAXIHP3AWBURST(2'd0), .SAXIHP3AWCACHE(4'd0), .SAXIHP3AWID(6'd0), .SAXIHP3AWLEN(4'd0),
    .SAXIHP3AWLOCK(2'd0), .SAXIHP3AWPROT(3'd0), .SAXIHP3AWQOS(4'd0), .SAXIHP3AWSIZE(2'd0),
    .SAXIHP3AWVALID(1'd0), .SAXIHP3BREADY(1'd0), .SAXIHP3RDISSUECAP1EN(1'd0), .SAXIHP3RREADY(1'd0),
    .SAXIHP3WDATA(64'd0), .SAXIHP3WID(6'd0), .SAXIHP3WLAST(1'd0), .SAXIHP3WRISSUECAP1EN(1'd0),
    .SAXIHP3WSTRB(8'd0), .SAXIHP3WVALID(1'd0)
  );
  /* verilator lint_on PINMISSING */
endmodule

`default_nettype wire
