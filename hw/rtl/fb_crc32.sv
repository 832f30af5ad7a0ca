// CRC-32 of a stream of 64-bit beats: what zlib.crc32 returns for their little-endian bytes and
// the value `seed_i` to continue from.
//
// Polynomial 0x04C11DB7, processed in its bit-reflected form 0xEDB88320. `clear_i` starts a new
// message from `seed_i`, zero for one by itself; `valid_i` adds a beat, in another cycle. `crc_o` is
// the finished value, two cycles after the beat. One beat a cycle, no handshake.

`default_nettype none

module fb_crc32 (
  input  wire logic        clk_i,
  input  wire logic        clear_i,
  input  wire logic [31:0] seed_i,
  input  wire logic        valid_i,
  input  wire logic [63:0] data_i,
  output      logic [31:0] crc_o
);

  localparam logic [31:0] Polynomial = 32'hEDB88320;

  // What a set bit becomes after it has been shifted out and `shifts` further bits followed it.
  function automatic logic [31:0] residue(input logic [5:0] shifts);
    residue = Polynomial;
    for (logic [6:0] i = 0; i < {1'b0, shifts}; i = i + 1) begin
      residue = (residue >> 1) ^ (residue[0] ? Polynomial : 32'd0);
    end
  endfunction

  logic [31:0] state_q, beat_q;
  logic [31:0] state_part, beat_part;
  logic        valid_q;

  // The step is linear, and the register meets the beat's low half only: each bit of the beat and
  // of the register adds a constant to the next state. The beat's share is summed a cycle ahead.
  logic [63:0][31:0] mixed;
  logic [31:0][31:0] term;

  for (genvar i = 0; i < 64; i++) begin : gen_term
    localparam logic [31:0] Residue = residue(6'(63 - i));
    assign mixed[i] = data_i[i] ? Residue : '0;
    if (i < 32) begin : gen_state
      assign term[i] = state_q[i] ? Residue : '0;
    end
  end

  always_comb begin
    beat_part = '0;
    for (int unsigned i = 0; i < 64; i++) beat_part = beat_part ^ mixed[i];
    state_part = '0;
    for (int unsigned i = 0; i < 32; i++) state_part = state_part ^ term[i];
  end

  always_ff @(posedge clk_i) begin
    beat_q <= beat_part;
    valid_q <= valid_i;
    if (clear_i) state_q <= ~seed_i;
    else if (valid_q) state_q <= state_part ^ beat_q;
  end

  assign crc_o = ~state_q;

endmodule

`default_nettype wire
