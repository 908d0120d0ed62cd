"""What happened to mail, counted: how long it waited, what became of it, and how often we were wrong."""

from gateway.statistics.figures import Figures, Line, Point, Progress, Rate, figures
from gateway.statistics.period import Against, BadPeriod, Period
from gateway.statistics.rollup import count_decisions, count_events
from gateway.statistics.waits import Bar, Quantile, Waits

__all__ = [
    "Against",
    "BadPeriod",
    "Bar",
    "Figures",
    "Line",
    "Period",
    "Point",
    "Progress",
    "Quantile",
    "Rate",
    "Waits",
    "count_decisions",
    "count_events",
    "figures",
]
