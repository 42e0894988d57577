"""Tables of groupbuy."""
