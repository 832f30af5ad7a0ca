"""The backend's name, and what a conversion has that does not say otherwise."""

NAME = "Firebrick"
PART = "xc7z020clg400-1"
CLOCK_NS = 10.0
IO_TYPE = "io_stream"
