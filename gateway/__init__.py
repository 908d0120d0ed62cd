"""Greygate: a greylisting gateway that knows whom its people correspond with.

`model` is imported by everyone and imports nobody; `policy` decides and does no I/O; `evidence`, `store`, `bodies`
and `relay` touch the world; `smtpd`, `courier` and `sweep` are the processes; `cli` and `supervisor` put them
together. `tests/house/test_imports.py` keeps it so.
"""
