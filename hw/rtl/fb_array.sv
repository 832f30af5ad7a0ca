// Systolic array: P pixels by C channels of output-stationary accumulators, Pump K steps a cycle.
//
// Activations enter at the left and move right, weights enter at the top and move down; both are
// skewed here, so all inputs of a K step come in one cycle.  There is no valid: `first_i` starts
// a block of K steps from zero, `last_i` captures its sums, and what comes between blocks is lost.
//
//            w[1:0]   w[3:2]
//              |        |  (column j delayed by j)
//   act[0] -> PE  ->   PE  -> ...     a row's chain moves left: results of column 0 first
//   act[1] -> PE  ->   PE  -> ...     (row p delayed by p)
//
// Latency: the sum of row p, channel c, appears for one cycle, DrainLatency + c + p cycles after the
// K step with last_i, DrainLatency = 6.  Rows are not deskewed.  So a row gives one channel a cycle,
// and the next `last_i` must come at least C cycles after this one.  Other cycles of the outputs
// hold garbage.
//
// With FastClock = 1 (Pump = 2) the multipliers run at twice the clock; see fb_pe.  The second K
// step's operands follow the first one's by a cycle then, which happens here.
//
// Dsps multipliers use a DSP48E1, column by column; elements beyond that number are built from
// LUTs.

