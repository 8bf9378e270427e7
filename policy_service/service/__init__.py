"""Use cases, one file each: no transport and no SQL."""
