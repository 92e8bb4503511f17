import pytest

from ups_device.domain.policy import Override, in_force, resolve
from ups_schemas.device import Plan, Policy

DEFAULT = Policy(limit=5, window_s=600, period_s=3600)


def test_what_a_company_leaves_out_is_the_installations() -> None:
    assert resolve(DEFAULT, Override()) == DEFAULT
    assert resolve(DEFAULT, Override(window_s=60)) == Policy(limit=5, window_s=60, period_s=3600)
    assert resolve(DEFAULT, Override(1, 2, 3)) == Policy(limit=1, window_s=2, period_s=3)


@pytest.mark.parametrize(("plan", "limit"), [("advanced", 2), ("standard", 5), ("basic", 5)])
def test_an_owners_override_is_in_force_where_the_plan_gives_the_right(plan: str, limit: int) -> None:
    policy = in_force(DEFAULT, Override(limit=2), Plan.model_validate({"name": plan}))

    assert policy == Policy(limit=limit, window_s=600, period_s=3600)
