"""`python -m gateway` is `greygate`."""

from gateway.cli import main

main()
