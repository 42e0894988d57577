"""Tables of attribution."""
