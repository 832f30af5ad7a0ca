"""A trained network's features, and a new classifier on them: classes of one's own.

In come a float network and labelled pictures, out comes a float network of the pictures' classes,
what cross-validation says of it, float and fixed point, and a picture of its mistakes.  May import
every room of ``quantize``; only the commands import this one.
"""
