"""Real Dutch measuring sites whose nearest observations `weather.weather_near_towers` shows.

Coordinates and elevations of the KNMI stations are those in the header of KNMI's own station data (longitude, latitude,
altitude in metres). The height of a mast is given only where its operator publishes one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tower:
    """A measuring site.

    Attributes:
        id: Stable key, as in weather.towers.
        name: Name for people.
        latitude: Degrees north (WGS 84).
        longitude: Degrees east (WGS 84).
        elevation_m: Height of the site above mean sea level (NAP) in m.
        height_m: Height of its tower or mast above ground in m; None where the source gives none.
        source: Where these facts come from.
    """

    id: str
    name: str
    latitude: float
    longitude: float
    elevation_m: float
    height_m: float | None
    source: str


_KNMI = "KNMI station list (header of the hourly and daily station data, knmi.nl), station {}"


def _knmi(station: int, identifier: str, name: str, position: tuple[float, float, float]) -> Tower:
    """A KNMI station; the position is longitude, latitude and altitude, in the order of KNMI's list."""
    longitude, latitude, elevation = position
    return Tower(identifier, name, latitude, longitude, elevation, None, _KNMI.format(station))


TOWERS: tuple[Tower, ...] = (
    Tower(
        "cabauw",
        "Cabauw mast",
        51.970,
        4.926,
        -0.7,
        213.0,
        _KNMI.format(348) + "; mast of 213 m: KNMI, Cabauw Experimental Site for Atmospheric Research",
    ),
    Tower(
        "lutjewad",
        "Lutjewad tower",
        53.4037,
        6.3529,
        1.0,
        60.0,
        "University of Groningen, Centre for Isotope Research: ICOS atmosphere station LUT, air inlet at 60 m",
    ),
    Tower(
        "loobos",
        "Loobos tower",
        52.1666,
        5.7436,
        25.0,
        38.0,
        "FLUXNET site NL-Loo near Kootwijk (coordinates, elevation); tower of 38 m of 2021: Wageningen University",
    ),
    _knmi(235, "de-kooy", "De Kooy (Den Helder)", (4.781, 52.928, 1.2)),
    _knmi(240, "schiphol", "Schiphol", (4.790, 52.318, -3.3)),
    _knmi(249, "berkhout", "Berkhout", (4.979, 52.644, -2.4)),
    _knmi(260, "de-bilt", "De Bilt", (5.180, 52.100, 1.9)),
    _knmi(270, "leeuwarden-airbase", "Leeuwarden", (5.752, 53.224, 1.2)),
    _knmi(279, "hoogeveen", "Hoogeveen", (6.574, 52.750, 15.8)),
    _knmi(280, "eelde", "Eelde (Groningen)", (6.585, 53.125, 5.2)),
    _knmi(290, "twenthe", "Twenthe", (6.891, 52.274, 34.8)),
    _knmi(310, "vlissingen", "Vlissingen", (3.596, 51.442, 8.0)),
    _knmi(330, "hoek-van-holland", "Hoek van Holland", (4.122, 51.992, 11.9)),
    _knmi(344, "rotterdam-airport", "Rotterdam", (4.447, 51.962, -4.3)),
    _knmi(370, "eindhoven-airbase", "Eindhoven", (5.377, 51.451, 22.6)),
    _knmi(380, "maastricht-airport", "Maastricht", (5.762, 50.906, 114.3)),
)
