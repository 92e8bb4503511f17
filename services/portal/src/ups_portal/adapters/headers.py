"""Headers of every answer: kept by nobody, framed by nobody, and loading nothing but what is ours."""

from collections.abc import Mapping

from starlette.responses import Response

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

# Of pages behind mailed links: their addresses are secret, so no Referer, and nothing runs.
LINK_PAGE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "interest-cohort=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}

# Of pages in the portal's frame: our own scripts, which ask us only. Without a Referer to ourselves browsers would
# say `Origin: null` with our own forms (Fetch, "serializing a request origin").
FRAMED_PAGE = LINK_PAGE | {
    "Content-Security-Policy": f"{_POLICY}; script-src 'self'; connect-src 'self'",
    "Referrer-Policy": "same-origin",
}

KEPT_FOR_A_YEAR = {"Cache-Control": "public, max-age=31536000, immutable"}


def head_only(headers: Mapping[str, str]) -> Response:
    """The answer to HEAD where a GET begins with these headers, and nobody knows how long it is."""
    response = Response(headers=dict(headers))
    del response.headers["content-length"]
    return response
