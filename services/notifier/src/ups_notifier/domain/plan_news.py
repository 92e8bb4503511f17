"""What of an order for a plan notice is so still when it is sent: hours may have passed, in which plans are bought."""

from collections.abc import Callable

from ups_notifier.domain.delivery import Reason
from ups_schemas.device import DeviceSnapshot
from ups_schemas.ids import DeviceId, UserId
from ups_schemas.mail import EndingPlan, MailKind, MailRequest


def so_still(request: MailRequest, device: Callable[[DeviceId], DeviceSnapshot | None]) -> MailRequest | Reason:
    """The order without UPSes whose plan or owner is another now, itself if there are none; or why nothing is left.

    Of more UPSes than it lists, those that it does not are taken to be as they were.
    """
    if request.kind is not MailKind.PLAN_NOTICE:
        return request
    against = [_against(each, request.recipient_id, device(each.device_id)) for each in request.plans]
    reasons = [each for each in against if each]
    if not reasons:
        return request
    left = tuple(plan for plan, reason in zip(request.plans, against, strict=True) if not reason)
    ordered = request.parameters.get("devices")
    number = (ordered if isinstance(ordered, int) else len(against)) - len(reasons)
    if number <= 0:
        return reasons[0]
    return request.model_copy(update={"plans": left, "parameters": {**request.parameters, "devices": number}})


def _against(told: EndingPlan, owner: UserId, device: DeviceSnapshot | None) -> Reason | None:
    if device is None:
        return Reason.DEVICE_REMOVED
    if device.owner != owner:
        return Reason.OWNERSHIP_CHANGED
    return None if device.plan == told.plan else Reason.PLAN_CHANGED
