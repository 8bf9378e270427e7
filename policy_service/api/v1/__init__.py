"""Version 1 of the API, generated from protos/; nothing by hand."""
