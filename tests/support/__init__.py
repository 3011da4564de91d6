"""Servers, commands and tiny models that several test modules use."""
