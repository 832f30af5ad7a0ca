// CRC-32 of a stream of 64-bit beats: what zlib.crc32 returns for their little-endian bytes and
// the value `seed_i` to continue from.
//
// Polynomial 0x04C11DB7, processed in its bit-reflected form 0xEDB88320. `clear_i` starts a new
// message from `seed_i`, zero for one by itself; `valid_i` adds a beat, in another cycle. `crc_o` is
// the finished value, one cycle after the beat. One beat a cycle, no handshake.

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

  logic [31:0]       state_q, state_d;
  logic [63:0]       mixed;
  logic [63:0][31:0] term;

  // The register meets the beat's low half only, and the step is linear: each bit of the beat adds
  // a constant to the next state.
  assign mixed = data_i ^ {32'd0, state_q};

  for (genvar i = 0; i < 64; i++) begin : gen_term
    localparam logic [31:0] Residue = residue(6'(63 - i));
    assign term[i] = mixed[i] ? Residue : '0;
  end

  always_comb begin
    state_d = '0;
    for (int unsigned i = 0; i < 64; i++) state_d = state_d ^ term[i];
  end

  always_ff @(posedge clk_i) begin
    if (clear_i) state_q <= ~seed_i;
    else if (valid_i) state_q <= state_d;
  end

  assign crc_o = ~state_q;

endmodule

`default_nettype wire
