"""Sales channels, and what came in through them as it was received."""
