"""Short of places: on above one share of the sessions, off below another, so that it does not flicker."""

import structlog

log = structlog.get_logger()

COMMAND_TIMEOUT = 10.0  # seconds a stranger has for its next command meanwhile
ERRORS = 1  # how many it may make


class Stress:
    """One worker's. `on` says whether it is now, `times` how often it was entered: for metrics."""

    def __init__(self, slots: int, on_percent: int, off_percent: int) -> None:
        self.on_above = slots * on_percent
        self.off_below = slots * off_percent
        self.on = False
        self.times = 0

    def see(self, sessions: int) -> bool:
        """Look at the number of sessions; True when stress has just begun."""
        if not self.on and sessions * 100 >= self.on_above:
            self.on = True
            self.times += 1
            log.warning("stress began", sessions=sessions)
            return True
        if self.on and sessions * 100 < self.off_below:
            self.on = False
            log.info("stress ended", sessions=sessions)
        return False
