"""`weather lineage web`: the lineage page alone, on any Marquez."""

from __future__ import annotations

import click

from weather_pipeline.cli.addresses import for_people
from weather_pipeline.cli.common import not_empty, read_settings
from weather_pipeline.cli.lineage.listening import door_options, naming_owner


@click.command(
    epilog="""
    \b
    Examples:
      weather lineage web
      weather lineage web --marquez-url http://marquez.example:5000 --dagster-url http://dagster.example:3000
      MARQUEZ_URL=https://user:password@marquez.example weather lineage web --port 8080

    \b
    The page only reads, and gives its readers the access that it has itself: with a token (WEATHER_LINEAGE_TOKEN) or a
    password everybody who reaches the page sees all lineage. So it listens on this machine alone unless told otherwise.

    \b
    Exit codes: 0 stopped by Ctrl-C or SIGTERM; 1 could not start, as where the port is taken; 2 wrong usage, which an
    open address without --insecure is.
    """
)
@door_options(port=5001, insecure="Let other machines read lineage on the page.")
@click.option(
    "--marquez-url",
    metavar="URL",
    callback=not_empty,
    help="Base URL of the Marquez or lineage service to read. One with a password better stands in MARQUEZ_URL.  "
    "[default: that, else http://localhost:5000]",
)
@click.option(
    "--dagster-url",
    metavar="URL",
    callback=not_empty,
    help="Base URL of the Dagster UI, for links.  [default: WEATHER_DAGSTER_URL, or none]",
)
def web(*, host: str, port: int | None, marquez_url: str | None, dagster_url: str | None, insecure: bool) -> None:
    """Serve the lineage page until Ctrl-C: graph, runs, datasets, columns and events of any Marquez."""
    from weather_pipeline.marquez.listening import check_host
    from weather_pipeline.marquez.token import lineage_token
    from weather_pipeline.marquez.web.server import SERVER, serve
    from weather_pipeline.stack.plan import Door, address
    from weather_pipeline.urls import check_http_url, is_loopback_host, without_login

    settings = read_settings()
    check_host(host, server=SERVER)
    if not insecure and not is_loopback_host(host):
        raise click.UsageError(
            f"On {host} other machines reach the page, and everybody there could read: say --insecure."
        )
    if marquez_url is not None:
        try:
            marquez_url = check_http_url(marquez_url)
        except ValueError as error:
            raise click.UsageError(f"--marquez-url: {error}") from error
    read = marquez_url or settings.effective_marquez_url
    chosen = port or settings.lineage_web_port
    lines = [f"Lineage page  {for_people(address(Door(host, chosen)))}", f"Reads         {without_login(read)}"]
    said = "\n".join([*lines, "Ctrl-C stops it."])
    with naming_owner(chosen):
        serve(
            host,
            chosen,
            read,
            dagster_url or settings.dagster_url,
            token=lineage_token(settings),
            ready=lambda: click.echo(said),
        )
