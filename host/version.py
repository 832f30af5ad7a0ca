"""The version of Firebrick: of driver, compiler, programs, overlays and archives alike."""

VERSION = "0.9.0"
