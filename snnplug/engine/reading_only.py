"""A web application that only its user can reach, and only to read.

The first address has a token, which the browser then keeps as a cookie, as notebooks do. Pages of other
sites get nothing: not by a form (only GET and HEAD pass), not by a link (the cookie stays within the
site), not by a name of their own for this machine (only its usual names are answered).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

__all__ = ["ReadingOnly"]

_NAMES = ("127.0.0.1", "localhost", "[::1]")
_HEADERS = [("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer")]


class ReadingOnly:
    """A WSGI application in front of another.

    Args:
        app: the other one.
        token: what opens it.
        cookie: name of the cookie, of its own for each port: browsers share cookies among ports.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], token: str, cookie: str) -> None:
        self._app, self._token, self._cookie = app, token, cookie

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request, or pass it on."""

        def refuse(status: str, reason: str, *headers: tuple[str, str]) -> list[bytes]:
            content = f"{reason}\n".encode()
            kind = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(content)))]
            start_response(status, [*kind, *_HEADERS, *headers])
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [content]

        if _name_of(environ.get("HTTP_HOST", "")) not in _NAMES:
            return refuse("403 Forbidden", f"this is {' or '.join(_NAMES)} only")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return refuse("405 Method Not Allowed", "this can only be read", ("Allow", "GET, HEAD"))
        query = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        if any(name == "token" and self._opens(value) for name, value in query):
            rest = urlencode([(name, value) for name, value in query if name != "token"])
            path = "/" + quote(environ.get("PATH_INFO", "").lstrip("/"), encoding="latin-1")
            cookie = f"{self._cookie}={self._token}; Path=/; HttpOnly; SameSite=Strict"
            target = f"{path}?{rest}" if rest else path
            return refuse("303 See Other", target, ("Location", target), ("Set-Cookie", cookie))
        if not self._opens(self._shown(environ.get("HTTP_COOKIE", ""))):
            return refuse("403 Forbidden", "open the address with the token, which the run has printed")
        return self._app(environ, start_response)

    def _opens(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self._token.encode())

    def _shown(self, cookies: str) -> str:
        try:
            found = SimpleCookie(cookies).get(self._cookie)
        except CookieError:
            return ""
        return "" if found is None else found.value


def _name_of(host: str) -> str:
    name, separator, port = host.rpartition(":")
    return (name if separator and port.isdigit() else host).lower()
