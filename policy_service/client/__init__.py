"""What consuming systems import; needs grpcio and protobuf alone."""
