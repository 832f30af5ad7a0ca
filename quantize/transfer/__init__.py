"""A trained network's features, and a new classifier on them: classes of one's own.

In come a float network and labelled pictures, out comes a float network of the pictures' classes,
what cross-validation says of it, float and fixed point, and a picture of its mistakes.  Imports
the vocabulary, ``support``, ``pictures``, ``golden`` and ``calibration``; no room imports this one.
"""
