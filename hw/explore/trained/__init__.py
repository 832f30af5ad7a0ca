"""The paper's choices on networks that are small enough to be trained: which, and what is claimed
of them, statistics of their accuracy, plots.

In come accuracies of several seeds, as float and as fixed point (how they were had is not known
here), out come verdicts on the paper's claims and their plots.  Imports the rest of ``explore``,
``compiler``, and ``quantize``'s architectures and figures.
"""
