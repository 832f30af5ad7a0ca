// The interrupt controller, seen by whoever reads and writes its registers: what PG099 says of ISR,
// IPR, IER, IAR, SIE, CIE, IVR and MER in its plain form, and that no interrupt is lost - an input
// that was high while hardware interrupts are enabled is pending until it is acknowledged, and
// reaches the output within two cycles if it is enabled. The registers are kept a second time here
// (a write acts 2 cycles after the later of its address and data was taken, a read returns what was
// there within the 4 cycles after its address). Inputs, accesses and reset are free at any time.
`default_nettype none

module intc_properties #(
  parameter int unsigned Inputs = 2
) (
  input wire logic              clk_i,
  input wire logic              rst_ni,
  input wire logic [Inputs-1:0] irq_i,
  input wire logic [11:0]       awaddr_i, araddr_i,
  input wire logic              awvalid_i, wvalid_i, bready_i, arvalid_i, rready_i,
  input wire logic [Inputs-1:0] wdata_i
);
  logic        irq, awready, wready, bvalid, arready, rvalid;
  logic [1:0]  bresp, rresp;
  logic [31:0] rdata;

  fb_intc #(
    .Inputs(Inputs)
  ) dut (
    .clk_i,
    .rst_ni,
    .irq_i,
    .irq_o         (irq),
    .axil_awaddr_i (awaddr_i),
    .axil_awvalid_i(awvalid_i),
    .axil_awready_o(awready),
    .axil_wdata_i  (32'(wdata_i)),
    .axil_wstrb_i  (4'hf),
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
    .axil_rready_i (rready_i)
  );

  logic              started_q = 1'b0;
  logic [Inputs-1:0] isr_q, ier_q, data_q;
  logic              me_q, hie_q, have_aw_q, have_w_q, went_q, act_q, acted_q;
  logic [11:0]       waddr_q, raddr_q;
  logic              write_done;
  logic              rvalid_q;
  // what a read may return
  logic [31:0]       now_q, before_q, value;

  assign write_done = (have_aw_q || (awvalid_i && awready)) && (have_w_q || (wvalid_i && wready));

  always_comb begin
    value = '0;
    if (raddr_q == 12'h000) value = 32'(isr_q);
    if (raddr_q == 12'h004) value = 32'(isr_q & ier_q);
    if (raddr_q == 12'h008) value = 32'(ier_q);
    if (raddr_q == 12'h018) begin
      value = '1;
      for (int unsigned i = Inputs; i > 0; i--) if (isr_q[i-1] && ier_q[i-1]) value = i - 1;
    end
    if (raddr_q == 12'h01c) value = {30'd0, hie_q, me_q};
  end

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    if (awvalid_i && awready) begin
      have_aw_q <= 1'b1;
      waddr_q <= awaddr_i;
    end
    if (wvalid_i && wready) begin
      have_w_q <= 1'b1;
      data_q <= wdata_i;
    end
    went_q <= write_done;
    act_q <= write_done && !went_q;
    acted_q <= act_q;
    if (bvalid && bready_i) {have_aw_q, have_w_q, went_q} <= '0;
    if (arvalid_i && arready) raddr_q <= araddr_i;
    before_q <= value;
    now_q <= before_q;

    if (acted_q) begin
      if (waddr_q == 12'h000 && !hie_q) isr_q <= data_q;
      if (waddr_q == 12'h008) ier_q <= data_q;
      if (waddr_q == 12'h00c) isr_q <= isr_q & ~data_q;
      if (waddr_q == 12'h010) ier_q <= ier_q | data_q;
      if (waddr_q == 12'h014) ier_q <= ier_q & ~data_q;
      if (waddr_q == 12'h01c) begin
        me_q <= data_q[0];
        hie_q <= hie_q || data_q[1];
      end
    end
    for (int unsigned i = 0; i < Inputs; i++) if (hie_q && irq_i[i]) isr_q[i] <= 1'b1;
    if (!rst_ni) begin
      {isr_q, ier_q, me_q, hie_q} <= '0;
      {have_aw_q, have_w_q, went_q, act_q, acted_q} <= '0;
    end
  end

  // One input, any: high once, it is owed until an acknowledgement is written.
  (* anyconst *) logic [$clog2(Inputs)-1:0] one;
  logic owed_q, enabled_q, expected_q, fell_q;
  always_ff @(posedge clk_i) begin
    if (hie_q && irq_i[one]) owed_q <= 1'b1;
    else if (acted_q && waddr_q == 12'h00c && data_q[one]) owed_q <= 1'b0;
    else if (acted_q && waddr_q == 12'h000 && !hie_q) owed_q <= 1'b0;
    // owed and enabled in a cycle: the output is high in the next
    expected_q <= owed_q && me_q && ier_q[one];
    fell_q <= me_q && (isr_q & ier_q) != '0;
    if (!rst_ni) {owed_q, expected_q, fell_q} <= '0;
  end

  logic rearmed_q;
  always_ff @(posedge clk_i) begin
    rvalid_q <= rvalid && rst_ni;
    if (owed_q && acted_q && waddr_q == 12'h00c && data_q[one] && irq_i[one]) rearmed_q <= 1'b1;
    if (!rst_ni) rearmed_q <= 1'b0;
  end

  always_comb begin
    if (!started_q) assume (!rst_ni);
    if (started_q && rst_ni) begin
      if (expected_q) a_not_lost: assert (irq);
      a_output: assert (irq == fell_q);
      if (owed_q) a_owed: assert (isr_q[one]);
      if (bvalid) a_write_okay: assert (bresp == 2'b00);
      if (rvalid && !rvalid_q) a_read: assert (rresp == 2'b00 && rdata == now_q);

      c_interrupt: cover (irq && owed_q);
      c_acknowledged: cover (fell_q && !owed_q && hie_q && bvalid);
      c_rearmed: cover (rearmed_q && irq && !irq_i[one]);
      c_vector: cover (rvalid && raddr_q == 12'h018 && rdata == 32'd1);
      c_software: cover (irq && !hie_q);
    end
  end
endmodule

`default_nettype wire
