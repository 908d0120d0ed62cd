"""Who somebody is, shown by something other than a password of this house."""
