"""Alerts: admins are told when something is amiss, and when it is over."""
