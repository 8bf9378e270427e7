"""Catalogue, compile, evaluate, combine: pure, no input or output."""
