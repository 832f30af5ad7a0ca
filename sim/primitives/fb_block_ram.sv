// What RAMB18E1 and RAMB36E1 have in common: a memory of 64-bit words with 8 parity bits each, and
// two ports that read and write parts of a word.  Written from UG473, chapter 1.
//
// Both ports are in READ_FIRST mode: a read shows what was there before a write of the same cycle,
// also one through the other port.  A width (of data and parity) of 0 is a port that does not read
// or write.  Addresses count bits, as the primitive's do: an access ignores those below its width.
// A byte has a write enable and, from width 9 on, a parity bit.  The content and, until the first
// read, the output are arbitrary.
`default_nettype none

module fb_block_ram #(
  parameter int unsigned Words = 512,
  parameter int unsigned ReadWidthA = 0,
  parameter int unsigned WriteWidthA = 0,
  parameter int unsigned ReadWidthB = 0,
  parameter int unsigned WriteWidthB = 0,
  localparam int unsigned AddrBits = $clog2(Words) + 6
) (
  input  wire logic                clk_a_i,
  input  wire logic                en_a_i,
  input  wire logic [AddrBits-1:0] addr_a_i,
  input  wire logic [7:0]          we_a_i,
  input  wire logic [63:0]         data_a_i,
  input  wire logic [7:0]          parity_a_i,
  output      logic [63:0]         data_a_o,
  output      logic [7:0]          parity_a_o,

  input  wire logic                clk_b_i,
  input  wire logic                en_b_i,
  input  wire logic [AddrBits-1:0] addr_b_i,
  input  wire logic [7:0]          we_b_i,
  input  wire logic [63:0]         data_b_i,
  input  wire logic [7:0]          parity_b_i,
  output      logic [63:0]         data_b_o,
  output      logic [7:0]          parity_b_o
);
  // Data bits of an access.
  function automatic int unsigned data_bits(int unsigned width);
    return (width >= 9) ? width / 9 * 8 : width;
  endfunction

  logic [63:0] memory_q[Words];
  logic [7:0]  parity_q[Words];

  logic [AddrBits-7:0] word_a, word_b;
  assign word_a = addr_a_i[AddrBits-1:6];
  assign word_b = addr_b_i[AddrBits-1:6];

  if (ReadWidthA != 0) begin : gen_read_a
    localparam int unsigned Bits = data_bits(ReadWidthA);
    logic [5:0] at;
    assign at = addr_a_i[5:0] & ~6'(Bits - 1);
    always_ff @(posedge clk_a_i) begin
      if (en_a_i) begin
        data_a_o <= (memory_q[word_a] >> at) & ({64{1'b1}} >> (64 - Bits));
        parity_a_o <= parity_q[word_a] >> at[5:3];
      end
    end
  end

  if (WriteWidthA != 0) begin : gen_write_a
    localparam int unsigned Bits = data_bits(WriteWidthA);
    // Bits and parity bits of the access, at the bottom of a word.
    localparam logic [63:0] Data = {64{1'b1}} >> (64 - Bits);
    localparam logic [7:0] Parity = (WriteWidthA >= 9) ? {8{1'b1}} >> (8 - Bits / 8) : 8'd0;
    logic [5:0]  at;
    logic [63:0] bytes, data_new;
    logic [7:0]  parity_new;
    assign at = addr_a_i[5:0] & ~6'(Bits - 1);
    for (genvar i = 0; i < 8; ++i) begin : gen_byte
      assign bytes[8*i +: 8] = {8{we_a_i[i]}};
    end
    assign data_new = (bytes & Data) << at;
    assign parity_new = (we_a_i & Parity) << at[5:3];
    always_ff @(posedge clk_a_i) begin
      if (en_a_i && we_a_i != 8'd0) begin
        memory_q[word_a] <= (memory_q[word_a] & ~data_new) | ((data_a_i << at) & data_new);
        parity_q[word_a] <= (parity_q[word_a] & ~parity_new)
                            | ((parity_a_i << at[5:3]) & parity_new);
      end
    end
  end

  if (ReadWidthB != 0) begin : gen_read_b
    localparam int unsigned Bits = data_bits(ReadWidthB);
    logic [5:0] at;
    assign at = addr_b_i[5:0] & ~6'(Bits - 1);
    always_ff @(posedge clk_b_i) begin
      if (en_b_i) begin
        data_b_o <= (memory_q[word_b] >> at) & ({64{1'b1}} >> (64 - Bits));
        parity_b_o <= parity_q[word_b] >> at[5:3];
      end
    end
  end

  if (WriteWidthB != 0) begin : gen_write_b
    localparam int unsigned Bits = data_bits(WriteWidthB);
    // Bits and parity bits of the access, at the bottom of a word.
    localparam logic [63:0] Data = {64{1'b1}} >> (64 - Bits);
    localparam logic [7:0] Parity = (WriteWidthB >= 9) ? {8{1'b1}} >> (8 - Bits / 8) : 8'd0;
    logic [5:0]  at;
    logic [63:0] bytes, data_new;
    logic [7:0]  parity_new;
    assign at = addr_b_i[5:0] & ~6'(Bits - 1);
    for (genvar i = 0; i < 8; ++i) begin : gen_byte
      assign bytes[8*i +: 8] = {8{we_b_i[i]}};
    end
    assign data_new = (bytes & Data) << at;
    assign parity_new = (we_b_i & Parity) << at[5:3];
    always_ff @(posedge clk_b_i) begin
      if (en_b_i && we_b_i != 8'd0) begin
        memory_q[word_b] <= (memory_q[word_b] & ~data_new) | ((data_b_i << at) & data_new);
        parity_q[word_b] <= (parity_q[word_b] & ~parity_new)
                            | ((parity_b_i << at[5:3]) & parity_new);
      end
    end
  end
endmodule

`default_nettype wire
