"""Rules for a compose file beyond its schema; each rule yields the faults that it finds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Service = Mapping[str, Any]
Rule = Callable[[str, Service], Iterator[str]]

VARIABLE = re.compile(r"\$\{([A-Z_]+)(?:(:?[-?+])((?:[^{}]|\{[^}]*\})*))?\}")
SECRET = re.compile(r"PASSWORD|SECRET|AUTH_STRING|TOKEN|KEY")
PINNED = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+[\w.-]*")


def faults(compose: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong with a file, as `service: fault`."""
    services: Mapping[str, Service] = compose["services"]
    problems = [
        f"{name}: {fault}"
        for name, service in services.items()
        for rule in RULES
        for fault in rule(name, service)
    ]
    return [*problems, *_dependencies(services), *_volumes(compose)]


def ends(service: Service) -> bool:
    """Whether it does its work and is done, rather than serves."""
    return str(service.get("restart", "")).startswith("on-failure")


def _health(name: str, service: Service) -> Iterator[str]:
    if not ends(service) and not service.get("healthcheck", {}).get("test"):
        yield "no health check"


def _restarts(name: str, service: Service) -> Iterator[str]:
    if service.get("restart") not in {"unless-stopped", "on-failure:3"}:
        yield "nobody starts it again"


def _confined(name: str, service: Service) -> Iterator[str]:
    if service.get("cap_drop") != ["ALL"] or "cap_add" in service:
        yield "has capabilities"
    if "no-new-privileges:true" not in service.get("security_opt", []):
        yield "may gain privileges"
    if service.get("read_only") is not True:
        yield "may write into its image"
    for key in ("privileged", "network_mode", "pid", "ipc", "devices"):
        if key in service:
            yield f"sets {key}"
    if service.get("user") in {"root", "0", "0:0"}:
        yield "runs as root"


def _limited(name: str, service: Service) -> Iterator[str]:
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    yield from (f"no limit of {limit}" for limit in ("cpus", "memory") if limit not in limits)
    if "max-size" not in service.get("logging", {}).get("options", {}):
        yield "its log grows for ever"


def _published(name: str, service: Service) -> Iterator[str]:
    for port in service.get("ports", []):
        if not str(port).startswith("127.0.0.1:"):
            yield f"publishes {port} beyond this machine"


def _pinned(name: str, service: Service) -> Iterator[str]:
    if not PINNED.fullmatch(str(service.get("image"))):
        yield f"image {service.get('image')} is not pinned"


def _mounts(name: str, service: Service) -> Iterator[str]:
    for mount in service.get("volumes", []):
        source = str(mount).split(":")[0]
        if source.endswith(".sock"):
            yield f"is given {source}"
        elif source.startswith((".", "/")) and not str(mount).endswith(":ro"):
            yield f"writes into {source}"


def _secrets(name: str, service: Service) -> Iterator[str]:
    for place in ("command", "build", "labels", "healthcheck"):
        for variable, *_ in VARIABLE.findall(str(service.get(place, ""))):
            if SECRET.search(variable):
                yield f"shows {variable} in its {place}"
    for variable, value in service.get("environment", {}).items():
        if SECRET.search(variable) and not VARIABLE.fullmatch(str(value)):
            yield f"has a value of {variable} written down"


RULES: tuple[Rule, ...] = (
    *(_health, _restarts, _confined, _limited),
    *(_published, _pinned, _mounts, _secrets),
)


def _dependencies(services: Mapping[str, Service]) -> Iterator[str]:
    for name, service in services.items():
        for dependency, options in service.get("depends_on", {}).items():
            expected = (
                "service_completed_successfully"
                if ends(services[dependency])
                else "service_healthy"
            )
            if options.get("condition") != expected:
                yield f"{name}: does not wait for {dependency}"


def _volumes(compose: Mapping[str, Any]) -> Iterator[str]:
    mounts = [
        str(mount).split(":")[0]
        for service in compose["services"].values()
        for mount in service.get("volumes", [])
    ]
    mounted = {source for source in mounts if not source.startswith((".", "/"))}
    for volume in mounted ^ set(compose["volumes"]):
        yield f"volume {volume} is declared, or used, alone"
