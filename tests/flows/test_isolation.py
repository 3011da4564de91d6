"""The embedded Prefect server beside settings, proxies and files of other projects."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ASK = """
from tasks.environment import home
home.configure_environment()
from flows.prefect_server import supervisor
with supervisor.embedded_server() as server:
    home.import_prefect()
    from prefect.client.orchestration import get_client
    from flows.prefect_server import session
    with session.prefect_server(server), get_client(sync_client=True) as client:
        print(client.hello().status_code, client.read_flow_runs(limit=1))
"""
PREFECT_TOML = """
[server.api]
auth_string = "user:password"
[server.database]
connection_url = "sqlite+aiosqlite:////nowhere/prefect.db"
"""


def test_a_command_reaches_its_own_server_and_keeps_all_in_its_home(tmp_path: Path) -> None:
    (tmp_path / "prefect.toml").write_text(PREFECT_TOML)
    (tmp_path / ".env").write_text("PREFECT_API_KEY=secret\nPREFECT_SERVER_API_BASE_PATH=/x\n")
    (tmp_path / "secrets.py").write_text("raise SystemExit('not the module of Python')\n")
    foreign = {
        "PREFECT_API_URL": "",
        "PREFECT_HOME": "",
        "PREFECT_SERVER_API_AUTH_STRING": "user:password",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": "sqlite+aiosqlite:////nowhere/prefect.db",
        "PREFECT_CLIENT_MAX_RETRIES": "0",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "socks5://127.0.0.1:9",
        "SSL_CERT_FILE": "/nowhere/certificates.pem",
        "WEB_CONCURRENCY": "4",
        "UVICORN_PORT": "1",
        "COLDPRESS_HOME": str(tmp_path / "home"),
    }
    result = subprocess.run(
        [sys.executable, "-P", "-c", ASK],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **foreign},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.stdout == "200 []\n", result.stderr
    assert (tmp_path / "home" / "prefect" / "prefect.db").exists()
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"prefect.toml", ".env", "secrets.py", "home"}
