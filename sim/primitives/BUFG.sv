// Stand-in of Xilinx' global clock buffer for simulation.
`default_nettype none

module BUFG (
  input  wire logic I,
  output wire logic O
);
  assign O = I;
endmodule

`default_nettype wire
