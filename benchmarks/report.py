"""Figures out of what was measured, and the Markdown that shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.load import Load
from benchmarks.workloads import Workload

# From here on the load generator, not the server, may be what limits ops/s.
BUSY = 0.8


@dataclass(frozen=True, slots=True)
class Cell:
    """One workload on one server in one round."""

    load: Load
    cpu_seconds: float

    @property
    def ops_per_second(self) -> float:
        return len(self.load.latencies) / self.load.seconds


@dataclass(slots=True)
class Row:
    """One workload on its two servers, and on others: the cells of all rounds, by server. invalid: by server, why there are no figures."""

    workload: Workload
    cells: dict[str, list[Cell]] = field(default_factory=dict)
    invalid: dict[str, str] = field(default_factory=dict)

    def figures(self, server: str) -> dict[str, float]:
        """ops/s is the median of the rounds; latencies (milliseconds) and CPU time are over all of them together."""
        cells = self.cells[server]
        latencies = sorted(latency for cell in cells for latency in cell.load.latencies)
        rates = [cell.ops_per_second for cell in cells]
        return {
            "ops_per_second": median(rates),
            "p50_ms": _at(latencies, 0.5) * 1e3,
            "p99_ms": _at(latencies, 0.99) * 1e3,
            "cpu_ms_per_op": sum(cell.cpu_seconds for cell in cells) / len(latencies) * 1e3,
            "spread": max(rates) / min(rates),
            "load_busy": max(cell.load.busy for cell in cells),
            "ops": len(latencies),
            "reconnects": sum(cell.load.reconnects for cell in cells),
        }

    @property
    def is_void(self) -> bool:
        """Whether one of the two servers that it is about has no figures."""
        return not self.invalid.keys().isdisjoint((self.workload.subject, self.workload.against))

    def ratio(self, against: str = "") -> float:
        """How many times the other's ops/s: the median of the ratios of the rounds, since what disturbs a round disturbs both."""
        pairs = zip(self.cells[self.workload.subject], self.cells[against or self.workload.against], strict=True)
        return median(subject.ops_per_second / other.ops_per_second for subject, other in pairs)

    def cpu_ratio(self, against: str = "") -> float:
        """How many times the CPU time for one op the other needs."""
        subject, other = (self.figures(server)["cpu_ms_per_op"] for server in (self.workload.subject, against or self.workload.against))
        return other / subject if subject else float("inf")


@dataclass(frozen=True, slots=True)
class Fact:
    """A single measurement. limit: the target, which value must stay below; None if there is none. invalid: why there is no value."""

    name: str
    about: str
    value: float = 0.0
    unit: str = ""
    limit: float | None = None
    invalid: str = ""


def tables(rows: list[Row], facts: list[Fact]) -> str:
    """Everything as Markdown."""
    parts = []
    if rows:
        parts += [_load_table(rows)]
    if facts:
        lines = [f"| {fact.about} | {'INVALID' if fact.invalid else _amount(fact.value, fact.unit)} |" for fact in facts]
        parts += ["\n".join(["| measured once or a few times | median |", "|---|--:|", *lines])]
    parts += [_target_table(rows, facts)]
    if reasons := _reasons(rows, facts):
        parts += ["INVALID:\n\n" + "\n".join(reasons)]
    return "\n\n".join(parts) + "\n"


