// Two read masters share one AXI4 read port.
//
// Addresses are taken in turns; since the port has no IDs, data come back in the order of the
// addresses, and a list of whose turn it was tells whom a beat belongs to.  Both masters reserve
// room before they ask, so that data never wait and neither can block the other; an address that
// was shown stays until it is taken.  No latency either way: a master that has the port to itself
// sees it as if it were its own.
// At most Bursts bursts are outstanding, which the masters' own limits must add up to.
`default_nettype none

module fb_read_join #(
  // a power of two
  parameter int unsigned Bursts = 16
) (
  input  wire         clk_i,
  input  wire         rst_ni,

  input  wire  [31:0] a_araddr_i,
  input  wire  [7:0]  a_arlen_i,
  input  wire         a_arvalid_i,
  output logic        a_arready_o,
  output logic        a_rvalid_o,

  input  wire  [31:0] b_araddr_i,
  input  wire  [7:0]  b_arlen_i,
  input  wire         b_arvalid_i,
  output logic        b_arready_o,
  output logic        b_rvalid_o,

  output logic [31:0] axi_araddr_o,
  output logic [7:0]  axi_arlen_o,
  output logic        axi_arvalid_o,
  input  wire         axi_arready_i,
  input  wire         axi_rlast_i,
  input  wire         axi_rvalid_i
);
  localparam int unsigned IndexBits = $clog2(Bursts);

  logic                 hold_q;     // an address is shown and not yet taken
  logic                 chosen_q;   // whose address was shown last: 0 a, 1 b
  logic                 choice;
  logic                 take;
  logic [Bursts-1:0]    owners_q;   // of the bursts on their way, a ring
  logic [IndexBits-1:0] head_q, tail_q;
  logic                 owner;
  logic [IndexBits:0]   owed_q;     // bursts on their way
  logic                 expected;   // a beat of one of them; others are of before a reset
  logic                 done;

  assign choice = hold_q ? chosen_q :
                  (a_arvalid_i && b_arvalid_i) ? !chosen_q : b_arvalid_i;
  assign axi_arvalid_o = a_arvalid_i || b_arvalid_i;
  assign axi_araddr_o = choice ? b_araddr_i : a_araddr_i;
  assign axi_arlen_o = choice ? b_arlen_i : a_arlen_i;
  assign take = axi_arvalid_o && axi_arready_i;
  assign a_arready_o = axi_arready_i && !choice;
  assign b_arready_o = axi_arready_i && choice;

  assign owner = owners_q[head_q];
  assign expected = axi_rvalid_i && (owed_q != '0);
  assign done = expected && axi_rlast_i;
  assign a_rvalid_o = expected && !owner;
  assign b_rvalid_o = expected && owner;

  always_ff @(posedge clk_i) begin
    if (axi_arvalid_o) chosen_q <= choice;
    if (take) owners_q[tail_q] <= choice;
    if (!rst_ni) begin
      hold_q <= 1'b0;
      chosen_q <= 1'b0;
      head_q <= '0;
      tail_q <= '0;
      owed_q <= '0;
    end else begin
      hold_q <= axi_arvalid_o && !axi_arready_i;
      if (take) tail_q <= tail_q + IndexBits'(1);
      if (done) head_q <= head_q + IndexBits'(1);
      owed_q <= owed_q + (IndexBits + 1)'(take) - (IndexBits + 1)'(done);
    end
  end
endmodule

`default_nettype wire
