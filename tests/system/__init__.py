"""The whole service as its processes run: on real sockets, with real databases, killed and started again."""
