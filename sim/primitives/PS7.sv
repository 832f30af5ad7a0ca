// Stand-in of Xilinx' PS7 primitive for simulation: all of its ports, by their real names, and
// nothing behind them.  A bench drives and reads the signals below through the simulator's
// interface: clock, reset, interrupt and the three buses that the design uses, by the names that
// the AXI classes look for.
`default_nettype none

/* verilator lint_off DECLFILENAME */
/* verilator lint_off UNUSEDSIGNAL */
/* verilator lint_off UNDRIVEN */
module PS7 (
  inout wire DDRCASB, DDRCKE, DDRCKN, DDRCKP, DDRCSB, DDRDRSTB, DDRODT, DDRRASB, DDRVRN, DDRVRP,
    DDRWEB, PSCLK, PSPORB, PSSRSTB,
  inout wire [2:0] DDRBA,
  inout wire [3:0] DDRDM, DDRDQSN, DDRDQSP,
  inout wire [14:0] DDRA,
  inout wire [31:0] DDRDQ,
  inout wire [53:0] MIO,
  output logic DMA0DAVALID, DMA0DRREADY, DMA0RSTN, DMA1DAVALID, DMA1DRREADY, DMA1RSTN, DMA2DAVALID,
    DMA2DRREADY, DMA2RSTN, DMA3DAVALID, DMA3DRREADY, DMA3RSTN, EMIOCAN0PHYTX, EMIOCAN1PHYTX,
    EMIOENET0GMIITXEN, EMIOENET0GMIITXER, EMIOENET0MDIOMDC, EMIOENET0MDIOO, EMIOENET0MDIOTN,
    EMIOENET0PTPDELAYREQRX, EMIOENET0PTPDELAYREQTX, EMIOENET0PTPPDELAYREQRX,
    EMIOENET0PTPPDELAYREQTX, EMIOENET0PTPPDELAYRESPRX, EMIOENET0PTPPDELAYRESPTX,
    EMIOENET0PTPSYNCFRAMERX, EMIOENET0PTPSYNCFRAMETX, EMIOENET0SOFRX, EMIOENET0SOFTX,
    EMIOENET1GMIITXEN, EMIOENET1GMIITXER, EMIOENET1MDIOMDC, EMIOENET1MDIOO, EMIOENET1MDIOTN,
    EMIOENET1PTPDELAYREQRX, EMIOENET1PTPDELAYREQTX, EMIOENET1PTPPDELAYREQRX,
    EMIOENET1PTPPDELAYREQTX, EMIOENET1PTPPDELAYRESPRX, EMIOENET1PTPPDELAYRESPTX,
    EMIOENET1PTPSYNCFRAMERX, EMIOENET1PTPSYNCFRAMETX, EMIOENET1SOFRX, EMIOENET1SOFTX, EMIOI2C0SCLO,
    EMIOI2C0SCLTN, EMIOI2C0SDAO, EMIOI2C0SDATN, EMIOI2C1SCLO, EMIOI2C1SCLTN, EMIOI2C1SDAO,
    EMIOI2C1SDATN, EMIOPJTAGTDO, EMIOPJTAGTDTN, EMIOSDIO0BUSPOW, EMIOSDIO0CLK, EMIOSDIO0CMDO,
    EMIOSDIO0CMDTN, EMIOSDIO0LED, EMIOSDIO1BUSPOW, EMIOSDIO1CLK, EMIOSDIO1CMDO, EMIOSDIO1CMDTN,
    EMIOSDIO1LED, EMIOSPI0MO, EMIOSPI0MOTN, EMIOSPI0SCLKO, EMIOSPI0SCLKTN, EMIOSPI0SO,
    EMIOSPI0SSNTN, EMIOSPI0STN, EMIOSPI1MO, EMIOSPI1MOTN, EMIOSPI1SCLKO, EMIOSPI1SCLKTN, EMIOSPI1SO,
    EMIOSPI1SSNTN, EMIOSPI1STN, EMIOTRACECTL, EMIOUART0DTRN, EMIOUART0RTSN, EMIOUART0TX,
    EMIOUART1DTRN, EMIOUART1RTSN, EMIOUART1TX, EMIOUSB0VBUSPWRSELECT, EMIOUSB1VBUSPWRSELECT,
    EMIOWDTRSTO, EVENTEVENTO, MAXIGP0ARESETN, MAXIGP0ARVALID, MAXIGP0AWVALID, MAXIGP0BREADY,
    MAXIGP0RREADY, MAXIGP0WLAST, MAXIGP0WVALID, MAXIGP1ARESETN, MAXIGP1ARVALID, MAXIGP1AWVALID,
    MAXIGP1BREADY, MAXIGP1RREADY, MAXIGP1WLAST, MAXIGP1WVALID, SAXIACPARESETN, SAXIACPARREADY,
    SAXIACPAWREADY, SAXIACPBVALID, SAXIACPRLAST, SAXIACPRVALID, SAXIACPWREADY, SAXIGP0ARESETN,
    SAXIGP0ARREADY, SAXIGP0AWREADY, SAXIGP0BVALID, SAXIGP0RLAST, SAXIGP0RVALID, SAXIGP0WREADY,
    SAXIGP1ARESETN, SAXIGP1ARREADY, SAXIGP1AWREADY, SAXIGP1BVALID, SAXIGP1RLAST, SAXIGP1RVALID,
    SAXIGP1WREADY, SAXIHP0ARESETN, SAXIHP0ARREADY, SAXIHP0AWREADY, SAXIHP0BVALID, SAXIHP0RLAST,
    SAXIHP0RVALID, SAXIHP0WREADY, SAXIHP1ARESETN, SAXIHP1ARREADY, SAXIHP1AWREADY, SAXIHP1BVALID,
    SAXIHP1RLAST, SAXIHP1RVALID, SAXIHP1WREADY, SAXIHP2ARESETN, SAXIHP2ARREADY, SAXIHP2AWREADY,
    SAXIHP2BVALID, SAXIHP2RLAST, SAXIHP2RVALID, SAXIHP2WREADY, SAXIHP3ARESETN, SAXIHP3ARREADY,
    SAXIHP3AWREADY, SAXIHP3BVALID, SAXIHP3RLAST, SAXIHP3RVALID, SAXIHP3WREADY,
  output logic [1:0] DMA0DATYPE, DMA1DATYPE, DMA2DATYPE, DMA3DATYPE, EMIOUSB0PORTINDCTL,
    EMIOUSB1PORTINDCTL, EVENTSTANDBYWFE, EVENTSTANDBYWFI, MAXIGP0ARBURST, MAXIGP0ARLOCK,
    MAXIGP0ARSIZE, MAXIGP0AWBURST, MAXIGP0AWLOCK, MAXIGP0AWSIZE, MAXIGP1ARBURST, MAXIGP1ARLOCK,
    MAXIGP1ARSIZE, MAXIGP1AWBURST, MAXIGP1AWLOCK, MAXIGP1AWSIZE, SAXIACPBRESP, SAXIACPRRESP,
    SAXIGP0BRESP, SAXIGP0RRESP, SAXIGP1BRESP, SAXIGP1RRESP, SAXIHP0BRESP, SAXIHP0RRESP,
    SAXIHP1BRESP, SAXIHP1RRESP, SAXIHP2BRESP, SAXIHP2RRESP, SAXIHP3BRESP, SAXIHP3RRESP,
  output logic [2:0] EMIOSDIO0BUSVOLT, EMIOSDIO1BUSVOLT, EMIOSPI0SSON, EMIOSPI1SSON, EMIOTTC0WAVEO,
    EMIOTTC1WAVEO, MAXIGP0ARPROT, MAXIGP0AWPROT, MAXIGP1ARPROT, MAXIGP1AWPROT, SAXIACPBID,
    SAXIACPRID, SAXIHP0RACOUNT, SAXIHP1RACOUNT, SAXIHP2RACOUNT, SAXIHP3RACOUNT,
  output logic [3:0] EMIOSDIO0DATAO, EMIOSDIO0DATATN, EMIOSDIO1DATAO, EMIOSDIO1DATATN, FCLKCLK,
    FCLKRESETN, FTMTF2PTRIGACK, FTMTP2FTRIG, MAXIGP0ARCACHE, MAXIGP0ARLEN, MAXIGP0ARQOS,
    MAXIGP0AWCACHE, MAXIGP0AWLEN, MAXIGP0AWQOS, MAXIGP0WSTRB, MAXIGP1ARCACHE, MAXIGP1ARLEN,
    MAXIGP1ARQOS, MAXIGP1AWCACHE, MAXIGP1AWLEN, MAXIGP1AWQOS, MAXIGP1WSTRB,
  output logic [5:0] SAXIGP0BID, SAXIGP0RID, SAXIGP1BID, SAXIGP1RID, SAXIHP0BID, SAXIHP0RID,
    SAXIHP0WACOUNT, SAXIHP1BID, SAXIHP1RID, SAXIHP1WACOUNT, SAXIHP2BID, SAXIHP2RID, SAXIHP2WACOUNT,
    SAXIHP3BID, SAXIHP3RID, SAXIHP3WACOUNT,
  output logic [7:0] EMIOENET0GMIITXD, EMIOENET1GMIITXD, SAXIHP0RCOUNT, SAXIHP0WCOUNT,
    SAXIHP1RCOUNT, SAXIHP1WCOUNT, SAXIHP2RCOUNT, SAXIHP2WCOUNT, SAXIHP3RCOUNT, SAXIHP3WCOUNT,
  output logic [11:0] MAXIGP0ARID, MAXIGP0AWID, MAXIGP0WID, MAXIGP1ARID, MAXIGP1AWID, MAXIGP1WID,
  output logic [28:0] IRQP2F,
  output logic [31:0] EMIOTRACEDATA, FTMTP2FDEBUG, MAXIGP0ARADDR, MAXIGP0AWADDR, MAXIGP0WDATA,
    MAXIGP1ARADDR, MAXIGP1AWADDR, MAXIGP1WDATA, SAXIGP0RDATA, SAXIGP1RDATA,
  output logic [63:0] EMIOGPIOO, EMIOGPIOTN, SAXIACPRDATA, SAXIHP0RDATA, SAXIHP1RDATA, SAXIHP2RDATA,
    SAXIHP3RDATA,
  input wire logic DMA0ACLK, DMA0DAREADY, DMA0DRLAST, DMA0DRVALID, DMA1ACLK, DMA1DAREADY,
    DMA1DRLAST, DMA1DRVALID, DMA2ACLK, DMA2DAREADY, DMA2DRLAST, DMA2DRVALID, DMA3ACLK, DMA3DAREADY,
    DMA3DRLAST, DMA3DRVALID, EMIOCAN0PHYRX, EMIOCAN1PHYRX, EMIOENET0EXTINTIN, EMIOENET0GMIICOL,
    EMIOENET0GMIICRS, EMIOENET0GMIIRXCLK, EMIOENET0GMIIRXDV, EMIOENET0GMIIRXER, EMIOENET0GMIITXCLK,
    EMIOENET0MDIOI, EMIOENET1EXTINTIN, EMIOENET1GMIICOL, EMIOENET1GMIICRS, EMIOENET1GMIIRXCLK,
    EMIOENET1GMIIRXDV, EMIOENET1GMIIRXER, EMIOENET1GMIITXCLK, EMIOENET1MDIOI, EMIOI2C0SCLI,
    EMIOI2C0SDAI, EMIOI2C1SCLI, EMIOI2C1SDAI, EMIOPJTAGTCK, EMIOPJTAGTDI, EMIOPJTAGTMS,
    EMIOSDIO0CDN, EMIOSDIO0CLKFB, EMIOSDIO0CMDI, EMIOSDIO0WP, EMIOSDIO1CDN, EMIOSDIO1CLKFB,
    EMIOSDIO1CMDI, EMIOSDIO1WP, EMIOSPI0MI, EMIOSPI0SCLKI, EMIOSPI0SI, EMIOSPI0SSIN, EMIOSPI1MI,
    EMIOSPI1SCLKI, EMIOSPI1SI, EMIOSPI1SSIN, EMIOSRAMINTIN, EMIOTRACECLK, EMIOUART0CTSN,
    EMIOUART0DCDN, EMIOUART0DSRN, EMIOUART0RIN, EMIOUART0RX, EMIOUART1CTSN, EMIOUART1DCDN,
    EMIOUART1DSRN, EMIOUART1RIN, EMIOUART1RX, EMIOUSB0VBUSPWRFAULT, EMIOUSB1VBUSPWRFAULT,
    EMIOWDTCLKI, EVENTEVENTI, FPGAIDLEN, FTMDTRACEINCLOCK, FTMDTRACEINVALID, MAXIGP0ACLK,
    MAXIGP0ARREADY, MAXIGP0AWREADY, MAXIGP0BVALID, MAXIGP0RLAST, MAXIGP0RVALID, MAXIGP0WREADY,
    MAXIGP1ACLK, MAXIGP1ARREADY, MAXIGP1AWREADY, MAXIGP1BVALID, MAXIGP1RLAST, MAXIGP1RVALID,
    MAXIGP1WREADY, SAXIACPACLK, SAXIACPARVALID, SAXIACPAWVALID, SAXIACPBREADY, SAXIACPRREADY,
    SAXIACPWLAST, SAXIACPWVALID, SAXIGP0ACLK, SAXIGP0ARVALID, SAXIGP0AWVALID, SAXIGP0BREADY,
    SAXIGP0RREADY, SAXIGP0WLAST, SAXIGP0WVALID, SAXIGP1ACLK, SAXIGP1ARVALID, SAXIGP1AWVALID,
    SAXIGP1BREADY, SAXIGP1RREADY, SAXIGP1WLAST, SAXIGP1WVALID, SAXIHP0ACLK, SAXIHP0ARVALID,
    SAXIHP0AWVALID, SAXIHP0BREADY, SAXIHP0RDISSUECAP1EN, SAXIHP0RREADY, SAXIHP0WLAST,
    SAXIHP0WRISSUECAP1EN, SAXIHP0WVALID, SAXIHP1ACLK, SAXIHP1ARVALID, SAXIHP1AWVALID, SAXIHP1BREADY,
    SAXIHP1RDISSUECAP1EN, SAXIHP1RREADY, SAXIHP1WLAST, SAXIHP1WRISSUECAP1EN, SAXIHP1WVALID,
    SAXIHP2ACLK, SAXIHP2ARVALID, SAXIHP2AWVALID, SAXIHP2BREADY, SAXIHP2RDISSUECAP1EN, SAXIHP2RREADY,
    SAXIHP2WLAST, SAXIHP2WRISSUECAP1EN, SAXIHP2WVALID, SAXIHP3ACLK, SAXIHP3ARVALID, SAXIHP3AWVALID,
    SAXIHP3BREADY, SAXIHP3RDISSUECAP1EN, SAXIHP3RREADY, SAXIHP3WLAST, SAXIHP3WRISSUECAP1EN,
    SAXIHP3WVALID,
  input wire logic [1:0] DMA0DRTYPE, DMA1DRTYPE, DMA2DRTYPE, DMA3DRTYPE, MAXIGP0BRESP, MAXIGP0RRESP,
    MAXIGP1BRESP, MAXIGP1RRESP, SAXIACPARBURST, SAXIACPARLOCK, SAXIACPARSIZE, SAXIACPAWBURST,
    SAXIACPAWLOCK, SAXIACPAWSIZE, SAXIGP0ARBURST, SAXIGP0ARLOCK, SAXIGP0ARSIZE, SAXIGP0AWBURST,
    SAXIGP0AWLOCK, SAXIGP0AWSIZE, SAXIGP1ARBURST, SAXIGP1ARLOCK, SAXIGP1ARSIZE, SAXIGP1AWBURST,
    SAXIGP1AWLOCK, SAXIGP1AWSIZE, SAXIHP0ARBURST, SAXIHP0ARLOCK, SAXIHP0ARSIZE, SAXIHP0AWBURST,
    SAXIHP0AWLOCK, SAXIHP0AWSIZE, SAXIHP1ARBURST, SAXIHP1ARLOCK, SAXIHP1ARSIZE, SAXIHP1AWBURST,
    SAXIHP1AWLOCK, SAXIHP1AWSIZE, SAXIHP2ARBURST, SAXIHP2ARLOCK, SAXIHP2ARSIZE, SAXIHP2AWBURST,
    SAXIHP2AWLOCK, SAXIHP2AWSIZE, SAXIHP3ARBURST, SAXIHP3ARLOCK, SAXIHP3ARSIZE, SAXIHP3AWBURST,
    SAXIHP3AWLOCK, SAXIHP3AWSIZE,
  input wire logic [2:0] EMIOTTC0CLKI, EMIOTTC1CLKI, SAXIACPARID, SAXIACPARPROT, SAXIACPAWID,
    SAXIACPAWPROT, SAXIACPWID, SAXIGP0ARPROT, SAXIGP0AWPROT, SAXIGP1ARPROT, SAXIGP1AWPROT,
    SAXIHP0ARPROT, SAXIHP0AWPROT, SAXIHP1ARPROT, SAXIHP1AWPROT, SAXIHP2ARPROT, SAXIHP2AWPROT,
    SAXIHP3ARPROT, SAXIHP3AWPROT,
  input wire logic [3:0] DDRARB, EMIOSDIO0DATAI, EMIOSDIO1DATAI, FCLKCLKTRIGN, FTMDTRACEINATID,
    FTMTF2PTRIG, FTMTP2FTRIGACK, SAXIACPARCACHE, SAXIACPARLEN, SAXIACPARQOS, SAXIACPAWCACHE,
    SAXIACPAWLEN, SAXIACPAWQOS, SAXIGP0ARCACHE, SAXIGP0ARLEN, SAXIGP0ARQOS, SAXIGP0AWCACHE,
    SAXIGP0AWLEN, SAXIGP0AWQOS, SAXIGP0WSTRB, SAXIGP1ARCACHE, SAXIGP1ARLEN, SAXIGP1ARQOS,
    SAXIGP1AWCACHE, SAXIGP1AWLEN, SAXIGP1AWQOS, SAXIGP1WSTRB, SAXIHP0ARCACHE, SAXIHP0ARLEN,
    SAXIHP0ARQOS, SAXIHP0AWCACHE, SAXIHP0AWLEN, SAXIHP0AWQOS, SAXIHP1ARCACHE, SAXIHP1ARLEN,
    SAXIHP1ARQOS, SAXIHP1AWCACHE, SAXIHP1AWLEN, SAXIHP1AWQOS, SAXIHP2ARCACHE, SAXIHP2ARLEN,
    SAXIHP2ARQOS, SAXIHP2AWCACHE, SAXIHP2AWLEN, SAXIHP2AWQOS, SAXIHP3ARCACHE, SAXIHP3ARLEN,
    SAXIHP3ARQOS, SAXIHP3AWCACHE, SAXIHP3AWLEN, SAXIHP3AWQOS,
  input wire logic [4:0] SAXIACPARUSER, SAXIACPAWUSER,
  input wire logic [5:0] SAXIGP0ARID, SAXIGP0AWID, SAXIGP0WID, SAXIGP1ARID, SAXIGP1AWID, SAXIGP1WID,
    SAXIHP0ARID, SAXIHP0AWID, SAXIHP0WID, SAXIHP1ARID, SAXIHP1AWID, SAXIHP1WID, SAXIHP2ARID,
    SAXIHP2AWID, SAXIHP2WID, SAXIHP3ARID, SAXIHP3AWID, SAXIHP3WID,
  input wire logic [7:0] EMIOENET0GMIIRXD, EMIOENET1GMIIRXD, SAXIACPWSTRB, SAXIHP0WSTRB,
    SAXIHP1WSTRB, SAXIHP2WSTRB, SAXIHP3WSTRB,
  input wire logic [11:0] MAXIGP0BID, MAXIGP0RID, MAXIGP1BID, MAXIGP1RID,
  input wire logic [19:0] IRQF2P,
  input wire logic [31:0] FTMDTRACEINDATA, FTMTF2PDEBUG, MAXIGP0RDATA, MAXIGP1RDATA, SAXIACPARADDR,
    SAXIACPAWADDR, SAXIGP0ARADDR, SAXIGP0AWADDR, SAXIGP0WDATA, SAXIGP1ARADDR, SAXIGP1AWADDR,
    SAXIGP1WDATA, SAXIHP0ARADDR, SAXIHP0AWADDR, SAXIHP1ARADDR, SAXIHP1AWADDR, SAXIHP2ARADDR,
    SAXIHP2AWADDR, SAXIHP3ARADDR, SAXIHP3AWADDR,
  input wire logic [63:0] EMIOGPIOI, SAXIACPWDATA, SAXIHP0WDATA, SAXIHP1WDATA, SAXIHP2WDATA,
    SAXIHP3WDATA
);
  logic clk /*verilator public_flat_rw*/;
  logic reset_n /*verilator public_flat_rw*/;
  logic irq /*verilator public_flat_rw*/;
  assign FCLKCLK = {3'd0, clk};
  assign FCLKRESETN = {3'd0, reset_n};
  assign irq = IRQF2P[0];

  // The processor towards the programmable logic.
  logic [11:0] gp0_awid /*verilator public_flat_rw*/;
  assign MAXIGP0AWID = gp0_awid;
  logic [31:0] gp0_awaddr /*verilator public_flat_rw*/;
  assign MAXIGP0AWADDR = gp0_awaddr;
  logic [3:0] gp0_awlen /*verilator public_flat_rw*/;
  assign MAXIGP0AWLEN = gp0_awlen;
  logic [1:0] gp0_awsize /*verilator public_flat_rw*/;
  assign MAXIGP0AWSIZE = gp0_awsize;
  logic [1:0] gp0_awburst /*verilator public_flat_rw*/;
  assign MAXIGP0AWBURST = gp0_awburst;
  logic [1:0] gp0_awlock /*verilator public_flat_rw*/;
  assign MAXIGP0AWLOCK = gp0_awlock;
  logic [3:0] gp0_awcache /*verilator public_flat_rw*/;
  assign MAXIGP0AWCACHE = gp0_awcache;
  logic [2:0] gp0_awprot /*verilator public_flat_rw*/;
  assign MAXIGP0AWPROT = gp0_awprot;
  logic [3:0] gp0_awqos /*verilator public_flat_rw*/;
  assign MAXIGP0AWQOS = gp0_awqos;
  logic gp0_awvalid /*verilator public_flat_rw*/;
  assign MAXIGP0AWVALID = gp0_awvalid;
  logic gp0_awready /*verilator public_flat_rw*/;
  assign gp0_awready = MAXIGP0AWREADY;
  logic [11:0] gp0_wid /*verilator public_flat_rw*/;
  assign MAXIGP0WID = gp0_wid;
  logic [31:0] gp0_wdata /*verilator public_flat_rw*/;
  assign MAXIGP0WDATA = gp0_wdata;
  logic [3:0] gp0_wstrb /*verilator public_flat_rw*/;
  assign MAXIGP0WSTRB = gp0_wstrb;
  logic gp0_wlast /*verilator public_flat_rw*/;
  assign MAXIGP0WLAST = gp0_wlast;
  logic gp0_wvalid /*verilator public_flat_rw*/;
  assign MAXIGP0WVALID = gp0_wvalid;
  logic gp0_wready /*verilator public_flat_rw*/;
  assign gp0_wready = MAXIGP0WREADY;
  logic [11:0] gp0_bid /*verilator public_flat_rw*/;
  assign gp0_bid = MAXIGP0BID;
  logic [1:0] gp0_bresp /*verilator public_flat_rw*/;
  assign gp0_bresp = MAXIGP0BRESP;
  logic gp0_bvalid /*verilator public_flat_rw*/;
  assign gp0_bvalid = MAXIGP0BVALID;
  logic gp0_bready /*verilator public_flat_rw*/;
  assign MAXIGP0BREADY = gp0_bready;
  logic [11:0] gp0_arid /*verilator public_flat_rw*/;
  assign MAXIGP0ARID = gp0_arid;
  logic [31:0] gp0_araddr /*verilator public_flat_rw*/;
  assign MAXIGP0ARADDR = gp0_araddr;
  logic [3:0] gp0_arlen /*verilator public_flat_rw*/;
  assign MAXIGP0ARLEN = gp0_arlen;
  logic [1:0] gp0_arsize /*verilator public_flat_rw*/;
  assign MAXIGP0ARSIZE = gp0_arsize;
  logic [1:0] gp0_arburst /*verilator public_flat_rw*/;
  assign MAXIGP0ARBURST = gp0_arburst;
  logic [1:0] gp0_arlock /*verilator public_flat_rw*/;
  assign MAXIGP0ARLOCK = gp0_arlock;
  logic [3:0] gp0_arcache /*verilator public_flat_rw*/;
  assign MAXIGP0ARCACHE = gp0_arcache;
  logic [2:0] gp0_arprot /*verilator public_flat_rw*/;
  assign MAXIGP0ARPROT = gp0_arprot;
  logic [3:0] gp0_arqos /*verilator public_flat_rw*/;
  assign MAXIGP0ARQOS = gp0_arqos;
  logic gp0_arvalid /*verilator public_flat_rw*/;
  assign MAXIGP0ARVALID = gp0_arvalid;
  logic gp0_arready /*verilator public_flat_rw*/;
  assign gp0_arready = MAXIGP0ARREADY;
  logic [11:0] gp0_rid /*verilator public_flat_rw*/;
  assign gp0_rid = MAXIGP0RID;
  logic [31:0] gp0_rdata /*verilator public_flat_rw*/;
  assign gp0_rdata = MAXIGP0RDATA;
  logic [1:0] gp0_rresp /*verilator public_flat_rw*/;
  assign gp0_rresp = MAXIGP0RRESP;
  logic gp0_rlast /*verilator public_flat_rw*/;
  assign gp0_rlast = MAXIGP0RLAST;
  logic gp0_rvalid /*verilator public_flat_rw*/;
  assign gp0_rvalid = MAXIGP0RVALID;
  logic gp0_rready /*verilator public_flat_rw*/;
  assign MAXIGP0RREADY = gp0_rready;

  // Ports to the memory.
  logic [5:0] hp0_awid /*verilator public_flat_rw*/;
  assign hp0_awid = SAXIHP0AWID;
  logic [31:0] hp0_awaddr /*verilator public_flat_rw*/;
  assign hp0_awaddr = SAXIHP0AWADDR;
  logic [3:0] hp0_awlen /*verilator public_flat_rw*/;
  assign hp0_awlen = SAXIHP0AWLEN;
  logic [1:0] hp0_awsize /*verilator public_flat_rw*/;
  assign hp0_awsize = SAXIHP0AWSIZE;
  logic [1:0] hp0_awburst /*verilator public_flat_rw*/;
  assign hp0_awburst = SAXIHP0AWBURST;
  logic [1:0] hp0_awlock /*verilator public_flat_rw*/;
  assign hp0_awlock = SAXIHP0AWLOCK;
  logic [3:0] hp0_awcache /*verilator public_flat_rw*/;
  assign hp0_awcache = SAXIHP0AWCACHE;
  logic [2:0] hp0_awprot /*verilator public_flat_rw*/;
  assign hp0_awprot = SAXIHP0AWPROT;
  logic [3:0] hp0_awqos /*verilator public_flat_rw*/;
  assign hp0_awqos = SAXIHP0AWQOS;
  logic hp0_awvalid /*verilator public_flat_rw*/;
  assign hp0_awvalid = SAXIHP0AWVALID;
  logic hp0_awready /*verilator public_flat_rw*/;
  assign SAXIHP0AWREADY = hp0_awready;
  logic [5:0] hp0_wid /*verilator public_flat_rw*/;
  assign hp0_wid = SAXIHP0WID;
  logic [63:0] hp0_wdata /*verilator public_flat_rw*/;
  assign hp0_wdata = SAXIHP0WDATA;
  logic [7:0] hp0_wstrb /*verilator public_flat_rw*/;
  assign hp0_wstrb = SAXIHP0WSTRB;
  logic hp0_wlast /*verilator public_flat_rw*/;
  assign hp0_wlast = SAXIHP0WLAST;
  logic hp0_wvalid /*verilator public_flat_rw*/;
  assign hp0_wvalid = SAXIHP0WVALID;
  logic hp0_wready /*verilator public_flat_rw*/;
  assign SAXIHP0WREADY = hp0_wready;
  logic [5:0] hp0_bid /*verilator public_flat_rw*/;
  assign SAXIHP0BID = hp0_bid;
  logic [1:0] hp0_bresp /*verilator public_flat_rw*/;
  assign SAXIHP0BRESP = hp0_bresp;
  logic hp0_bvalid /*verilator public_flat_rw*/;
  assign SAXIHP0BVALID = hp0_bvalid;
  logic hp0_bready /*verilator public_flat_rw*/;
  assign hp0_bready = SAXIHP0BREADY;
  logic [5:0] hp0_arid /*verilator public_flat_rw*/;
  assign hp0_arid = SAXIHP0ARID;
  logic [31:0] hp0_araddr /*verilator public_flat_rw*/;
  assign hp0_araddr = SAXIHP0ARADDR;
  logic [3:0] hp0_arlen /*verilator public_flat_rw*/;
  assign hp0_arlen = SAXIHP0ARLEN;
  logic [1:0] hp0_arsize /*verilator public_flat_rw*/;
  assign hp0_arsize = SAXIHP0ARSIZE;
  logic [1:0] hp0_arburst /*verilator public_flat_rw*/;
  assign hp0_arburst = SAXIHP0ARBURST;
  logic [1:0] hp0_arlock /*verilator public_flat_rw*/;
  assign hp0_arlock = SAXIHP0ARLOCK;
  logic [3:0] hp0_arcache /*verilator public_flat_rw*/;
  assign hp0_arcache = SAXIHP0ARCACHE;
  logic [2:0] hp0_arprot /*verilator public_flat_rw*/;
  assign hp0_arprot = SAXIHP0ARPROT;
  logic [3:0] hp0_arqos /*verilator public_flat_rw*/;
  assign hp0_arqos = SAXIHP0ARQOS;
  logic hp0_arvalid /*verilator public_flat_rw*/;
  assign hp0_arvalid = SAXIHP0ARVALID;
  logic hp0_arready /*verilator public_flat_rw*/;
  assign SAXIHP0ARREADY = hp0_arready;
  logic [5:0] hp0_rid /*verilator public_flat_rw*/;
  assign SAXIHP0RID = hp0_rid;
  logic [63:0] hp0_rdata /*verilator public_flat_rw*/;
  assign SAXIHP0RDATA = hp0_rdata;
  logic [1:0] hp0_rresp /*verilator public_flat_rw*/;
  assign SAXIHP0RRESP = hp0_rresp;
  logic hp0_rlast /*verilator public_flat_rw*/;
  assign SAXIHP0RLAST = hp0_rlast;
  logic hp0_rvalid /*verilator public_flat_rw*/;
  assign SAXIHP0RVALID = hp0_rvalid;
  logic hp0_rready /*verilator public_flat_rw*/;
  assign hp0_rready = SAXIHP0RREADY;

  logic [5:0] hp2_awid /*verilator public_flat_rw*/;
  assign hp2_awid = SAXIHP2AWID;
  logic [31:0] hp2_awaddr /*verilator public_flat_rw*/;
  assign hp2_awaddr = SAXIHP2AWADDR;
  logic [3:0] hp2_awlen /*verilator public_flat_rw*/;
  assign hp2_awlen = SAXIHP2AWLEN;
  logic [1:0] hp2_awsize /*verilator public_flat_rw*/;
  assign hp2_awsize = SAXIHP2AWSIZE;
  logic [1:0] hp2_awburst /*verilator public_flat_rw*/;
  assign hp2_awburst = SAXIHP2AWBURST;
  logic [1:0] hp2_awlock /*verilator public_flat_rw*/;
  assign hp2_awlock = SAXIHP2AWLOCK;
  logic [3:0] hp2_awcache /*verilator public_flat_rw*/;
  assign hp2_awcache = SAXIHP2AWCACHE;
  logic [2:0] hp2_awprot /*verilator public_flat_rw*/;
  assign hp2_awprot = SAXIHP2AWPROT;
  logic [3:0] hp2_awqos /*verilator public_flat_rw*/;
  assign hp2_awqos = SAXIHP2AWQOS;
  logic hp2_awvalid /*verilator public_flat_rw*/;
  assign hp2_awvalid = SAXIHP2AWVALID;
  logic hp2_awready /*verilator public_flat_rw*/;
  assign SAXIHP2AWREADY = hp2_awready;
  logic [5:0] hp2_wid /*verilator public_flat_rw*/;
  assign hp2_wid = SAXIHP2WID;
  logic [63:0] hp2_wdata /*verilator public_flat_rw*/;
  assign hp2_wdata = SAXIHP2WDATA;
  logic [7:0] hp2_wstrb /*verilator public_flat_rw*/;
  assign hp2_wstrb = SAXIHP2WSTRB;
  logic hp2_wlast /*verilator public_flat_rw*/;
  assign hp2_wlast = SAXIHP2WLAST;
  logic hp2_wvalid /*verilator public_flat_rw*/;
  assign hp2_wvalid = SAXIHP2WVALID;
  logic hp2_wready /*verilator public_flat_rw*/;
  assign SAXIHP2WREADY = hp2_wready;
  logic [5:0] hp2_bid /*verilator public_flat_rw*/;
  assign SAXIHP2BID = hp2_bid;
  logic [1:0] hp2_bresp /*verilator public_flat_rw*/;
  assign SAXIHP2BRESP = hp2_bresp;
  logic hp2_bvalid /*verilator public_flat_rw*/;
  assign SAXIHP2BVALID = hp2_bvalid;
  logic hp2_bready /*verilator public_flat_rw*/;
  assign hp2_bready = SAXIHP2BREADY;
  logic [5:0] hp2_arid /*verilator public_flat_rw*/;
  assign hp2_arid = SAXIHP2ARID;
  logic [31:0] hp2_araddr /*verilator public_flat_rw*/;
  assign hp2_araddr = SAXIHP2ARADDR;
  logic [3:0] hp2_arlen /*verilator public_flat_rw*/;
  assign hp2_arlen = SAXIHP2ARLEN;
  logic [1:0] hp2_arsize /*verilator public_flat_rw*/;
  assign hp2_arsize = SAXIHP2ARSIZE;
  logic [1:0] hp2_arburst /*verilator public_flat_rw*/;
  assign hp2_arburst = SAXIHP2ARBURST;
  logic [1:0] hp2_arlock /*verilator public_flat_rw*/;
  assign hp2_arlock = SAXIHP2ARLOCK;
  logic [3:0] hp2_arcache /*verilator public_flat_rw*/;
  assign hp2_arcache = SAXIHP2ARCACHE;
  logic [2:0] hp2_arprot /*verilator public_flat_rw*/;
  assign hp2_arprot = SAXIHP2ARPROT;
  logic [3:0] hp2_arqos /*verilator public_flat_rw*/;
  assign hp2_arqos = SAXIHP2ARQOS;
  logic hp2_arvalid /*verilator public_flat_rw*/;
  assign hp2_arvalid = SAXIHP2ARVALID;
  logic hp2_arready /*verilator public_flat_rw*/;
  assign SAXIHP2ARREADY = hp2_arready;
  logic [5:0] hp2_rid /*verilator public_flat_rw*/;
  assign SAXIHP2RID = hp2_rid;
  logic [63:0] hp2_rdata /*verilator public_flat_rw*/;
  assign SAXIHP2RDATA = hp2_rdata;
  logic [1:0] hp2_rresp /*verilator public_flat_rw*/;
  assign SAXIHP2RRESP = hp2_rresp;
  logic hp2_rlast /*verilator public_flat_rw*/;
  assign SAXIHP2RLAST = hp2_rlast;
  logic hp2_rvalid /*verilator public_flat_rw*/;
  assign SAXIHP2RVALID = hp2_rvalid;
  logic hp2_rready /*verilator public_flat_rw*/;
  assign hp2_rready = SAXIHP2RREADY;
endmodule

`default_nettype wire
