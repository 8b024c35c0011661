"""What the page Scan is made of."""
