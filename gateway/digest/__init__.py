"""Digests: mails that tell people what waits for them, with links that do nothing by themselves."""
