from ups_device.domain.policy import Override, resolve
from ups_schemas.device import Policy

DEFAULT = Policy(limit=5, window_s=600, period_s=3600)


def test_what_a_company_leaves_out_is_the_installations() -> None:
    assert resolve(DEFAULT, Override()) == DEFAULT
    assert resolve(DEFAULT, Override(window_s=60)) == Policy(limit=5, window_s=60, period_s=3600)
    assert resolve(DEFAULT, Override(1, 2, 3)) == Policy(limit=1, window_s=2, period_s=3)
