"""Mail that our people send through us: logins, senders, a smarthost, and what is learnt from it."""
