import pytest

from tests.unit.lineage.test_fold import RUN
from weather_pipeline.lineage.model import AssetInfo, RunInfo
from weather_pipeline.lineage.policy import EmissionPolicy

INFO = AssetInfo(("raw", "shop", "orders"), tags={"pii": "", "layer": "raw"}, group="shop")


@pytest.mark.parametrize(
    ("policy", "leaves"),
    [
        (EmissionPolicy(), True),
        (EmissionPolicy(include_assets=["raw/shop/orders"]), True),
        (EmissionPolicy(include_assets=["raw/*"]), False),
        (EmissionPolicy(include_assets=["raw/**"]), True),
        (EmissionPolicy(include_assets=["**/orders"]), True),
        (EmissionPolicy(include_assets=["raw/**/orders"]), True),
        (EmissionPolicy(include_assets=["raw/shop/ord?rs"]), True),
        (EmissionPolicy(include_assets=["gold/*", "raw/*/*"]), True),
        (EmissionPolicy(exclude_assets=["raw/*/orders"]), False),
        (EmissionPolicy(include_assets=["raw/**"], exclude_assets=["raw/shop/*"]), False),
        (EmissionPolicy(include_groups=["shop"]), True),
        (EmissionPolicy(include_groups=["other"]), False),
        (EmissionPolicy(exclude_groups=["sh*"]), False),
        (EmissionPolicy(include_tags=["layer=raw"]), True),
        (EmissionPolicy(exclude_tags=["pii"]), False),
        (EmissionPolicy(exclude_tags=["layer=gold"]), True),
        (EmissionPolicy(include_groups=["shop"], include_tags=["other"]), False),
    ],
)
def test_assets_are_chosen_by_key_group_and_tag(policy: EmissionPolicy, leaves: bool) -> None:
    reason = policy.why_not_asset(INFO.path, INFO)
    assert (reason is None) is leaves, reason


def test_an_asset_of_which_nothing_is_known_has_its_key_alone() -> None:
    assert EmissionPolicy(exclude_assets=["raw/**"]).why_not_asset(("raw", "x"), None)
    assert EmissionPolicy(include_groups=["shop"]).why_not_asset(("raw", "x"), None)
    assert EmissionPolicy(exclude_tags=["pii"]).why_not_asset(("raw", "x"), None) is None


def test_an_asset_may_say_itself_that_it_stays() -> None:
    policy = EmissionPolicy()
    for switched in (
        AssetInfo(("a",), metadata={"openlineage/emit": False}),
        AssetInfo(("a",), tags={"openlineage/emit": "false"}),
    ):
        assert "openlineage/emit" in str(policy.why_not_asset(("a",), switched))
    assert policy.why_not_asset(("a",), AssetInfo(("a",), metadata={"openlineage/emit": True})) is None


def test_runs_are_chosen_by_job_and_code_location() -> None:
    run = RunInfo(RUN.run_id, "nightly", RUN.created_at, location="shop")
    assert EmissionPolicy(exclude_jobs=["night*"]).why_not_run(run) == "job excluded by 'night*'"
    assert EmissionPolicy(include_jobs=["nightly"], include_locations=["shop"]).why_not_run(run) is None
    assert "code location" in str(EmissionPolicy(exclude_locations=["shop"]).why_not_run(run))


def test_a_single_text_is_no_list() -> None:
    with pytest.raises(ValueError, match="exclude_assets is 'raw'"):
        EmissionPolicy(exclude_assets="raw")
    with pytest.raises(ValueError, match="max_facet_bytes is 5"):
        EmissionPolicy(max_facet_bytes=5)