`default_nettype none

module fb_array #(
  // Pixels of a word: rows.
  parameter  int unsigned P       = 14,
  // Channels of a block: two a column; even.
  parameter  int unsigned C       = 32,
  // Width of the accumulators.
  parameter  int unsigned AccBits = 24,
  // K steps that come together: 1 or 2.
  parameter  int unsigned Pump    = 1,
  // 1: multipliers run at twice the clock.
  parameter  bit          FastClock = 1'b0,
  // DSP48E1 blocks to use, one an element.
  parameter  int unsigned Dsps    = 220,
  // Cycles from last_i to the sums of row 0, column 0.
  localparam int unsigned DrainLatency = 6
) (
  input  wire logic                      clk_i,
  input  wire logic                      clk_fast_i,
  input  wire logic [Pump-1:0][P-1:0][8:0] act_i,
  input  wire logic [Pump-1:0][C-1:0][7:0] weight_i,
  input  wire logic                      first_i,
  input  wire logic                      last_i,
  output      logic [P-1:0][AccBits-1:0] sum_o
);

  localparam int unsigned Columns = C / 2;

  // The inputs come from far away.
  logic [Pump-1:0][P-1:0][8:0] act_q;
  logic [Pump-1:0][C-1:0][7:0] weight_q;

  for (genvar k = 0; k < Pump; k++) begin : gen_input
    if (FastClock && k == 1) begin : gen_late
      logic [9*P-1:0] act_early_q;
      logic [8*C-1:0] weight_early_q;

      always_ff @(posedge clk_i) begin
        act_early_q    <= act_i[k];
        weight_early_q <= weight_i[k];
        act_q[k]       <= act_early_q;
        weight_q[k]    <= weight_early_q;
      end
    end else begin : gen_direct
      always_ff @(posedge clk_i) begin
        act_q[k]    <= act_i[k];
        weight_q[k] <= weight_i[k];
      end
    end
  end

  // Which half of a cycle it is: a toggle of the slow clock differs from what the fast one saw of it
  // in the first half.
  logic phase;

  if (FastClock) begin : gen_phase
    logic toggle_q, seen_q, phase_q;

    always_ff @(posedge clk_i) toggle_q <= !toggle_q;
    always_ff @(posedge clk_fast_i) begin
      seen_q  <= toggle_q;
      phase_q <= toggle_q ^ seen_q;
    end
    assign phase = phase_q;
  end else begin : gen_no_phase
    assign phase = 1'b0;
  end

  // The flags pass the multiplier's registers beside the data, `first` one fewer than `last`,
  // then the rows.
  logic [P+DrainLatency-4:0] first_q;
  logic [P+DrainLatency-3:0] last_q;

  always_ff @(posedge clk_i) begin
    first_q <= {first_q[P+DrainLatency-5:0], first_i};
    last_q  <= {last_q[P+DrainLatency-4:0], last_i};
  end

  // By row and by column, the K steps side by side in a vector.
  logic [P-1:0][9*Pump-1:0]        acts;
  logic [Columns-1:0][16*Pump-1:0] pairs;

  always_comb begin
    for (int unsigned k = 0; k < Pump; k++) begin
      for (int unsigned p = 0; p < P; p++) acts[p][9*k+:9] = act_q[k][p];
      for (int unsigned j = 0; j < Columns; j++) begin
        pairs[j][16*k+:16] = {weight_q[k][2*j+1], weight_q[k][2*j]};
      end
    end
  end

  // Row p waits p cycles.
  for (genvar p = 0; p < P; p++) begin : gen_act
    logic [9*Pump-1:0] act;
    if (p == 0) begin : gen_direct
      assign act = acts[p];
    end else begin : gen_skew
      for (genvar k = 0; k < p; k++) begin : gen_stage
        logic [9*Pump-1:0] stage_q;
        if (k == 0) begin : gen_head
          always_ff @(posedge clk_i) stage_q <= acts[p];
        end else begin : gen_tail
          always_ff @(posedge clk_i) stage_q <= gen_stage[k-1].stage_q;
        end
      end
      assign act = gen_stage[p-1].stage_q;
    end
  end

  // Column j waits j cycles, then its two weights become the upper and lower field of the operand.
  for (genvar j = 0; j < Columns; j++) begin : gen_weight
    logic [16*Pump-1:0] pair;
    logic [16*Pump-1:0] weight;
    if (j == 0) begin : gen_direct
      assign pair = pairs[j];
    end else begin : gen_skew
      for (genvar k = 0; k < j; k++) begin : gen_stage
        logic [16*Pump-1:0] pair_q;
        if (k == 0) begin : gen_head
          always_ff @(posedge clk_i) pair_q <= pairs[j];
        end else begin : gen_tail
          always_ff @(posedge clk_i) pair_q <= gen_stage[k-1].pair_q;
        end
      end
      assign pair = gen_stage[j-1].pair_q;
    end
    always_comb begin
      for (int unsigned k = 0; k < Pump; k++) begin
        weight[16*k+:16] = {pair[16*k+8+:8] - {7'b0, pair[16*k+7]}, pair[16*k+:8]};
      end
    end
  end

  for (genvar p = 0; p < P; p++) begin : gen_row
    for (genvar j = 0; j < Columns; j++) begin : gen_col
      logic [9*Pump-1:0]         act_in, act_out;
      logic [16*Pump-1:0]        weight_in, weight_out;
      logic                      first_in, first_out, last_in, last_out;
      logic                      phase_in, phase_out;
      logic signed [AccBits-1:0] sum_in, sum_out;

      if (j == 0) begin : gen_left
        assign act_in   = gen_act[p].act;
        assign first_in = first_q[p+DrainLatency-4];
        assign last_in  = last_q[p+DrainLatency-3];
      end else begin : gen_inner
        assign act_in   = gen_col[j-1].act_out;
        assign first_in = gen_col[j-1].first_out;
        assign last_in  = gen_col[j-1].last_out;
      end

      if (p == 0) begin : gen_top
        assign weight_in = gen_weight[j].weight;
      end else begin : gen_below
        assign weight_in = gen_row[p-1].gen_col[j].weight_out;
      end

      if (j == Columns - 1) begin : gen_right
        assign sum_in = '0;

        logic unused_edge;
        assign unused_edge = &{1'b0, act_out, first_out, last_out};
      end else begin : gen_chain
        assign sum_in = gen_col[j+1].sum_out;
      end

      if (p == P - 1) begin : gen_bottom
        logic unused_edge;
        assign unused_edge = &{1'b0, weight_out};
      end

      // From the top left along the first row, then down the columns.
      if (p > 0) begin : gen_phase_down
        assign phase_in = gen_row[p-1].gen_col[j].phase_out;
      end else if (j > 0) begin : gen_phase_right
        assign phase_in = gen_col[j-1].phase_out;
      end else begin : gen_phase_first
        assign phase_in = phase;
      end
      if (p == P - 1 && (p > 0 || j == Columns - 1)) begin : gen_phase_end
        logic unused_phase;
        assign unused_phase = &{1'b0, phase_out};
      end

      fb_pe #(
        .AccBits (AccBits),
        .Pump    (Pump),
        .FastClock(FastClock),
        .UseDsp  (j * P + p < Dsps)
      ) u_pe (
        .clk_i    (clk_i),
        .clk_fast_i(clk_fast_i),
        .phase_i  (phase_in),
        .phase_o  (phase_out),
        .act_i    (act_in),
        .act_o    (act_out),
        .weight_i (weight_in),
        .weight_o (weight_out),
        .first_i  (first_in),
        .first_o  (first_out),
        .last_i   (last_in),
        .last_o   (last_out),
        .sum_i    (sum_in),
        .sum_o    (sum_out)
      );
    end

    assign sum_o[p] = unsigned'(gen_col[0].sum_out);
  end

endmodule

`default_nettype wire
