"""The command line: the only place that prints or exits. It speaks gRPC to the service."""
