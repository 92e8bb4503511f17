"""Decides: pure, total, handed its time; no clock, no chance, no I/O."""
