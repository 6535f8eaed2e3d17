"""A race: networks trained against each other in the background, for a lab."""
