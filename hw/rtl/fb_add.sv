// Adds a stored word to a result word, pixel by pixel:
//
//   y = saturate(round_half_even((own << left_own + other << left_other) >> shift))
//
// of which one of the left shifts is zero.  Each operand is uint8 or int8; y saturates to
// [-128, 127] with out_signed_i, else to [0, 255].  With add_i = 0 the result passes unchanged.
// Pixels beyond the map are zero in both words and stay so.
// Latency: 7 cycles (Latency).  No handshake: one word a cycle.
`default_nettype none

module fb_add #(
  // Pixels of a word.
  parameter  int unsigned P       = 14,
  // Width of what accompanies a word.
  parameter  int unsigned CtxBits = 64,
  // Cycles from the inputs to the outputs.
  localparam int unsigned Latency = 7
) (
  input  wire logic               clk_i,
  input  wire logic               rst_ni,

  input  wire logic               valid_i,
  input  wire logic               add_i,
  input  wire logic [2:0]         left_i,          // left shift of one operand:
  input  wire logic               shifts_own_i,    // of the result, else of the stored word
  input  wire logic [3:0]         shift_i,         // right shift of the sum
  input  wire logic               own_signed_i,
  input  wire logic               other_signed_i,
  input  wire logic               out_signed_i,
  input  wire logic [P-1:0][7:0]  own_i,
  input  wire logic [P-1:0][7:0]  other_i,
  input  wire logic [CtxBits-1:0] ctx_i,

  output      logic               valid_o,
  output      logic [P-1:0][7:0]  word_o,
  output      logic [CtxBits-1:0] ctx_o
);
  logic [Latency:1]              valid_q;
  logic [Latency:1][CtxBits-1:0] ctx_q;

  always_ff @(posedge clk_i) begin
    ctx_q <= {ctx_q[Latency-1:1], ctx_i};
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[Latency-1:1], valid_i};
  end

  assign valid_o = valid_q[Latency];
  assign ctx_o = ctx_q[Latency];

  // Control, in the time of the stage that uses it.
  logic [2:0]       left_1_q;
  logic [3:0]       shift_1_q, shift_2_q, shift_3_q;
  logic [1:0]       shift_4_q;
  logic [6:1]       signed_q;

  always_ff @(posedge clk_i) begin
    left_1_q  <= add_i ? left_i : 3'd0;
    shift_1_q <= add_i ? shift_i : 4'd0;
    shift_2_q <= shift_1_q;
    shift_3_q <= shift_2_q;
    shift_4_q <= shift_3_q[1:0];
    // What passes unchanged has the range of its own kind.
    signed_q  <= {signed_q[5:1], add_i ? out_signed_i : own_signed_i};
  end

  for (genvar p = 0; p < P; p++) begin : gen_lane
    logic signed [8:0] own, other;
    assign own = $signed({own_signed_i && own_i[p][7], own_i[p]});
    assign other = $signed({other_signed_i && other_i[p][7], other_i[p]});

    // Cycle 1: which operand is shifted left.
    logic signed [8:0] moved_1_q, still_1_q;
    always_ff @(posedge clk_i) begin
      if (valid_i) begin
        moved_1_q <= (add_i && !shifts_own_i) ? other : own;
        still_1_q <= !add_i ? 9'sd0 : shifts_own_i ? other : own;
      end
    end

    // Cycle 2: aligned.
    logic signed [15:0] moved_2_q;
    logic signed [8:0]  still_2_q;
    always_ff @(posedge clk_i) begin
      if (valid_q[1]) begin
        moved_2_q <= 16'(moved_1_q) << left_1_q;
        still_2_q <= still_1_q;
      end
    end

    // Cycle 3: the sum.
    logic signed [16:0] sum_3_q;
    always_ff @(posedge clk_i) begin
      if (valid_q[2]) sum_3_q <= 17'(moved_2_q) + 17'(still_2_q);
    end

    // As in fb_requant the shifter keeps a value, its fraction's first bit (half), and whether any
    // bit below that one is set (rest).
    // Cycle 4: shift right by 0, 4, 8 or 12.
    logic signed [16:0] value_4_q;
    logic               half_4_q, rest_4_q;
    always_ff @(posedge clk_i) begin
      if (valid_q[3]) begin
        unique case (shift_3_q[3:2])
          2'd0: begin
            value_4_q <= sum_3_q;
            half_4_q <= 1'b0;
            rest_4_q <= 1'b0;
          end
          2'd1: begin
            value_4_q <= sum_3_q >>> 4;
            half_4_q <= sum_3_q[3];
            rest_4_q <= |sum_3_q[2:0];
          end
          2'd2: begin
            value_4_q <= sum_3_q >>> 8;
            half_4_q <= sum_3_q[7];
            rest_4_q <= |sum_3_q[6:0];
          end
          default: begin
            value_4_q <= sum_3_q >>> 12;
            half_4_q <= sum_3_q[11];
            rest_4_q <= |sum_3_q[10:0];
          end
        endcase
      end
    end

    // Cycle 5: shift right by 0 to 3 and decide the rounding.
    logic signed [16:0] value_5_q;
    logic               up_5_q;
    logic signed [16:0] value_5;
    logic               half_5, rest_5;
    always_comb begin
      unique case (shift_4_q)
        2'd0: begin
          value_5 = value_4_q;
          half_5 = half_4_q;
          rest_5 = rest_4_q;
        end
        2'd1: begin
          value_5 = value_4_q >>> 1;
          half_5 = value_4_q[0];
          rest_5 = half_4_q || rest_4_q;
        end
        2'd2: begin
          value_5 = value_4_q >>> 2;
          half_5 = value_4_q[1];
          rest_5 = value_4_q[0] || half_4_q || rest_4_q;
        end
        default: begin
          value_5 = value_4_q >>> 3;
          half_5 = value_4_q[2];
          rest_5 = (|value_4_q[1:0]) || half_4_q || rest_4_q;
        end
      endcase
    end
    always_ff @(posedge clk_i) begin
      if (valid_q[4]) begin
        value_5_q <= value_5;
        up_5_q <= half_5 && (rest_5 || value_5[0]);
      end
    end

    // Cycle 6: rounded.  What does not fit 10 bits saturates: only its sign is of interest.
    // 511 wraps to -512 when rounded up: out of range as well, and the sign is known.
    logic signed [9:0] round_6_q;
    logic              over_6_q, negative_6_q;
    always_ff @(posedge clk_i) begin
      if (valid_q[5]) begin
        round_6_q <= signed'(value_5_q[9:0]) + (up_5_q ? 10'sd1 : 10'sd0);
        over_6_q <= value_5_q[16:9] != {8{value_5_q[16]}};
        negative_6_q <= value_5_q[16];
      end
    end

    // Cycle 7: saturated.
    logic [7:0] byte_7_q;
    always_ff @(posedge clk_i) begin
      if (valid_q[6]) begin
        if (!signed_q[6]) begin
          if (negative_6_q) byte_7_q <= 8'd0;
          else if (over_6_q || (round_6_q[9:8] != 2'b00)) byte_7_q <= 8'd255;
          else byte_7_q <= round_6_q[7:0];
        end else begin
          if (over_6_q || (round_6_q[9:7] != {3{round_6_q[9]}})) begin
            byte_7_q <= {negative_6_q, {7{!negative_6_q}}};
          end else begin
            byte_7_q <= round_6_q[7:0];
          end
        end
      end
    end
    assign word_o[p] = byte_7_q;
  end
endmodule

`default_nettype wire
