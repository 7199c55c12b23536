"""What each check makes of the facts, without looking at anything."""

from weather_pipeline.doctor.finding import Finding, Status


def command(arguments: str) -> str:
    """As the command line makes them."""
    return f"weather {arguments}"


def troubles(findings: list[Finding]) -> dict[str, Status]:
    """Subject → status of what is not well; each of them must say why and what to do."""
    bad = [finding for finding in findings if finding.status in (Status.WARNING, Status.PROBLEM)]
    assert all(finding.found and finding.cause and finding.remedy for finding in bad), bad
    return {finding.subject: finding.status for finding in bad}
