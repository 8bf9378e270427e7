"""gRPC: the door, thin servicers, protobuf to model and back, errors to status; supervisor and wiring."""
