"""The client library, run against a gRPC server in this process."""
