"""Reports to domains that ask for them: what we saw of mail in their name."""
