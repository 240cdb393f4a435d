"""Demos: real patients, or made-up ones whose truth is known, at hospitals on this machine."""
