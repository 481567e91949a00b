"""The page for browsers: nothing from elsewhere, and its key for loopback alone."""

from __future__ import annotations

import json

import httpx
import pytest

from fubble_gql.api.ide import Tab, graphiql_page
from tests.api.toy import client

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


async def page(host: str = "127.0.0.1:8000", **headers: str) -> httpx.Response:
    tabs = [Tab("query A { a } # </script><script>", '{"n": 1}')]
    async with client(page=graphiql_page(tabs=tabs, key="fub_test")) as http:
        return await http.get("/graphql", headers={"Accept": BROWSER, "Host": host, **headers})


async def test_a_browser_gets_the_page_under_a_strict_policy() -> None:
    answer = await page()
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'; script-src 'self';" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.text.count("</script>") == 2
    assert "<title>fubble</title>" in answer.text
    assert (
        (await page(Accept="application/json"))
        .headers["content-type"]
        .startswith("application/json")
    )


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1:8000", True),
        ("LocalHost", True),
        ("[::1]:8000", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example:8000", False),
        ("", False),
    ],
)
async def test_the_key_is_only_given_under_a_name_of_loopback(host: str, shown: bool) -> None:
    answer = await page(host)
    assert ("fub_test" in answer.text) is shown
    assert '"query": "query A { a }' in answer.text


async def test_without_examples_the_page_says_where_a_key_belongs() -> None:
    async with client(page=graphiql_page()) as http:
        text = (await http.get("/graphql", headers={"Accept": BROWSER})).text
    config = json.loads(text.split('type="application/json"')[1].split(">")[1].split("</script")[0])
    (tab,) = config["tabs"]
    assert '"Authorization": "Bearer' in tab["query"]
    assert config["headers"] == ""  # with a wrong key the page could not read the schema


async def test_the_start_page_leads_there_and_assets_are_kept() -> None:
    async with client() as http:
        start = await http.get("/")
        assert (start.status_code, start.headers["location"]) == (307, "/graphql")
        source = (await page()).text.split('src="')[1].split('"')[0]
        asset = await http.get(source)
        assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert asset.headers["content-type"].startswith("text/javascript")
        assert (await http.get("/graphql/assets/../../api/ide.py")).status_code == 404
        assert (await http.get("/graphql/assets/none.js")).status_code == 404
