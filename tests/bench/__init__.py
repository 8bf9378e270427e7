"""`make bench`: what the service does in a second, beside what its parts allow at most."""
