"""Pictures and their labels, as a network's training prepared them.

In come folders, picture files and CSV files, out come uint8 arrays [N, C, H, W], labels and class
names.  Imports the vocabulary and ``support``.
"""
