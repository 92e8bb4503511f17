"""Every page in the portal's frame. The exhibits of a page are in a module of their own, and it has one line here."""

from collections.abc import Mapping

from ups_portal.adapters.session_cookie import SessionCookie
from ups_portal.domain.session import Person, Session, Tokens
from ups_portal.testing.account_gallery import account_gallery
from ups_portal.testing.company_gallery import company_gallery
from ups_portal.testing.days_gallery import days_gallery
from ups_portal.testing.device_forms_gallery import device_forms_gallery
from ups_portal.testing.device_gallery import device_gallery
from ups_portal.testing.devices_gallery import devices_gallery
from ups_portal.testing.fake_device_svc import SINCE
from ups_portal.testing.gallery import Exhibit
from ups_portal.testing.help_gallery import help_gallery
from ups_portal.testing.invite_gallery import invite_gallery
from ups_portal.testing.log_gallery import log_gallery
from ups_portal.testing.notification_settings_gallery import notification_settings_gallery
from ups_portal.testing.notifications_gallery import notifications_gallery
from ups_portal.testing.sign_in_gallery import sign_in_gallery
from ups_portal.testing.site import SESSION_KEY
from ups_portal.testing.timeline_gallery import timeline_gallery


def framed_gallery() -> Mapping[str, Exhibit]:
    """The exhibits by name."""
    return {
        **account_gallery(),
        **company_gallery(),
        **days_gallery(),
        **device_forms_gallery(),
        **device_gallery(),
        **devices_gallery(),
        **log_gallery(),
        **invite_gallery(),
        **help_gallery(),
        **notification_settings_gallery(),
        **notifications_gallery(),
        **sign_in_gallery(),
        **timeline_gallery(),
    }


def cookie_of(exhibit: Exhibit, base_url: str) -> tuple[str, str]:
    """The name and the value of the cookie of who is signed in at `base_url`, as the exhibit's fake knows them."""
    own = exhibit.invite_svc.own
    tokens = own.tokens()
    me, company = own.me, own.me["company"] or {"name": ""}
    session = Session(
        "a mark",
        Tokens(
            tokens["session_id"], tokens["access_token"], tokens["refresh_token"], SINCE.replace(year=SINCE.year + 1)
        ),
        Person(me["user_id"], me["name"][:60], company["name"][:60], me["zone"], me["language"]),
    )
    cookie = SessionCookie((SESSION_KEY,), base_url)
    return cookie.name, cookie.sealed(session)
