"""KNMI's measuring stations, and which of them answers for a place: the nearest.

The stations are those whose hourly climatological data KNMI lists for every variable (knmidata.nl, product "dp1"), with
Voorschoten in the place of Valkenburg, which it replaced in 2014; masts and platforms that measure the wind alone are
not among them. Coordinates are those in the header of KNMI's hourly station data. A station's id is its WIGOS id:
`0-20000-0-` and its WMO number, 06 and KNMI's own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from weather_pipeline.weather.locations import Location

_EARTH_RADIUS_KM = 6371.0
_NEAR_KM = 2.0
"""Coordinates of a station differ by less than this between KNMI's lists; stations are much further apart."""


@dataclass(frozen=True, slots=True)
class Station:
    """A measuring station.

    Attributes:
        id: WIGOS id, which is KNMI's location id.
        name: Name for people.
        longitude: Degrees east (WGS 84).
        latitude: Degrees north (WGS 84).
    """

    id: str
    name: str
    longitude: float
    latitude: float


def _station(number: int, name: str, longitude: float, latitude: float) -> Station:
    return Station(f"0-20000-0-06{number}", name, longitude, latitude)


STATIONS: tuple[Station, ...] = (
    _station(215, "Voorschoten", 4.437, 52.141),
    _station(235, "De Kooy", 4.781, 52.928),
    _station(240, "Schiphol", 4.790, 52.318),
    _station(249, "Berkhout", 4.979, 52.644),
    _station(251, "Hoorn Terschelling", 5.346, 53.392),
    _station(257, "Wijk aan Zee", 4.603, 52.506),
    _station(260, "De Bilt", 5.180, 52.100),
    _station(267, "Stavoren", 5.384, 52.898),
    _station(269, "Lelystad", 5.520, 52.458),
    _station(270, "Leeuwarden", 5.752, 53.224),
    _station(273, "Marknesse", 5.888, 52.703),
    _station(275, "Deelen", 5.873, 52.056),
    _station(277, "Lauwersoog", 6.200, 53.413),
    _station(278, "Heino", 6.259, 52.435),
    _station(279, "Hoogeveen", 6.574, 52.750),
    _station(280, "Eelde", 6.585, 53.125),
    _station(283, "Hupsel", 6.657, 52.069),
    _station(286, "Nieuw Beerta", 7.150, 53.196),
    _station(290, "Twenthe", 6.891, 52.274),
    _station(310, "Vlissingen", 3.596, 51.442),
    _station(319, "Westdorpe", 3.861, 51.226),
    _station(330, "Hoek van Holland", 4.122, 51.992),
    _station(344, "Rotterdam", 4.447, 51.962),
    _station(348, "Cabauw", 4.926, 51.970),
    _station(350, "Gilze-Rijen", 4.936, 51.566),
    _station(356, "Herwijnen", 5.146, 51.859),
    _station(370, "Eindhoven", 5.377, 51.451),
    _station(375, "Volkel", 5.707, 51.659),
    _station(377, "Ell", 5.763, 51.198),
    _station(380, "Maastricht", 5.762, 50.906),
    _station(391, "Arcen", 6.197, 51.498),
)


def nearest_station(location: Location) -> Station:
    """The station that answers for a place."""
    return min(STATIONS, key=lambda station: distance_km(station, location.longitude, location.latitude))


def station_at(longitude: float, latitude: float) -> Station | None:
    """The station at these coordinates; None where there is none of ours."""
    nearest = min(STATIONS, key=lambda station: distance_km(station, longitude, latitude))
    return nearest if distance_km(nearest, longitude, latitude) <= _NEAR_KM else None


def distance_km(station: Station, longitude: float, latitude: float) -> float:
    """Kilometres from a station to a point, along a great circle."""
    here, there = math.radians(station.latitude), math.radians(latitude)
    north, east = there - here, math.radians(longitude - station.longitude)
    chord = math.sin(north / 2) ** 2 + math.cos(here) * math.cos(there) * math.sin(east / 2) ** 2
    return 2 * _EARTH_RADIUS_KM * math.asin(math.sqrt(min(chord, 1.0)))
