"""Cerbos, another policy decision point, beside the service: the same work on the same core in the same run.

Its server comes from npm, as the package that `cerbos` names for Linux on x86-64; `make bench` installs it
into build/cerbos from the lock in this folder. It has one rule for each of the service's documents and its
audit log on, in its local store; that log is written behind the answer, so a crash loses entries, which the
service's does not.
"""
