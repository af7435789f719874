"""A real Home Assistant without a window: configured, its owner signed in, the bridge added by its own flow."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from house import places
from house.processes import HouseError, Process, free_port
from house.watched import Watched
from house.websocket import WebSocket

USER, PASSWORD = "owner", "driveway"  # printed for the person at the demo; reachable on this machine alone
DASHBOARD = "demo-car"
_COMPONENTS = (places.ROOT / "custom_components" / "driveway", places.HOUSE / "custom_components" / "maker_cloud")
_CONFIGURATION = f"""\
homeassistant:
  name: Demo house
  latitude: 52.52
  longitude: 13.4
  elevation: 34
  unit_system: metric
  time_zone: Europe/Berlin
  country: DE
frontend:
automation:
config:
conversation:
logger:
  default: warning
  logs:
    homeassistant.bootstrap: info
    custom_components.driveway: info
lovelace:
  dashboards:
    {DASHBOARD}:
      mode: yaml
      filename: dashboard.yaml
      title: Car
      icon: mdi:car
"""


@dataclass(slots=True)
class HomeAssistant:
    """One instance in a folder; `websocket` is the owner's connection and changes with every restart."""

    folder: Path
    environment: Mapping[str, str]
    port: int = field(default_factory=free_port)
    process: Process | None = None
    _session: aiohttp.ClientSession | None = None
    _websocket: WebSocket | None = None
    _tokens: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket(self) -> WebSocket:
        if not self._websocket:
            raise HouseError("Home Assistant is not connected.")
        return self._websocket

    @property
    def browser_tokens(self) -> dict[str, Any]:
        """What the front end keeps as `hassTokens` when the owner is signed in."""
        return {**self._tokens, "hassUrl": self.url, "clientId": f"{self.url}/", "expires": 4_102_444_800_000}

    def prepare(self, *, cloud_url: str | None) -> None:
        """Write the configuration: the components, the dashboard, the address, and no onboarding but the owner's."""
        store = self.folder / ".storage"
        store.mkdir(parents=True)
        cloud = f"maker_cloud:\n  url: {cloud_url}\n  name: Anna (cloud)\n" if cloud_url else ""
        (self.folder / "configuration.yaml").write_text(_CONFIGURATION + cloud)
        shutil.copy(places.HOUSE / "dashboard.yaml", self.folder)
        shutil.copytree(places.ROOT / "blueprints", self.folder / "blueprints")
        components = self.folder / "custom_components"
        components.mkdir()
        for component in _COMPONENTS:
            (components / component.name).symlink_to(component)
        # Home Assistant keeps its address in storage; one from YAML would have to be confirmed by a person.
        address = {"server_port": self.port, "server_host": ["127.0.0.1"], "cors_allowed_origins": []}
        limits = {"login_attempts_threshold": -1, "ip_ban_enabled": True, "use_x_frame_options": True}
        history = {"created_at": "2026-01-01T00:00:00+00:00", "error": None, "error_message": None}
        stable = {**address, **limits, **history, "ssl_profile": "intermediate_v6"}
        _store(store / "http", 3, {"stable": stable, "pending": None, "yaml_migration_done": True})
        # The other steps would set up services on the Internet: weather, radio, speech.
        _store(store / "onboarding", 4, {"done": ["core_config", "analytics", "integration"]})

    async def start(self) -> None:
        """Start, wait until it answers, and connect as the owner, who is made at the first start."""
        # Everything it needs is in its environment: it must not look for packages.
        command: list[str | Path] = [*places.home_assistant(), "--config", self.folder, "--log-no-color", "--skip-pip"]
        self.process = await Process.start(
            "home-assistant", command, logs=self.folder.parent, environment=self.environment
        )
        await self.process.printed("Home Assistant initialized", timeout_s=300)
        self._session = aiohttp.ClientSession(self.url, cookie_jar=aiohttp.DummyCookieJar())
        access = await self._sign_in()
        self._websocket = await WebSocket.connect(self._session, self.url, access)

    async def stop(self) -> None:
        """Hang up and stop; its folder stays."""
        if self._websocket:
            await self._websocket.close()
        if self._session:
            await self._session.close()
        if self.process:
            await self.process.stop(grace_s=20)
        self._websocket = self._session = self.process = None

    async def add_broker(self, *, port: int, password: str) -> None:
        """Set up MQTT as its form does."""
        other: dict[str, Any] = {"set_client_cert": False, "set_ca_cert": "off"}
        form = {"broker": "127.0.0.1", "port": port, "username": "homeassistant", "password": password}
        step = await self._rest("POST", "/api/config/config_entries/flow", {"handler": "mqtt"})
        step = await self._answer(step, {**form, "other_settings": other})
        if step["type"] != "create_entry":
            raise HouseError(f"Home Assistant does not take the broker: {step.get('errors') or step}")

    async def add_discovered_bridge(self, code: str) -> None:
        """Wait until the bridge is found, and set it up with its code."""
        found: Watched[dict[str, str]] = Watched({})

        def listen(changes: list[dict[str, Any]]) -> None:
            flows = [change["flow"] for change in changes if change.get("flow")]
            found.update(found.value | {flow["handler"]: flow["flow_id"] for flow in flows})

        await self.websocket.subscribe("config_entries/flow/subscribe", listen)
        try:
            flow = (await found.until(lambda flows: "driveway" in flows, timeout_s=90))["driveway"]
        except TimeoutError as error:
            raise HouseError("Home Assistant did not find the bridge within 90 s") from error
        step = await self.dialog(flow)
        for _ in range(3):
            wanted = {item["name"] for item in step.get("data_schema") or ()}
            step = await self._answer(step, {"code": code} if "code" in wanted else {})
            if step["type"] == "create_entry":
                return
            if step.get("errors"):
                break
        raise HouseError(f"Home Assistant does not take the bridge: {step.get('errors') or step}")

    async def dialog(self, flow: str, form: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Give what an open dialog of an integration shows, or what it shows after this was entered."""
        path = f"/api/config/config_entries/flow/{flow}"
        return await (self._rest("GET", path) if form is None else self._rest("POST", path, form))

    async def show_dashboard_first(self) -> None:
        """Make the demo's dashboard the one that opens."""
        value = {"default_panel": DASHBOARD}
        await self.websocket.command("frontend/set_system_data", key="core", value=value)

    async def _answer(self, step: Mapping[str, Any], form: Mapping[str, Any]) -> dict[str, Any]:
        return await self._rest("POST", f"/api/config/config_entries/flow/{step['flow_id']}", form)

    async def _sign_in(self) -> str:
        """Give an access token for the owner."""
        client = {"client_id": f"{self.url}/"}
        if self._tokens:
            grant = {"grant_type": "refresh_token", "refresh_token": self._tokens["refresh_token"]}
            self._tokens |= await self._rest("POST", "/auth/token", form={**client, **grant})
        else:
            owner = {"name": "Owner", "username": USER, "password": PASSWORD, "language": "en"}
            answer = await self._rest("POST", "/api/onboarding/users", {**client, **owner})
            grant = {"grant_type": "authorization_code", "code": answer["auth_code"]}
            self._tokens = await self._rest("POST", "/auth/token", form={**client, **grant})
        return str(self._tokens["access_token"])

    async def _rest(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, form: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        if not self._session:
            raise HouseError("Home Assistant is not running.")
        headers = {"Authorization": f"Bearer {self._tokens['access_token']}"} if self._tokens else {}
        async with (
            asyncio.timeout(90),
            self._session.request(method, path, json=body, data=form, headers=headers) as answer,
        ):
            text = await answer.text()
            if answer.status >= 400:
                raise HouseError(f"Home Assistant answers {answer.status} to {path}: {text[:500]}")
            result: dict[str, Any] = json.loads(text)
            return result


def _store(path: Path, version: int, data: Mapping[str, Any]) -> None:
    path.write_text(json.dumps({"version": version, "minor_version": 1, "key": path.name, "data": data}))
