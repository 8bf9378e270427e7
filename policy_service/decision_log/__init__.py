"""The commit round, the Merkle tree, and what reads the log."""
