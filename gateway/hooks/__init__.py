"""Hooks: places outside are told what happens to mail."""
