"""The commands of ``firebrick``, one module each.

In come options, out come tables, pictures and files: a command reads what the user names, calls the
parts that do the work, and says what became of it.  They may import everything; nothing but
``bench`` imports them.
"""
