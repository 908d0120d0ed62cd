"""What a mail says, judged by what people said about mails before it. Knows nothing of the gateway."""
