// Register slice: a valid/ready stream goes through with registers on both sides, so that no path
// leads from one side to the other in either direction. Two words of storage; a word appears at the
// output one cycle after it was taken; one word a cycle, without gaps.
`default_nettype none

module fb_slice #(
  parameter int unsigned Width = 64
) (
  input  wire logic             clk_i,
  input  wire logic             rst_ni,
  input  wire logic             in_valid_i,
  output      logic             in_ready_o,
  input  wire logic [Width-1:0] in_data_i,
  output      logic             out_valid_o,
  input  wire logic             out_ready_i,
  output      logic [Width-1:0] out_data_o
);
  // Holds the word that was taken when the output turned out not to move. Full: not ready.
  logic [Width-1:0] spare_q;
  logic             move;

  assign move = !out_valid_o || out_ready_i;

  always_ff @(posedge clk_i) begin
    if (in_ready_o) spare_q <= in_data_i;
    if (move) begin
      out_data_o <= in_ready_o ? in_data_i : spare_q;
      out_valid_o <= in_valid_i || !in_ready_o;
      in_ready_o <= 1'b1;
    end else if (in_valid_i) begin
      in_ready_o <= 1'b0;
    end
    if (!rst_ni) begin
      out_valid_o <= 1'b0;
      in_ready_o <= 1'b1;
    end
  end
endmodule

`default_nettype wire
