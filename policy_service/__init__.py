"""A policy decision point over gRPC: who may see or send which field of which record."""
