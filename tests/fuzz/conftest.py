"""The fuzzers use the houses of the attacks."""

from tests.smtpd.conftest import house, houses

__all__ = ["house", "houses"]
