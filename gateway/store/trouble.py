"""What a database says when it does not do what it is told, for an admin."""

from sqlalchemy.exc import SQLAlchemyError


def database_trouble(error: SQLAlchemyError) -> str:
    """The driver's words without the statement, whose values are other people's mail."""
    return f"the database says: {getattr(error, 'orig', None) or type(error).__name__}"
