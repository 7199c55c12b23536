"""The places observed: fifteen Dutch cities, each with the coordinates of its centre (WGS 84)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Location:
    """A place that is observed.

    Attributes:
        id: Stable key, as in weather.locations.
        name: Name for people.
        latitude: Degrees north.
        longitude: Degrees east.
    """

    id: str
    name: str
    latitude: float
    longitude: float


LOCATIONS: tuple[Location, ...] = (
    Location("amsterdam", "Amsterdam", 52.3740, 4.8897),
    Location("rotterdam", "Rotterdam", 51.9225, 4.4792),
    Location("den-haag", "Den Haag", 52.0767, 4.2986),
    Location("utrecht", "Utrecht", 52.0908, 5.1222),
    Location("eindhoven", "Eindhoven", 51.4408, 5.4778),
    Location("groningen", "Groningen", 53.2192, 6.5667),
    Location("tilburg", "Tilburg", 51.5555, 5.0913),
    Location("almere", "Almere", 52.3703, 5.2142),
    Location("breda", "Breda", 51.5866, 4.7760),
    Location("nijmegen", "Nijmegen", 51.8425, 5.8528),
    Location("enschede", "Enschede", 52.2183, 6.8958),
    Location("arnhem", "Arnhem", 51.9800, 5.9111),
    Location("leeuwarden", "Leeuwarden", 53.2014, 5.8086),
    Location("maastricht", "Maastricht", 50.8483, 5.6889),
    Location("middelburg", "Middelburg", 51.5000, 3.6139),
)
"""All places, in the order in which they are asked for; the replay source maps stations to this order."""
