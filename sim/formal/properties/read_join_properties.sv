// Two masters on one read port: an address that is shown stays, none is lost or made up, and the
// beats of a burst reach the master that asked for it, those that nobody asked for reach none. One
// burst, any burst, is followed. Taken for granted: the masters keep their addresses, at most Bursts
// are under way, and data have been asked for, but for those of before a reset, which come before
// the first new burst.
`default_nettype none

module read_join_properties #(
  parameter int unsigned Bursts = 4
) (
  input wire logic       clk_i,
  input wire logic       rst_ni,
  input wire logic [1:0] addr_a_i, addr_b_i,
  input wire logic       a_valid_i, b_valid_i, arready_i, rlast_i, rvalid_i, mark_i
);
  logic        a_ready, b_ready, a_rvalid, b_rvalid, arvalid;
  logic [31:0] araddr;
  logic [7:0]  arlen;

  fb_read_join #(
    .Bursts(Bursts)
  ) dut (
    .clk_i,
    .rst_ni,
    .a_araddr_i   (32'(addr_a_i)),
    .a_arlen_i    (8'(addr_a_i)),
    .a_arvalid_i  (a_valid_i),
    .a_arready_o  (a_ready),
    .a_rvalid_o   (a_rvalid),
    .b_araddr_i   (32'(addr_b_i)),
    .b_arlen_i    (8'(addr_b_i)),
    .b_arvalid_i  (b_valid_i),
    .b_arready_o  (b_ready),
    .b_rvalid_o   (b_rvalid),
    .axi_araddr_o (araddr),
    .axi_arlen_o  (arlen),
    .axi_arvalid_o(arvalid),
    .axi_arready_i(arready_i),
    .axi_rlast_i  (rlast_i),
    .axi_rvalid_i (rvalid_i)
  );

  logic       started_q = 1'b0;
  logic       a_waited_q, b_waited_q, waited_q, followed_q, owner_q, take, done;
  logic       fresh_q, stale_q;   // no burst since reset; beats of before it have come
  logic [1:0] addr_a_q, addr_b_q;
  logic [31:0] araddr_q;
  logic [7:0]  arlen_q;
  logic [3:0]  count_q, ahead_q;

  assign take = arvalid && arready_i;
  assign done = rvalid_i && rlast_i && count_q != '0;

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    a_waited_q <= a_valid_i && !a_ready && rst_ni;
    b_waited_q <= b_valid_i && !b_ready && rst_ni;
    waited_q <= arvalid && !arready_i && rst_ni;
    addr_a_q <= addr_a_i;
    addr_b_q <= addr_b_i;
    araddr_q <= araddr;
    arlen_q <= arlen;
    count_q <= count_q + 4'(take) - 4'(done);
    if (followed_q) begin
      if (done) ahead_q <= ahead_q - 4'd1;
      if (done && ahead_q == '0) followed_q <= 1'b0;
    end else if (take && mark_i) begin
      followed_q <= 1'b1;
      owner_q <= b_ready;
      ahead_q <= count_q - 4'(done);
    end
    if (arvalid) fresh_q <= 1'b0;
    if (rvalid_i && count_q == '0) stale_q <= 1'b1;
    if (!rst_ni) begin
      count_q <= '0;
      followed_q <= 1'b0;
      fresh_q <= 1'b1;
      stale_q <= 1'b0;
    end
  end

  always_comb begin
    if (!started_q) assume (!rst_ni);
    if (a_waited_q) assume (a_valid_i && addr_a_i == addr_a_q);
    if (b_waited_q) assume (b_valid_i && addr_b_i == addr_b_q);
    if (rvalid_i && count_q == '0) assume (fresh_q && !arvalid);
    if (count_q == 4'(Bursts)) assume (!arready_i);
    if (started_q && rst_ni) begin
      if (waited_q) a_stays: assert (arvalid && araddr == araddr_q && arlen == arlen_q);
      a_one_taken: assert ((take == ((a_valid_i && a_ready) != (b_valid_i && b_ready))) &&
                           !(a_ready && b_ready));
      a_one_answered: assert ((rvalid_i && count_q != '0) == (a_rvalid != b_rvalid) &&
                              !(a_rvalid && b_rvalid));
      if (followed_q && ahead_q == '0 && rvalid_i) a_owner: assert (b_rvalid == owner_q);

      c_full: cover (count_q == 4'(Bursts));
      c_answered: cover (followed_q && ahead_q == '0 && done && owner_q);
      c_stale: cover (stale_q && followed_q && ahead_q == '0 && done);
      c_both: cover (a_valid_i && b_valid_i && take);
    end
  end
endmodule

`default_nettype wire
