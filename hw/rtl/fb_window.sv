// Window fetch: words of the activation memory to the pixels of one K step a cycle.
//
// A slot is one K step, i.e. one kernel column ("tap") of an element (kernel row, channel).  The
// words under the window are read once and kept as a history, h0 the newest; the taps are cut out
// of it.  slot_read_i says that a read was issued in the slot's cycle: its word comes on word_i 2
// cycles later and counts as zeros with slot_zero_i, which says so for the two halves of a word apart:
// with slot_fold_i they are pixels of two rows, and no tap looks across the middle.
//
// The history shifts when the word of a slot arrives, and once more after the last tap of an
// element (slot_elem_last_i), whether or not a read follows.  A tap is cut out one cycle after the
// slot's own word arrived, so that the element's next word is already there:
//
//   sel  pixels             (a, b) from s: pixel p is a[p + s] for p + s < P, else b[p + s - P]
//    0   h1
//    1   (h1, h0) from P - 1   one pixel to the left
//    2   (h1, h0) from 1
//    3   (h1, h0) from 2
//    4   (h2, h1) from 1       4..6: last taps, when one word more has been shifted in
//    5   (h2, h1) from 2
//    6   (h2, h1) from 3
//
// Latency: the tap of a slot presented in cycle t is on act_o in cycle t + Latency, Latency = 6,
// with valid_o, first_o and last_o (both only with valid_o).  No handshake: one slot a cycle, gaps
// (slot_valid_i = 0) only after the last tap of an element.  P must be at least 4.

`default_nettype none

module fb_window #(
  // Pixels of a word.
  parameter  int unsigned P = 14,
  // Cycles from a slot to its tap.
  localparam int unsigned Latency = 6
) (
  input  wire logic               clk_i,
  input  wire logic               rst_ni,

  input  wire logic               slot_valid_i,
  input  wire logic               slot_read_i,
  input  wire logic [1:0]         slot_zero_i,   // of pixels before the middle, and from there on
  input  wire logic               slot_fold_i,
  input  wire logic               slot_elem_last_i,
  input  wire logic [2:0]         slot_sel_i,
  input  wire logic               slot_signed_i,
  input  wire logic               slot_first_i,
  input  wire logic               slot_last_i,
  input  wire logic [P-1:0][7:0]  word_i,        // 2 cycles after slot_read_i

  output      logic [P-1:0][8:0]  act_o,
  output      logic               valid_o,
  output      logic               first_o,
  output      logic               last_o
);

  localparam int unsigned WordBits = 8 * P;
  localparam int unsigned Middle = P / 2;  // first pixel of the back half

  // Control, index = cycles since the slot.  A slot shifts the history on the edge that ends its
  // cycle 2, and is cut out in cycle 4 (upper and lower candidate) and 5 (choice between them).
  logic [Latency:1]    valid_q;
  logic [Latency:1]    first_q, last_q;
  logic [2:1]          shift_q;
  logic [2:1][1:0]     zero_q;
  logic [4:1]          fold_q;
  logic                first_edge_q, last_edge_q;  // a pixel of the other row would be seen
  logic [4:1][2:0]     sel_q;
  logic [5:1]          signed_q;
  logic                after_last_q;
  logic                upper_q;
  logic [2:0]          sel;

  assign sel = sel_q[4];

  always_ff @(posedge clk_i) begin
    zero_q       <= {zero_q[1], slot_zero_i};
    fold_q       <= {fold_q[3:1], slot_fold_i};
    first_edge_q <= fold_q[4] && (sel == 3'd1);
    last_edge_q  <= fold_q[4] && ((sel == 3'd2) || (sel == 3'd4));
    sel_q        <= {sel_q[3:1], slot_sel_i};
    signed_q     <= {signed_q[4:1], slot_signed_i};
    first_q      <= {first_q[Latency-1:1], slot_first_i && slot_valid_i};
    last_q       <= {last_q[Latency-1:1], slot_last_i && slot_valid_i};
    upper_q      <= sel[2];
    shift_q      <= {shift_q[1], slot_read_i || after_last_q};
    after_last_q <= slot_valid_i && slot_elem_last_i;
    if (!rst_ni) begin
      valid_q <= '0;
      first_q <= '0;
      last_q  <= '0;
    end else begin
      valid_q <= {valid_q[Latency-1:1], slot_valid_i};
    end
  end

  logic [WordBits-1:0] h0_q, h1_q;
  logic [WordBits-1:8] h2_q;  // its first pixel is never used

  always_ff @(posedge clk_i) begin
    if (shift_q[2]) begin
      h0_q[8*Middle-1:0] <= zero_q[2][0] ? '0 : word_i[Middle-1:0];
      h0_q[WordBits-1:8*Middle] <= zero_q[2][1] ? '0 : word_i[P-1:Middle];
      h1_q <= h0_q;
      h2_q <= h1_q[WordBits-1:8];
    end
  end

  // One level of four-way choices a cycle.
  logic [WordBits-1:0] lower_d, lower_q;   // selections 0..3
  logic [WordBits-1:0] higher_d, higher_q; // selections 4..6

  always_comb begin
    unique case (sel[1:0])
      2'd0: begin
        lower_d  = h1_q;
        higher_d = {h1_q[7:0], h2_q[WordBits-1:8]};
      end
      2'd1: begin
        lower_d  = {h0_q[WordBits-9:0], h1_q[WordBits-1-:8]};
        higher_d = {h1_q[15:0], h2_q[WordBits-1:16]};
      end
      2'd2: begin
        lower_d  = {h0_q[7:0], h1_q[WordBits-1:8]};
        higher_d = {h1_q[23:0], h2_q[WordBits-1:24]};
      end
      default: begin
        lower_d  = {h0_q[15:0], h1_q[WordBits-1:16]};
        higher_d = {h1_q[23:0], h2_q[WordBits-1:24]};
      end
    endcase
  end

  always_ff @(posedge clk_i) begin
    lower_q  <= lower_d;
    higher_q <= higher_d;
  end

  for (genvar p = 0; p < P; p++) begin : gen_pixel
    logic [7:0] tap;
    logic [8:0] act_q;

    assign tap = upper_q ? higher_q[8*p+:8] : lower_q[8*p+:8];

    always_ff @(posedge clk_i) begin
      act_q <= {signed_q[5] && tap[7], tap};
      if ((P % 2 == 0) && (((p == Middle) && first_edge_q) || ((p == Middle - 1) && last_edge_q))) begin
        act_q <= '0;
      end
    end

    assign act_o[p] = act_q;
  end

  assign valid_o = valid_q[Latency];
  assign first_o = first_q[Latency];
  assign last_o  = last_q[Latency];

endmodule

`default_nettype wire
