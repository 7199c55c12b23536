"""Where weather comes from: Open-Meteo, or recorded observations behind the same protocol."""
