"""The configuration in examples/: it speaks of metrics, log fields, settings and commands that exist."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import yaml

from fubble_gql.config import Settings
from tests.api.conftest import running
from tests.api.counting import counted
from tests.cli.running import PATIENCE_SECONDS, invoke, started
from tests.examples.story import EXAMPLES

DEPLOY = EXAMPLES / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
SETTINGS = {f"FUBBLE_{name}".upper() for name in Settings.model_fields}
# Prometheus makes it itself, for each target.
OF_PROMETHEUS = {"up"}
TOKEN = "a-token-of-sixteen"  # noqa: S105


def loaded(path: str) -> Any:  # noqa: ANN401 - YAML
    return yaml.safe_load((EXAMPLES / path).read_text("utf-8"))


def rules() -> list[dict[str, Any]]:
    (group,) = loaded("prometheus/fubble.rules.yml")["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


async def test_alerts_watch_metrics_and_labels_that_there_are(postgres_url: str) -> None:
    async with running(postgres_url) as api:
        await api.errors("query Wrong { nothing }")
        found = counted(await api.http.get("/metrics"))
    there = {name for name, _ in found.samples} | OF_PROMETHEUS
    labels = {label for _, pairs in found.samples for label, _ in pairs} | {"job"}
    for rule in rules():
        named = set(re.findall(r"\b(?:fubble|process|up)\w*(?=[{\[ )])", rule["expr"]))
        assert named, rule["alert"]
        assert named <= there, rule["alert"]
        assert set(re.findall(r"(\w+)=\"", rule["expr"])) <= labels, rule["alert"]
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in {"page", "ticket"}


async def test_prometheus_asks_where_metrics_are(sqlite_url: str) -> None:
    config = loaded("prometheus/prometheus.yml")
    (job,) = config["scrape_configs"]
    (rule_file,) = config["rule_files"]
    assert (EXAMPLES / "prometheus" / rule_file).exists()
    async with running(sqlite_url, metrics_token=TOKEN) as api:
        header = f"{job['authorization']['type']} {TOKEN}"
        answer = await api.http.get(job["metrics_path"], headers={"Authorization": header})
    assert answer.status_code == 200


def test_what_ships_logs_and_looks_after_health_knows_a_server(
    sqlite_url: str, tmp_path: Path
) -> None:
    with started("serve", "--port", "0", folder=tmp_path, DATABASE_URL=sqlite_url) as server:
        address = server.address()
        assert health_check(address) == 0
        httpx.get(f"{address}/graphql?query={{x}}", timeout=PATIENCE_SECONDS)
        (line,) = server.wait_for(lambda: server.events("operation") or None)
        assert server.stop() == 0
    assert health_check(address) != 0

    config = loaded("logs/vector.yaml")
    steps = {**config["sources"], **config["transforms"]}
    for step in (*config["transforms"].values(), *config["sinks"].values()):
        assert set(step["inputs"]) <= set(steps)
    kept = config["transforms"]["kept"]["condition"]
    assert set(re.findall(r"\.([a-z]\w*)", kept)) <= set(line)
    labels = "".join(config["sinks"]["loki"]["labels"].values())
    assert set(re.findall(r"\{\{ (\w+) \}\}", labels)) <= set(line)


def health_check(address: str) -> int:
    """How the container's own check of a server at the address ends; it may take its time here."""
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    words = yaml.safe_load(text[text.rindex("CMD [") + 4 :])
    code = words[2].replace("http://127.0.0.1:8000", address)
    code = re.sub(r"timeout=\d+", f"timeout={PATIENCE_SECONDS}", code)
    return subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode


def unit(path: Path) -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read(path)
    return parsed


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_runs_a_command_that_there_is(path: Path) -> None:
    started_with = shlex.split(unit(path)["Service"]["ExecStart"])
    assert Path(started_with[0]).name == "fubble"
    options = [word for word in started_with[1:] if word.startswith("--")]
    told = invoke(started_with[1], "--help").stdout
    assert all(option in told for option in options)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for path in (*UNITS, *DEPLOY.glob("*.timer")):
        # What they start is not installed here.
        text = path.read_text("utf-8").replace("/opt/fubble/venv/bin/fubble", "/bin/true")
        (tmp_path / path.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(map(str, tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if str(tmp_path) in line]
    assert complaints == []


def test_the_environment_file_names_settings_and_leaves_secrets_open() -> None:
    lines = (DEPLOY / "fubble.env").read_text("utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert set(given) <= SETTINGS
    for name in ("FUBBLE_SECRET_KEY", "FUBBLE_METRICS_TOKEN"):
        assert given[name] == "CHANGE-ME"
    settings = {name.removeprefix("FUBBLE_"): text for name, text in given.items()}
    refused = invoke("migrate", **settings)  # nobody can forget to change them
    named = [line.split()[0] for line in refused.stderr.splitlines()]
    assert named == ["FUBBLE_SECRET_KEY", "FUBBLE_METRICS_TOKEN"]


def test_the_container_is_made_of_what_there_is_here() -> None:
    lines = (DEPLOY / "Containerfile").read_text("utf-8").replace("\\\n", " ").splitlines()
    for line in lines:
        if line.startswith("COPY ") and "--from" not in line:
            *sources, _ = line.split()[1:]
            assert all((EXAMPLES.parent / source).exists() for source in sources), line
    (installing,) = [line for line in lines if "pip install" in line]
    readme = (EXAMPLES.parent / "README.md").read_text("utf-8")
    assert "-c constraints.txt" in installing
    assert "'.[pdf]'" in installing
    assert "pip install -q -c constraints.txt -e '.[pdf]'" in readme  # which CI runs
    (serve,) = [line for line in lines if line.startswith("CMD ")]
    words = [str(word) for word in yaml.safe_load(serve.removeprefix("CMD "))]
    told = invoke(words[0], "--help").stdout
    assert all(word in told for word in words if word.startswith("--"))


async def test_postgres_knows_the_settings(postgres_server: str) -> None:
    lines = (DEPLOY / "postgresql.conf").read_text("utf-8").splitlines()
    given = dict(line.split(" = ", 1) for line in lines if line and not line.startswith("#"))
    connection = await asyncpg.connect(postgres_server)
    try:
        rows = await connection.fetch(
            "select name, vartype, unit, min_val, max_val, enumvals from pg_settings "
            "where name = any($1)",
            list(given),
        )
        assert {row["name"] for row in rows} == set(given)
        for row in rows:
            text = given[row["name"]]
            if row["vartype"] == "enum":
                assert text in row["enumvals"]
            elif row["vartype"] == "bool":
                assert text in {"on", "off"}
            elif row["unit"] in {"8kB", "kB", "MB"}:
                assert await connection.fetchval("select pg_size_bytes($1)", text) > 0
            elif row["unit"] in {"ms", "s"}:
                assert re.fullmatch(r"\d+(ms|s|min|h)?", text)
            else:
                assert float(row["min_val"]) <= float(text) <= float(row["max_val"])
    finally:
        await connection.close()
