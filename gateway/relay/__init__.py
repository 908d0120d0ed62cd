"""The client side towards next hops: SMTP and LMTP (RFC 5321, RFC 2033) and Maildir."""
