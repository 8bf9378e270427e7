"""Coverage-guided fuzzing, run by `make fuzz`."""
