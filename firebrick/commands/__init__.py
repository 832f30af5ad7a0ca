"""The commands of ``firebrick``, one module each: options in, tables, pictures and files out.

A command reads what the user names, calls the parts that do the work, and says what came out.
They may import everything; nothing but ``bench`` imports them.
"""
