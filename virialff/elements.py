"""The nine elements of the method, in the order of the one-hot atom features."""

ELEMENTS = ("H", "C", "N", "O", "F", "P", "S", "Cl", "Br")
ATOMIC_NUMBERS = (1, 6, 7, 8, 9, 15, 16, 17, 35)

#: Atomic number to symbol, for the nine elements only.
SYMBOL_OF = dict(zip(ATOMIC_NUMBERS, ELEMENTS, strict=True))
#: Atomic number to position in ELEMENTS.
ELEMENT_INDEX = {number: index for index, number in enumerate(ATOMIC_NUMBERS)}
