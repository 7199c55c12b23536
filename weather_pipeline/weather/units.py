"""Units of weather variables: from what a source sends to what we store.

Stored units are SI or SI-derived, with degrees Celsius for temperature and hPa for pressure, as WMO-No. 306 (BUFR,
SYNOP practice) and the KNMI use them. Every factor is exact by definition: the international mile (1609.344 m) and
nautical mile (1852 m), the foot (0.3048 m), the inch (25.4 mm), Fahrenheit (F - 32) * 5 / 9, Kelvin (K - 273.15).

A unit has many spellings: those of Open-Meteo, of UCUM (`Cel`, `m.s-1`, `deg`), which CoverageJSON is meant to use, and
of the climate and forecast conventions (`degC`, `degrees Celsius`, `m s-1`, `degree`), which KNMI's files use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from weather_pipeline.errors import DataError


@dataclass(frozen=True, slots=True)
class Conversion:
    """Stored value = received value * scale + offset."""

    scale: float = 1.0
    offset: float = 0.0

    def apply(self, value: float) -> float:
        """Convert one received value to the stored unit."""
        return value * self.scale + self.offset


_SAME = Conversion()

CONVERSIONS: Mapping[str, Mapping[str, Conversion]] = {
    "°C": {
        "°C": _SAME,
        "Cel": _SAME,
        "degC": _SAME,
        "degrees Celsius": _SAME,
        "°F": Conversion(5 / 9, -160 / 9),
        "K": Conversion(1.0, -273.15),
    },
    "m/s": {
        "m/s": _SAME,
        "m.s-1": _SAME,
        "m s-1": _SAME,
        "km/h": Conversion(1 / 3.6),
        "mp/h": Conversion(0.44704),  # Open-Meteo's own spelling of miles per hour
        "mph": Conversion(0.44704),
        "kn": Conversion(1852 / 3600),
    },
    "mm": {"mm": _SAME, "inch": Conversion(25.4)},
    "hPa": {"hPa": _SAME, "Pa": Conversion(0.01)},
    "m": {"m": _SAME, "ft": Conversion(0.3048)},
    "%": {"%": _SAME},
    "°": {"°": _SAME, "deg": _SAME, "degree": _SAME, "degrees": _SAME},
}
"""Stored unit → received unit → conversion."""

MPH_IN_MS = CONVERSIONS["m/s"]["mph"].scale
"""One mile per hour in metres per second."""


def conversion(stored_unit: str, received_unit: str, *, variable: str) -> Conversion:
    """How to convert a variable from the unit received to the unit stored.

    Raises:
        DataError: No conversion from this unit is known: a guess would store wrong values.
    """
    known = CONVERSIONS[stored_unit]
    if received_unit not in known:
        raise DataError(
            f"{variable} came in the unknown unit {received_unit!r}. Known for {stored_unit}: {', '.join(known)}. "
            "Check the units the source was asked for."
        )
    return known[received_unit]
