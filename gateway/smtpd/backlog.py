"""How many connections wait while nobody accepts, as long as a restart takes."""

BACKLOG = 4096
