"""Where weather comes from: Open-Meteo, KNMI, or recorded observations behind Open-Meteo's protocol."""
