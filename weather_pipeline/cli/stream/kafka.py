"""`weather stream kafka`: a real broker on this machine, for development and tests."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from weather_pipeline.cli.common import home_option, read_settings


@click.command(
    epilog="""
    \b
    Examples:
      weather stream kafka
      weather stream kafka --port 19092

    \b
    One KRaft node on loopback, without a password: not for anything that matters. Its data lie in HOME/kafka.

    \b
    Exit codes: 0 stopped (Ctrl-C, SIGTERM); 1 it did not start, or ended by itself; 2 wrong usage.
    """
)
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Where clients connect.  [default: 9092 plus WEATHER_PORT_OFFSET]"
)
@home_option
def kafka(*, port: int | None, home: Path | None) -> None:
    """Run Kafka until Ctrl-C. Its jars (46 MB) are fetched once, checked by SHA-256."""
    from weather_pipeline.cli.jars import bring_kafka
    from weather_pipeline.cli.progress import Progress
    from weather_pipeline.stack.kafka import KafkaBroker
    from weather_pipeline.stack.plan import kafka_directory
    from weather_pipeline.stack.ports import is_listening, port_owner

    settings = read_settings(home)
    where, port = settings.home.absolute(), port or settings.kafka_port
    if is_listening(port):
        owner = port_owner(port)
        if owner.home and port == settings.kafka_port:
            raise click.ClickException(f"Port {port} is taken by {owner}: `weather stream produce` and `run` use it.")
        raise click.ClickException(f"Port {port} is taken by {owner}. {owner.remedy}, or choose another with --port.")
    progress = Progress()
    java, jars = bring_kafka(where, progress)
    broker = KafkaBroker(kafka_directory(where), java=java, jars=jars, port=port, log_file=where / "logs" / "kafka.log")
    asked = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: asked.set())
    try:
        with progress.phase("kafka", "Starting Kafka"):
            process = broker.start()
        click.echo(f"Kafka takes messages at {broker.address}. Ctrl-C stops it; its log is {broker.log_file}.")
        try:
            while not asked.wait(0.5):
                if process.poll() is not None:
                    raise click.ClickException(f"Kafka ended with code {process.returncode}: see {broker.log_file}.")
        except KeyboardInterrupt:
            click.echo("Stopping Kafka.")
    finally:
        signal.signal(signal.SIGTERM, before)
        broker.stop()
