// Requantization: accumulators of one channel at a time to a word of 8-bit pixels, and their sum.
//
// One lane a row of the array.  Row p of the array is p cycles late, so the control of a channel
// moves down the lanes with it, one lane a cycle.  A lane adds the bias, shifts right with
// rounding half to even, and saturates to [0, 255] with relu_i, else to [-128, 127]; words are
// deskewed at the end.  The exact sum of relu_i ? max(v, 0) : v, v = accumulator + bias, over the
// valid pixels runs down the lanes as well.
//
// Inputs are in row 0's time, accumulators but row 0's in that of their rows.  Pixels >= pixels_i
// (0..P) become 0 and do not count in the sum.
// Latency: valid_i in cycle t gives valid_o, word_o, sum_o and ctx_o in cycle t + Latency,
// Latency = P + 5.  No handshake: one channel a cycle.

`default_nettype none

module fb_requant #(
  // Pixels of a word.
  parameter  int unsigned P       = 14,
  // Width of the accumulators; at most 32.
  parameter  int unsigned AccBits = 24,
  // Width of what accompanies a channel.
  parameter  int unsigned CtxBits = 64,
  // Width of the sum; at least AccBits + log2(P).
  parameter  int unsigned SumBits = 40,
  localparam int unsigned PixelBits = $clog2(P + 1),
  // Cycles from the inputs to the outputs.
  localparam int unsigned Latency = P + 5
) (
  input  wire logic                       clk_i,
  input  wire logic                       rst_ni,

  input  wire logic                       valid_i,
  input  wire logic signed [AccBits-1:0]  bias_i,
  input  wire logic [4:0]                 shift_i,
  input  wire logic                       relu_i,
  input  wire logic [PixelBits-1:0]       pixels_i,
  input  wire logic [CtxBits-1:0]         ctx_i,
  input  wire logic [P-1:0][AccBits-1:0]  acc_i,

  output      logic                       valid_o,
  output      logic [P-1:0][7:0]          word_o,
  output      logic signed [SumBits-1:0]  sum_o,
  output      logic [CtxBits-1:0]         ctx_o
);

  // Exact for any P accumulators.
  localparam int unsigned LaneSumBits = AccBits + $clog2(P);
  // Cycles from a lane's inputs to its byte.
  localparam int unsigned LaneLatency = 6;

  for (genvar p = 0; p < P; p++) begin : gen_lane
    // Control in the lane's own time.  A stage only moves for a channel, which saves power and
    // simulation time.
    logic                      valid;
    logic signed [AccBits-1:0] bias;
    logic [4:0]                shift;
    logic                      relu;
    logic [PixelBits-1:0]      pixels;  // valid pixels from this lane on

    logic [LaneLatency-1:1]    valid_q;
    logic signed [AccBits-1:0] bias_q;
    logic [4:0]                shift_q;
    logic                      relu_q;
    logic [PixelBits-1:0]      pixels_q;

    if (p == 0) begin : gen_head
      assign valid  = valid_i;
      assign bias   = bias_i;
      assign shift  = shift_i;
      assign relu   = relu_i;
      assign pixels = pixels_i;
    end else begin : gen_tail
      assign valid  = gen_lane[p-1].valid_q[1];
      assign bias   = gen_lane[p-1].bias_q;
      assign shift  = gen_lane[p-1].shift_q;
      assign relu   = gen_lane[p-1].relu_q;
      assign pixels = gen_lane[p-1].pixels_q;
    end

    always_ff @(posedge clk_i) begin
      valid_q <= {valid_q[LaneLatency-2:1], valid};
      if (valid) begin
        bias_q   <= bias;
        shift_q  <= shift;
        relu_q   <= relu;
        pixels_q <= (pixels == '0) ? '0 : pixels - PixelBits'(1);
      end
    end

    // Cycle 1: accumulator plus bias.
    logic signed [AccBits-1:0] value_q;
    logic                      pixel_q;

    always_ff @(posedge clk_i) begin
      if (valid) begin
        value_q <= signed'(acc_i[p]) + bias;
        pixel_q <= (pixels != '0);
      end
    end

    logic unused_head;
    if (p == P - 1) begin : gen_last
      assign unused_head = &{1'b0, bias_q, pixels_q};
    end else begin : gen_not_last
      assign unused_head = 1'b0;
    end

    // Cycle 2: the sum of the lanes down to this one, inverted: ~(a + b) = ~a - b.  Of a sum, yosys
    // takes either operand for the one that goes to the carry chain beside its LUTs; were it the
    // value, that would have to be masked by a LUT a bit first.  Of a difference it is the first one.
    logic signed [LaneSumBits-1:0] above, sum_q;
    logic                          counts;

    if (p == 0) begin : gen_sum_head
      assign above = '1;
    end else begin : gen_sum_tail
      assign above = gen_lane[p-1].sum_q;
    end
    assign counts = pixel_q && !(relu_q && value_q[AccBits-1]);

    always_ff @(posedge clk_i) begin
      if (valid_q[1]) sum_q <= above - LaneSumBits'(counts ? value_q : $signed(AccBits'(0)));
    end

    // The shifter works on a value, its fraction's first bit (half) and whether any bit below
    // that one is set (rest), so that rounding needs no more bits than these.
    // Cycle 2: shift by 0, 8, 16 or 24.
    logic signed [31:0] wide_0;
    logic signed [31:0] wide_1_q;
    logic               half_1_q, rest_1_q;
    logic [2:0]         shift_1_q;
    logic               relu_1_q, pixel_1_q;

    assign wide_0 = 32'(value_q);

    always_ff @(posedge clk_i) begin
      if (valid_q[1]) begin
        shift_1_q <= shift_q[2:0];
        relu_1_q  <= relu_q;
        pixel_1_q <= pixel_q;
        unique case (shift_q[4:3])
          2'd0: begin
            wide_1_q <= wide_0;
            half_1_q <= 1'b0;
            rest_1_q <= 1'b0;
          end
          2'd1: begin
            wide_1_q <= wide_0 >>> 8;
            half_1_q <= wide_0[7];
            rest_1_q <= |wide_0[6:0];
          end
          2'd2: begin
            wide_1_q <= wide_0 >>> 16;
            half_1_q <= wide_0[15];
            rest_1_q <= |wide_0[14:0];
          end
          default: begin
            wide_1_q <= wide_0 >>> 24;
            half_1_q <= wide_0[23];
            rest_1_q <= |wide_0[22:0];
          end
        endcase
      end
    end

    // Cycle 3: shift by 0, 2, 4 or 6.  At most 7 bits will be shifted out from here, so a value
    // that does not fit 17 bits saturates: only its sign is of interest.
    logic signed [16:0] mid_2_q;
    logic               half_2_q, rest_2_q, over_2_q;
    logic               shift_2_q;
    logic               relu_2_q, pixel_2_q, negative_2_q;
    logic signed [16:0] mid_1;

    assign mid_1 = signed'(wide_1_q[16:0]);

    always_ff @(posedge clk_i) begin
      if (valid_q[2]) begin
        shift_2_q    <= shift_1_q[0];
        relu_2_q     <= relu_1_q;
        pixel_2_q    <= pixel_1_q;
        negative_2_q <= wide_1_q[31];
        over_2_q     <= (wide_1_q[31:16] != {16{wide_1_q[31]}});
        unique case (shift_1_q[2:1])
          2'd0: begin
            mid_2_q  <= mid_1;
            half_2_q <= half_1_q;
            rest_2_q <= rest_1_q;
          end
          2'd1: begin
            mid_2_q  <= mid_1 >>> 2;
            half_2_q <= mid_1[1];
            rest_2_q <= mid_1[0] || half_1_q || rest_1_q;
          end
          2'd2: begin
            mid_2_q  <= mid_1 >>> 4;
            half_2_q <= mid_1[3];
            rest_2_q <= (|mid_1[2:0]) || half_1_q || rest_1_q;
          end
          default: begin
            mid_2_q  <= mid_1 >>> 6;
            half_2_q <= mid_1[5];
            rest_2_q <= (|mid_1[4:0]) || half_1_q || rest_1_q;
          end
        endcase
      end
    end

    // Cycle 4: shift by 0 or 1 and decide the rounding.  What does not fit 10 bits saturates.
    logic signed [9:0]  low_3_q;
    logic               up_3_q, over_3_q;
    logic               relu_3_q, pixel_3_q, negative_3_q;
    logic signed [16:0] mid_2;
    logic               half_2, rest_2;

    assign mid_2  = shift_2_q ? mid_2_q >>> 1 : mid_2_q;
    assign half_2 = shift_2_q ? mid_2_q[0] : half_2_q;
    assign rest_2 = shift_2_q ? half_2_q || rest_2_q : rest_2_q;

    always_ff @(posedge clk_i) begin
      if (valid_q[3]) begin
        relu_3_q     <= relu_2_q;
        pixel_3_q    <= pixel_2_q;
        negative_3_q <= negative_2_q;
        low_3_q      <= signed'(mid_2[9:0]);
        up_3_q       <= half_2 && (rest_2 || mid_2[0]);
        over_3_q     <= over_2_q || (mid_2[16:9] != {8{mid_2[16]}});
      end
    end

    // Cycle 5: round.
    logic signed [9:0] round_4_q;
    logic              over_4_q, relu_4_q, pixel_4_q, negative_4_q;

    always_ff @(posedge clk_i) begin
      if (valid_q[4]) begin
        relu_4_q     <= relu_3_q;
        pixel_4_q    <= pixel_3_q;
        negative_4_q <= negative_3_q;
        over_4_q     <= over_3_q;
        // 511 wraps to -512 when rounded up: out of range as well, and the sign is known.
        round_4_q    <= low_3_q + (up_3_q ? 10'sd1 : 10'sd0);
      end
    end

    // Cycle 6: saturate.
    logic [7:0] byte_q;

    always_ff @(posedge clk_i) begin
      if (valid_q[5]) begin
        if (!pixel_4_q) begin
          byte_q <= 8'd0;
        end else if (relu_4_q) begin
          if (negative_4_q) byte_q <= 8'd0;
          else if (over_4_q || (round_4_q[9:8] != 2'b00)) byte_q <= 8'd255;
          else byte_q <= round_4_q[7:0];
        end else begin
          if (over_4_q || (round_4_q[9:7] != {3{round_4_q[9]}})) begin
            byte_q <= {negative_4_q, {7{!negative_4_q}}};
          end else begin
            byte_q <= round_4_q[7:0];
          end
        end
      end
    end

    // Deskew: row p waits for the last one.
    if (p == P - 1) begin : gen_direct
      assign word_o[p] = byte_q;
    end else begin : gen_deskew
      localparam int unsigned Delay = P - 1 - p;
      logic [8*Delay-1:0] delay_q;
      always_ff @(posedge clk_i) delay_q <= (8 * Delay)'({delay_q, byte_q});
      assign word_o[p] = delay_q[8*Delay-1-:8];
    end
  end

  // The sum is complete LaneLatency - 2 cycles before the last lane's byte.
  logic [LaneLatency-3:0][LaneSumBits-1:0] sum_q;

  always_ff @(posedge clk_i) begin
    sum_q <= {sum_q[LaneLatency-4:0], gen_lane[P-1].sum_q};
  end

  assign sum_o = SumBits'($signed(~sum_q[LaneLatency-3]));

  logic [Latency:1]              valid_q;
  logic [Latency:1][CtxBits-1:0] ctx_q;

  always_ff @(posedge clk_i) begin
    ctx_q <= {ctx_q[Latency-1:1], ctx_i};
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[Latency-1:1], valid_i};
  end

  assign valid_o = valid_q[Latency];
  assign ctx_o   = ctx_q[Latency];

endmodule

`default_nettype wire
