"""The example world: data in `examples/world`, put on file through the calls that everybody has."""
