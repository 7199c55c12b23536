"""What a session is told, decided without starting Spark."""
