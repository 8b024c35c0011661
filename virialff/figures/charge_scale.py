"""The colour scale of partial charges, without what draws by it."""

import math
from dataclasses import dataclass

import numpy as np

NEGATIVE = (180, 4, 38)
NEUTRAL = (221, 221, 221)
POSITIVE = (59, 76, 192)
#: Half-range of the scale in e never falls below this, so that noise in a hydrocarbon is not painted as polarity.
SMALLEST_LIMIT = 0.1


@dataclass(frozen=True)
class ChargeScale:
    """Maps a charge in e to a colour: red negative, grey neutral, blue positive.

    `limit` (e) is where the colours saturate, the same on both sides. The end points are those of Moreland's cool-warm
    map, which stays readable with red-green and blue-yellow colour blindness (Proc. ISVC 2009, 92-103).
    """

    limit: float

    @classmethod
    def fitting(cls, charges: np.ndarray) -> "ChargeScale":
        """The scale whose limit is the largest absolute charge (n_atoms,) in e, rounded up to 0.1 e."""
        largest = float(np.abs(charges).max(initial=0.0))
        return cls(max(SMALLEST_LIMIT, math.ceil(round(largest * 10, 6)) / 10))

    def rgb(self, charge: float) -> tuple[int, int, int]:
        """Red, green and blue (0-255) of one charge in e."""
        fraction = float(np.clip(charge / self.limit, -1.0, 1.0))
        end = POSITIVE if fraction > 0 else NEGATIVE
        weight = abs(fraction)
        red, green, blue = (round(n + weight * (e - n)) for n, e in zip(NEUTRAL, end, strict=True))
        return red, green, blue

    def hex(self, charge: float) -> str:
        """Colour of one charge in e as #rrggbb."""
        return "#{:02x}{:02x}{:02x}".format(*self.rgb(charge))

    def text_hex(self, charge: float) -> str:
        """Black or white, whichever is the more legible on the colour of this charge."""
        red, green, blue = self.rgb(charge)
        return "#ffffff" if 0.299 * red + 0.587 * green + 0.114 * blue < 130 else "#111111"


#: The same for every molecule, so that colours can be compared: beyond 0.5 e, where few atoms lie, they saturate.
COMMON_SCALE = ChargeScale(0.5)
