"""The simulation: weeks of mail in minutes, through the real policy and the real store."""
