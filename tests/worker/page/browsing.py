"""A visitor of the operators' page, with cookies and forms as a browser has them."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

import httpx

READER = ("ben", "another staple pony")
OPERATOR = ("anna", "correct horse battery")


@dataclass
class Visitor:
    """Goes where links and forms lead; redirects are not followed unless asked for."""

    client: httpx.Client
    token: str = ""

    def log_in(self, name: str, password: str) -> Visitor:
        answer = self.try_to_log_in(name, password)
        assert answer.status_code == 303, answer.text
        self.read_token("/")
        return self

    def try_to_log_in(self, name: str, password: str, **headers: str) -> httpx.Response:
        fields = {"name": name, "password": password}
        return self.client.post("/login", data=fields, headers=headers)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers=headers)

    def read_token(self, path: str) -> None:
        found = re.search(r'name="token" value="([0-9a-f]+)"', self.get(path).text)
        assert found
        self.token = found[1]

    def post(
        self, path: str, headers: dict[str, str] | None = None, **fields: str
    ) -> httpx.Response:
        """Post a form with the session's token, unless another is given."""
        return self.post_fields(path, fields, headers)

    def post_fields(
        self, path: str, fields: dict[str, str], headers: dict[str, str] | None = None
    ) -> httpx.Response:
        return self.client.post(path, data={"token": self.token} | fields, headers=headers)


def text_of(page: str) -> str:
    """What a person reads of a page."""
    body = re.sub(r"(?s)<head>.*</head>|<[^>]+>", " ", page)
    return re.sub(r"\s+", " ", html.unescape(body)).strip()
