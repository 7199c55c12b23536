"""`weather lineage verify`: is everything there?"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from weather_pipeline.cli.lineage.common import Ticker, Where, json_option, project_options, rows, span_of

if TYPE_CHECKING:
    from weather_pipeline.lineage.resend import Resent
    from weather_pipeline.lineage.verify import Verification

_BELOW = 1
_SHOWN = 20


@click.command(
    epilog="""
    \b
    Examples:
      weather lineage verify
      weather lineage verify --since 7d --threshold 99.5
      weather lineage verify --since 2026-11-01 --until 2026-11-08 --repair
      weather lineage verify -m my_project.definitions --json | python -m json.tool

    \b
    Coverage is the share of runs that are complete: in the right state, with every edge and every facet. Runs so young
    that their events may be on their way count neither way; what can't be told counts as missing.

    \b
    Exit codes: 0 coverage reaches the threshold, or there was nothing to verify; 1 it does not, all runs of that time
    are of other code locations, or the backend can't be asked; 2 wrong usage; 130 interrupted.
    """
)
@click.option(
    "--since", default="24h", show_default=True, metavar="TIME", help="2026-11-01, 2026-11-01T06:00, 24h, 7d."
)
@click.option("--until", metavar="TIME", help="The end, excluded.  [default: now]")
@click.option(
    "--threshold", type=click.FloatRange(0, 100), default=100.0, show_default=True, help="Least coverage in percent."
)
@click.option("--repair", is_flag=True, help="Send what is missing again, then compare anew.")
@click.option("--url", metavar="URL", help="The Marquez to ask, where it isn't the address that events go to.")
@json_option
@project_options
def verify(
    *, where: Where, since: str, until: str | None, threshold: float, repair: bool, url: str | None, as_json: bool
) -> None:
    """Compare what Dagster recorded with what the backend knows."""
    from weather_pipeline.lineage.audit import Audit, api_of
    from weather_pipeline.lineage.resend import BackendAway, Resending

    span, ticker, now = span_of(since, until), Ticker(), datetime.now(UTC)
    resent = None
    with where.opened() as project:
        way = project.way(url)
        audit = Audit(project, way, api_of(way, url), span=span, now=now, tell=ticker.say)
        found = audit.verify()
        if repair and found.gaps:
            resending = Resending(
                project.letters,
                project.sink,
                "verify",
                tell=lambda done: ticker.say(f"Sending: {done.accepted:,} events"),
            )
            try:
                found = audit.repair(found, resending)
            except BackendAway as error:
                raise click.ClickException(f"Not repaired: {error}") from error
            resent = resending.done
    ticker.clear()
    if as_json:
        sent = resent and {"accepted": resent.accepted, "refused": resent.refused}
        click.echo(json.dumps({**found.as_json(), "threshold": threshold, "repaired": sent}))
    else:
        click.echo(verification_text(found, resent))
    click.get_current_context().exit(0 if found.reaches(threshold) else _BELOW)


def verification_text(found: Verification, resent: Resent | None) -> str:
    """What was found, for people."""
    pairs: list[tuple[str, object]] = [
        ("From", found.since),
        ("To", found.until),
        ("Backend", found.backend),
        ("Coverage", _coverage(found)),
        ("Datasets", f"{found.datasets_found:,} of {found.datasets:,} that were reported or observed"),
        ("Edges", f"{found.edges_found:,} of {found.edges:,}"),
        ("Facets", f"{found.facets_found:,} of {found.facets:,}"),
    ]
    if found.in_flight:
        pairs.append(("In flight", f"{found.in_flight} runs, not counted"))
    if found.kept_back:
        pairs.append(("Kept back", f"{found.kept_back:,} events, by OpenLineage's configuration"))
    if found.dead_letters:
        pairs.append(("Dead letters", f"{found.dead_letters} of the runs: weather lineage dead-letters list"))
    if resent is not None:
        pairs.append(("Sent again", f"{resent.accepted} events accepted, {resent.refused} refused"))
    lines = [rows(pairs)]
    lines += [f"! can't be told: {problem}" for problem in found.problems[:_SHOWN]]
    lines += [f"! missing {gap.kind:<6} {gap.job} {gap.subject}: {gap.detail}" for gap in found.gaps[:_SHOWN]]
    if len(found.gaps) > _SHOWN:
        lines.append(f"  and {len(found.gaps) - _SHOWN:,} more: --json lists all")
    if found.gaps and resent is None:
        lines.append("--repair sends what is missing again.")
    return "\n".join(lines)


def _coverage(found: Verification) -> str:
    if found.nothing:
        return f"nothing to verify: {found.nothing}."
    untold = f", {len(found.problems):,} can't be told" if found.problems else ""
    return f"{found.as_json()['coverage']:g}%: {found.complete:,} of {found.due:,} runs are complete{untold}"
