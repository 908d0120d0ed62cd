"""The logs of mail servers beside us: what they sent on, and to whom."""
