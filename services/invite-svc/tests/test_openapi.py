"""What the service's own OpenAPI document allows is answered as it says; what it does not is refused."""

import asyncio

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ups_invite.testing.service import OPERATOR_TOKEN, AccountService

EXAMPLES = 3

# Of another subject than ours, or not so here: what is missing from a document is no fault of an answer.
CHECKS = [
    schemathesis.checks.not_a_server_error,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]


async def _prepared() -> tuple[AccountService, str]:
    service = AccountService()
    await service.keys.tend()
    founder = await service.founder()
    return service, founder["access_token"]


def test_every_answer_is_as_the_document_says() -> None:
    service, access_token = asyncio.run(_prepared())
    document = schemathesis.openapi.from_asgi("/openapi.json", service.app)
    answered = set()

    for found in document.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy())
        @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        def asked(case: Case) -> None:
            bearer = OPERATOR_TOKEN if case.path.startswith("/v1/operator") else access_token
            case.call_and_validate(headers={"Authorization": f"Bearer {bearer}"}, checks=CHECKS)
            answered.add(f"{case.method} {case.path}")

        asked()

    asyncio.run(service.close())
    assert {"POST /v1/sessions", "DELETE /v1/me", "GET /v1/company/audit", "POST /v1/operator/users"} <= answered
