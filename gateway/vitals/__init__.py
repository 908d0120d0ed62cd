"""How Greygate on this machine fares right now; what cannot be asked is None."""

from gateway.vitals.health import Health
from gateway.vitals.kept import NoDatabase
from gateway.vitals.overview import Overview, Watcher
from gateway.vitals.ready import Ready
from gateway.vitals.reports import Reports
from gateway.vitals.trouble import Trouble
from gateway.vitals.verdict import troubles

__all__ = ["Health", "NoDatabase", "Overview", "Ready", "Reports", "Trouble", "Watcher", "troubles"]
