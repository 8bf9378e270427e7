"""Values and errors. Nothing here imports anything but the standard library."""
