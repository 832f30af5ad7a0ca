// CRC-32 of a stream of 64-bit beats: what zlib.crc32 returns for their little-endian bytes.
//
// Polynomial 0x04C11DB7, processed in its bit-reflected form 0xEDB88320. `clear_i` starts a new
// message; `valid_i` adds a beat. If both come in one cycle, the beat is the first of the new message.
// `crc_o` is the finished value, valid one cycle after the beat. One beat a cycle, no handshake.

`default_nettype none

module fb_crc32 (
  input  wire logic        clk_i,
  input  wire logic        clear_i,
  input  wire logic        valid_i,
  input  wire logic [63:0] data_i,
  output      logic [31:0] crc_o
);

  localparam logic [31:0] Polynomial = 32'hEDB88320;

  typedef logic [31:0][63:0] matrix_t;

  // The register only meets the beat's low half, so the next state is a linear function of 64 bits:
  // row i of this matrix says which of them are added up to bit i of the next state.
  function automatic matrix_t step_matrix();
    matrix_t     rows;
    logic [31:0] column;
    rows = '0;
    for (int unsigned bit_index = 0; bit_index < 64; bit_index++) begin
      column = '0;
      for (int unsigned step = bit_index; step < 64; step++) begin
        if (step == bit_index) column = Polynomial;
        else column = (column >> 1) ^ (column[0] ? Polynomial : 32'd0);
      end
      for (int unsigned i = 0; i < 32; i++) rows[i][bit_index] = column[i];
    end
    return rows;
  endfunction

  localparam matrix_t Rows = step_matrix();

  logic [31:0] state_q, start;
  logic [63:0] mixed;

  assign start = clear_i ? '1 : state_q;
  assign mixed = data_i ^ {32'd0, start};

  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      for (int unsigned i = 0; i < 32; i++) state_q[i] <= ^(mixed & Rows[i]);
    end else if (clear_i) begin
      state_q <= '1;
    end
  end

  assign crc_o = ~state_q;

endmodule

`default_nettype wire
