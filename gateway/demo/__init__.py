"""The demonstration: a made-up day before a real gate, told from what really happened."""
