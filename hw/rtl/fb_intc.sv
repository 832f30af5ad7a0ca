// Interrupt controller with the registers of Xilinx' AXI INTC 4.1 (PG099) in its plain form: level
// inputs, level output, no nested, fast or chained interrupts. pynq and Linux find interrupts of
// the programmable logic only behind one.
//
// ISR latches an input that is high, from the time on when MER's HIE was set (until then software
// may write ISR itself). IAR clears bits of it; an input that is still high sets them again at
// once. So whoever acknowledges before the source is quiet finds one more interrupt pending: pynq
// does, and whoever waits has to look at the source again. IER masks, by SIE and CIE bit by bit.
// irq_o is high while MER's ME is set and an enabled bit of ISR is. HIE, once set, stays set until
// reset. IVR is the number of the lowest pending bit, all ones if none is. Addresses without a
// register read as 0 and ignore writes. Every output is a register; irq_o follows an input after 2
// cycles.
`default_nettype none

module fb_intc #(
  parameter int unsigned Inputs = 1  // at most 32
) (
  input  wire logic              clk_i,
  input  wire logic              rst_ni,
  input  wire logic [Inputs-1:0] irq_i,
  output      logic              irq_o,

  input  wire logic [11:0]       axil_awaddr_i,
  input  wire logic              axil_awvalid_i,
  output      logic              axil_awready_o,
  input  wire logic [31:0]       axil_wdata_i,
  input  wire logic [3:0]        axil_wstrb_i,
  input  wire logic              axil_wvalid_i,
  output      logic              axil_wready_o,
  output      logic [1:0]        axil_bresp_o,
  output      logic              axil_bvalid_o,
  input  wire logic              axil_bready_i,
  input  wire logic [11:0]       axil_araddr_i,
  input  wire logic              axil_arvalid_i,
  output      logic              axil_arready_o,
  output      logic [31:0]       axil_rdata_o,
  output      logic [1:0]        axil_rresp_o,
  output      logic              axil_rvalid_o,
  input  wire logic              axil_rready_i
);
  logic        wr_en, unused_rd_en;
  logic [11:0] wr_addr, rd_addr;
  logic [31:0] wr_data;
  logic [3:0]  unused_wr_strb;
  logic [31:0] rd_data_q;

  fb_axil #(
    .AddrBits(12)
  ) u_axil (
    .clk_i,
    .rst_ni,
    .axil_awaddr_i,
    .axil_awvalid_i,
    .axil_awready_o,
    .axil_wdata_i,
    .axil_wstrb_i,
    .axil_wvalid_i,
    .axil_wready_o,
    .axil_bresp_o,
    .axil_bvalid_o,
    .axil_bready_i,
    .axil_araddr_i,
    .axil_arvalid_i,
    .axil_arready_o,
    .axil_rdata_o,
    .axil_rresp_o,
    .axil_rvalid_o,
    .axil_rready_i,
    .wr_en_o   (wr_en),
    .wr_addr_o (wr_addr),
    .wr_data_o (wr_data),
    .wr_strb_o (unused_wr_strb),
    .wr_error_i(1'b0),
    .rd_en_o   (unused_rd_en),
    .rd_addr_o (rd_addr),
    .rd_data_i (rd_data_q),
    .rd_error_i(1'b0)
  );

  logic [Inputs-1:0] isr_q, ier_q;
  logic              enable_q, hardware_q;  // MER: ME, HIE
  logic [Inputs-1:0] pending, written;

  assign pending = isr_q & ier_q;
  assign written = wr_data[Inputs-1:0];

  always_ff @(posedge clk_i) begin
    if (wr_en) begin
      unique case (wr_addr)
        firebrick_pkg::IntcIsr: if (!hardware_q) isr_q <= written;
        firebrick_pkg::IntcIer: ier_q <= written;
        firebrick_pkg::IntcIar: isr_q <= isr_q & ~written;
        firebrick_pkg::IntcSie: ier_q <= ier_q | written;
        firebrick_pkg::IntcCie: ier_q <= ier_q & ~written;
        firebrick_pkg::IntcMer: begin
          enable_q <= wr_data[0];
          hardware_q <= hardware_q | wr_data[1];
        end
        default: ;
      endcase
    end
    // Last, so that no acknowledgement loses an input that is high.
    for (int unsigned i = 0; i < Inputs; i++) if (hardware_q && irq_i[i]) isr_q[i] <= 1'b1;
    irq_o <= enable_q && (pending != '0);
    if (!rst_ni) begin
      isr_q <= '0;
      ier_q <= '0;
      enable_q <= 1'b0;
      hardware_q <= 1'b0;
      irq_o <= 1'b0;
    end
  end

  // fb_axil takes read data 3 cycles after the request; the address stays, and later is only newer.
  logic [31:0] first;
  always_comb begin
    first = '1;
    for (int unsigned i = Inputs; i > 0; i--) if (pending[i-1]) first = i - 1;
  end

  always_ff @(posedge clk_i) begin
    unique case (rd_addr)
      firebrick_pkg::IntcIsr: rd_data_q <= 32'(isr_q);
      firebrick_pkg::IntcIpr: rd_data_q <= 32'(pending);
      firebrick_pkg::IntcIer: rd_data_q <= 32'(ier_q);
      firebrick_pkg::IntcIvr: rd_data_q <= first;
      firebrick_pkg::IntcMer: rd_data_q <= {30'd0, hardware_q, enable_q};
      default:                rd_data_q <= '0;
    endcase
  end

  if (Inputs < 32) begin : gen_unused
    logic unused_bits;
    assign unused_bits = &{1'b0, wr_data[31:Inputs]};
  end
endmodule

`default_nettype wire
