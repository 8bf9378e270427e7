"""The command line, run against a gRPC server in this process that records what it is asked."""
