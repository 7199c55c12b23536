"""Checks that look at real servers, processes and directories."""
