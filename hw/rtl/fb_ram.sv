// Simple dual-port block RAM: one write port, one read port, one clock.
//
// Read latency 2 cycles: `rd_data_o` holds the word of the address that was given with `rd_en_i` two
// cycles before, and keeps it until the next read. A word can be read from the cycle after its
// write; reading an address in the cycle in which it is written gives an undefined word.

`default_nettype none

module fb_ram #(
  parameter  int unsigned Width    = 64,
  parameter  int unsigned Depth    = 1024,
  localparam int unsigned AddrBits = $clog2(Depth)
) (
  input  wire logic                clk_i,
  input  wire logic                wr_en_i,
  input  wire logic [AddrBits-1:0] wr_addr_i,
  input  wire logic [Width-1:0]    wr_data_i,
  input  wire logic                rd_en_i,
  input  wire logic [AddrBits-1:0] rd_addr_i,
  output      logic [Width-1:0]    rd_data_o
);

  // The collision case is the caller's to avoid: promising the old word would cost block RAM modes.
  (* ram_style = "block", rw_addr_collision = "no" *) logic [Width-1:0] memory [Depth];
  logic [Width-1:0] read_q, data_q;

  always_ff @(posedge clk_i) begin
    if (wr_en_i) memory[wr_addr_i] <= wr_data_i;
  end

  // The second register is the one inside the block RAM; it needs no enable since `read_q` holds.
  always_ff @(posedge clk_i) begin
    if (rd_en_i) read_q <= memory[rd_addr_i];
    data_q <= read_q;
  end

  assign rd_data_o = data_q;

endmodule

`default_nettype wire
