"""`serve`."""


def serve() -> None:
    """Run."""
