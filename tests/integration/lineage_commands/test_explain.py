"""Which Dagster run of an asset is explained."""

import dagster as dg
import pytest

from weather_pipeline.lineage.explain import last_run_of

pytestmark = pytest.mark.integration


def test_the_newest_run_of_an_asset_is_explained_also_one_that_failed(instance: dg.DagsterInstance) -> None:
    fails = False

    @dg.asset
    def orders() -> None:
        if fails:
            raise RuntimeError("no such table")

    def newest() -> str | None:
        info = last_run_of(instance, ("orders",))
        return info.run_id if info else None

    assert newest() is None
    done = dg.materialize([orders], instance=instance).run_id
    assert newest() == done
    fails = True
    failed = dg.materialize([orders], instance=instance, raise_on_error=False).run_id
    assert newest() == failed
    instance.delete_run(failed)
    assert newest() == done
    instance.report_runless_asset_event(dg.AssetMaterialization("orders"))
    assert newest() == done
