"""The edge over real sockets, with use cases that do what a test asks of them."""
