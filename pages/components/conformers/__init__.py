"""What the page Conformers is made of."""
