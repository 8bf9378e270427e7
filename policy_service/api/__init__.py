"""Generated from protos/; nothing by hand."""