def _load_table(rows: list[Row]) -> str:
    head = "| workload | server | ops/s | p50 ms | p99 ms | CPU ms/op | × ops/s | × CPU | spread |"
    lines = [head, "|---|---|--:|--:|--:|--:|--:|--:|--:|"]
    limited = False
    for row in rows:
        workload = row.workload
        for server in row.cells:
            label = f"| {workload.about if server == workload.subject else ''} | {_SERVERS[server]} |"
            if row.is_void or server in row.invalid:
                lines.append(f"{label} INVALID | | | | | | |" if server in row.invalid else f"{label} | | | | | | |")
                continue
            figures = row.figures(server)
            mark = "†" if figures["load_busy"] > BUSY else ""
            limited = limited or bool(mark)
            measured = (_round(figures[key]) for key in ("p50_ms", "p99_ms", "cpu_ms_per_op"))
            ratios = ("", "") if server == workload.subject else (_round(row.ratio(server)), _round(row.cpu_ratio(server)))
            cells = (_round(figures["ops_per_second"]) + mark, *measured, *ratios, _round(figures["spread"]))
            lines.append(f"{label} {' | '.join(cells)} |")
    note = "\n\n† The load generator had little time left: the server could do more than this." if limited else ""
    return "\n".join(lines) + note


def verdicts(rows: list[Row], facts: list[Fact]) -> list[dict[str, str]]:
    """Every target: what is asked, what was found, and met, missed or INVALID."""
    found = []
    for row in rows:
        if (least := row.workload.least) is not None:
            ratio = 0.0 if row.is_void else row.ratio()
            verdict = "INVALID" if row.is_void else "met" if ratio >= least else "missed"
            asked = f"≥ {least:g} × {_SERVERS[row.workload.against]}"
            found.append({"about": row.workload.about, "asked": asked, "found": f"{_round(ratio)} ×", "verdict": verdict})
    for fact in facts:
        if fact.limit is not None:
            verdict = "INVALID" if fact.invalid else "met" if fact.value < fact.limit else "missed"
            asked = f"< {_amount(fact.limit, fact.unit)}"
            found.append({"about": fact.about, "asked": asked, "found": _amount(fact.value, fact.unit), "verdict": verdict})
    return found


def _target_table(rows: list[Row], facts: list[Fact]) -> str:
    lines = ["| target | asked | found | |", "|---|--:|--:|---|"]
    for found in verdicts(rows, facts):
        value = "" if found["verdict"] == "INVALID" else found["found"]
        lines.append(f"| {found['about']} | {found['asked']} | {value} | **{found['verdict']}** |")
    return "\n".join(lines) if len(lines) > 2 else "No target belongs to what was measured."


def _reasons(rows: list[Row], facts: list[Fact]) -> list[str]:
    reasons = [f"- {row.workload.name}, {_SERVERS[server]}: {why}" for row in rows for server, why in row.invalid.items()]
    return reasons + [f"- {fact.name}: {fact.invalid}" for fact in facts if fact.invalid]


def record(rows: list[Row], facts: list[Fact], about: dict[str, Any]) -> dict[str, Any]:
    """Everything for --json; rounds hold the ops/s of each."""
    loads = []
    for row in rows:
        servers: dict[str, Any] = {}
        for server in row.cells:
            if server in row.invalid:
                servers[server] = {"invalid": row.invalid[server]}
            elif not row.is_void:
                servers[server] = row.figures(server) | {"rounds": [cell.ops_per_second for cell in row.cells[server]]}
        ratios = {} if row.is_void else {"ratio": row.ratio(), "cpu_ratio": row.cpu_ratio()}
        loads.append({"name": row.workload.name, "about": row.workload.about, "servers": servers, **ratios})
    told = [
        {
            "name": fact.name,
            "about": fact.about,
            "unit": fact.unit,
            **({"invalid": fact.invalid} if fact.invalid else {"value": fact.value}),
        }
        for fact in facts
    ]
    return {"about": about, "loads": loads, "facts": told, "targets": verdicts(rows, facts)}


_SERVERS = {
    "davlock": "davlock",
    "stock": "stock WsgiDAV",
    "apache": "Apache mod_dav",
    "rclone": "rclone",
    "held": "davlock, 10,000 held",
    "frontpage": "davlock, FrontPage RPC",
    "rest": "davlock, REST",
}


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _amount(value: float, unit: str) -> str:
    return f"{_round(value)} {unit}"


def _round(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
