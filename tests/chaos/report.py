"""The storm's account as a section of docs/benchmarks.md."""

from __future__ import annotations

import statistics

from benchmarks.report import LINEAGE_PACKAGES, Section, table
from tests.chaos.plan import DAEMON_KILLS
from tests.chaos.storm import CALM, Account

_METHOD = """\
`make chaos ARGS="--runs {runs} --seed {seed} --write"`: {runs} runs of a job with four assets in a diamond, one
after another in a process of their own, while Dagster's daemon with the exporter's sensor is killed with SIGKILL
{kills} times, and the lineage service (the project's own, on PostgreSQL) is killed and started again, closes its
port, hangs, or answers 500, 429, 401 or 400 to all events, or 400 to those of one of the four jobs (“400 for
some”). The seed decides what fails when. Afterwards `weather lineage verify` compares what Dagster recorded with
what the service knows. Events that were refused while others were taken are dead letters: they had to be all that
was missing, and were then sent again by `weather lineage dead-letters resend --all`. A run pays nothing for lineage
because it has nothing to do with it: every connection that the runs' process tries to open is counted. What the
runs took stands beside, on a machine where daemon, service and PostgreSQL share the cores with them."""


def section(account: Account) -> Section:
    """The account as tables."""
    found = account.verification
    result = [
        ("runs that succeeded", f"{account.succeeded} of {account.runs}"),
        ("coverage by `verify`", f"{found['coverage']:g}%: {found['complete']:,} of {found['expected']:,} runs"),
        ("edges there", f"{found['edges_found']:,} of {found['edges']:,}"),
        ("facets there", f"{found['facets_found']:,} of {found['facets']:,}"),
        ("seconds until all was there, after the last fault", f"{account.catch_up_seconds:g}"),
        ("events accepted, of these repeated", f"{account.accepted:,}, {account.repeated:,}"),
        ("repeated with another id or content, or out of order", str(len(account.findings))),
        ("dead letters, all of the refused job", f"{account.refused:,}" if account.refused_rightly else "WRONG"),
        ("runs that `verify` missed because of them", str(account.missed)),
        ("dead letters left after they were sent again", str(account.dead_letters)),
        ("connections from the runs' process", str(account.connections_of_runs)),
        ("kills of the daemon", str(account.daemon_kills)),
        ("answers", ", ".join(f"{status}: {number:,}" for status, number in account.answers.items())),
    ]
    weather = [
        [name, str(account.faults.get(name, "")), str(len(each)), f"{statistics.median(each):.2f}", f"{max(each):.2f}"]
        for name, each in sorted(account.seconds.items(), key=lambda pair: (pair[0] != CALM, pair[0]))
    ]
    return Section(
        "chaos",
        "A storm of faults",
        _METHOD.format(runs=account.runs, seed=account.seed, kills=DAEMON_KILLS),
        [
            table("What became of it", ["", "figure"], [list(line) for line in result]),
            table("What the runs took", ["backend", "faults", "runs", "median s", "worst s"], weather),
        ],
        LINEAGE_PACKAGES,
    )
