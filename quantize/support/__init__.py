"""What has nothing to do with networks: threads, progress, files that appear whole, folders.

In come functions, texts and paths, out comes what is done with them, wholly or not at all.  May
import the standard library and small packages only.
"""
