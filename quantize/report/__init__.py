"""What is told of a network: accuracy, histograms, figures of the paper, tables, the HTML page.

In come float and quantized networks and pictures, out come plain data, tables and pages.  May
import all other rooms of ``quantize``.
"""
