"""The embedded stack: real servers from wheels, started and stopped in order, without Docker."""
