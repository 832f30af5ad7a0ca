"""What has nothing to do with networks: threads, progress, files that appear whole, folders.

May import the standard library and small packages only.
"""
