"""The eight promises of the README, each shown on a whole installation."""
