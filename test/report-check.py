#!/usr/bin/env python3
"""Recomputes a report's numbers from journal.jsonl alone, sharing no code with tenant-dr.

usage: report-check.py journal.jsonl report.json
Prints every number that differs, exits 1 when one does.
"""

import hashlib
import json
import re
import sys
from datetime import datetime


def seconds_of(iso):
    return datetime.fromisoformat(iso.replace("Z", "+00:00")).timestamp()


def read_chain(path):
    """Entries up to the first broken line, the number of that line or None, the last good hash, torn bytes."""
    entries, prev = [], "0" * 64
    pieces = open(path, "rb").read().split(b"\n")
    tail = pieces.pop()
    for number, line in enumerate(pieces, 1):
        found = re.search(rb',"sum":"([0-9a-f]{64})"\}$', line)
        if not found or hashlib.sha256(line[: found.start()]).hexdigest().encode() != found.group(1):
            return entries, number, prev, 0
        entry = json.loads(line)
        if entry["prev"] != prev or entry["seq"] != number:
            return entries, number, prev, 0
        entries.append(entry)
        prev = hashlib.sha256(line).hexdigest()
    return entries, None, prev, len(tail)


class Recomputed:
    def __init__(self, entries):
        self.opened = entries[0]
        self.steps = {s["id"]: {"spec": s, "state": "todo", "seconds": None} for s in self.opened["steps"]}
        self.detected = seconds_of(self.opened["detectedAt"])
        self.set_back = 0.0
        self.elapsed = 0.0
        self.suspended, self.ever_suspended = {}, False
        self.restores = []
        self.verified = {}
        self.usable = self.closed = self.backup = None
        self.confirmed = []
        self.plans = {}
        self.tasks, self.messages, self.safety = {}, {}, []
        self.verifications = self.notes = self.health = self.take_overs = 0
        for entry in entries[1:]:
            self.take(entry)

    def take(self, entry):
        if entry["event"] == "clock.jumped":
            self.set_back = max(0.0, self.set_back - entry["bySeconds"])
        self.elapsed = max(self.elapsed, seconds_of(entry["at"]) - self.detected + self.set_back, 0.0)
        getattr(self, "on_" + entry["event"].replace(".", "_").replace("-", "_"), lambda _: None)(entry)
        if not self.is_usable():
            self.usable = None
        elif self.usable is None:
            self.usable = self.elapsed

    def key(self, tenant):
        return (tenant["type"], tenant["text"])

    def step(self, entry, state, seconds=None):
        step = self.steps.get(entry["step"])
        if step is None:
            return
        if state == "running" and step["state"] != "running":
            step["since"] = self.elapsed
        step["state"] = state
        if seconds is not None:
            step["seconds"] = (step["seconds"] or 0) + seconds

    def on_step_started(self, e):
        self.step(e, "running")
        step = self.steps.get(e["step"])
        if step:
            step["since"] = self.elapsed
            step["attempt"] = max(e["attempt"], step.get("attempt", 0) + 1)

    def on_task_skipped(self, e): self.tasks[e["task"]] = (e["step"], e["by"])
    def on_message(self, e, state):
        name = e.get("message") or f"{e['kind']}-{e['audience']}"
        self.messages[name] = (e["kind"], e["audience"], state)

    def on_message_drafted(self, e): self.on_message(e, "drafted")
    def on_message_sent(self, e): self.on_message(e, "sent")
    def on_message_written(self, e): self.on_message(e, "written")
    def on_message_waived(self, e): self.on_message(e, "waived")
    def on_note(self, e): self.notes += 1
    def on_health_checked(self, e): self.health += 1
    def on_taken_over(self, e): self.take_overs += 1
    def on_task_started(self, e):
        self.step(e, "running")
        self.tasks.pop(e["task"], None)

    def on_step_finished(self, e): self.step(e, "done", e["seconds"])
    def on_step_failed(self, e): self.step(e, "failed", e["seconds"])
    def on_step_skipped(self, e): self.step(e, "skipped")
    def on_step_interrupted(self, e):
        step = self.steps.get(e["step"], {})
        running = step.get("state") == "running"
        self.step(e, "interrupted", round(max(0.0, self.elapsed - step["since"]), 3) if running else None)

    def on_run_planned(self, e):
        self.steps = {
            s["id"]: {**self.steps.get(s["id"], {"state": "todo", "seconds": None}), "spec": s} for s in e["steps"]
        }

    def on_step_probed(self, e):
        if e["outcome"] != "unknown":
            self.step(e, "done" if e["outcome"] == "done" else "todo")

    def on_tenant_suspended(self, e):
        self.ever_suspended = True
        self.suspended[self.key(e["tenant"])] = True

    def on_tenant_reactivated(self, e): self.suspended.pop(self.key(e["tenant"]), None)
    def on_verified(self, e):
        self.verified[str(e.get("tenant"))] = e["ok"]
        self.verifications += 1

    def on_backup_chosen(self, e): self.backup = e
    def on_plan_made(self, e): self.plans[self.key(e["tenant"])] = e
    def on_closed(self, e): self.closed = (self.elapsed, e["outcome"])
    def on_confirmed(self, e): self.confirmed.append((e["at"], e["actor"]["name"], e["what"]))

    def on_restore_intended(self, e):
        self.restores.append({"tenant": self.key(e["tenant"]), "state": "intended", "tables": e["tables"]})
        self.safety.append(e["safetyCopy"])

    def restore_outcome(self, e, state):
        mine = [r for r in self.restores if r["tenant"] == self.key(e["tenant"])]
        if mine:
            mine[-1]["state"] = state
            mine[-1]["tables"] = e.get("tables", mine[-1]["tables"])
            mine[-1]["isolation"] = e.get("isolation")
            mine[-1]["seconds"] = e.get("seconds", {})

    def on_restore_finished(self, e): self.restore_outcome(e, "finished")
    def on_restore_rolled_back(self, e): self.restore_outcome(e, "rolled-back")
    def on_restore_unknown(self, e): self.restore_outcome(e, "unknown")

    def is_usable(self):
        if self.suspended or any(r["state"] in ("intended", "unknown") for r in self.restores):
            return False
        if False in self.verified.values():
            return False
        ending = [s for s in self.steps.values() if s["spec"].get("usable")]
        if not ending:
            return self.ever_suspended or any(r["state"] == "finished" for r in self.restores)
        return all(
            s["state"] in ("done", "skipped") or (self.ever_suspended and s["state"] != "todo") for s in ending
        )


def expected(entries, broken, head, torn):
    state = Recomputed(entries)
    limit = None if state.opened["kind"] == "suspend" else state.opened["rtoSeconds"]
    used = state.usable if state.usable is not None else state.closed[0] if state.closed else state.elapsed
    over = max(0.0, used - limit) if limit is not None else 0
    decided = state.usable is not None or (state.closed is not None and over > 0)
    met = None if limit is None or not decided else state.usable is not None and over == 0
    numbers = {
        "integrity.brokenAt": broken,
        "integrity.lines": len(entries),
        "integrity.head": head,
        "integrity.tornBytes": torn,
        "outcome": state.closed[1] if state.closed else "open",
        "rto.limitSeconds": limit,
        "rto.usedSeconds": used,
        "rto.overSeconds": over,
        "rto.met": met,
        "actualSeconds": state.elapsed,
        "estimateSeconds": sum(s["spec"]["estimateSeconds"] for s in state.steps.values()),
        "rto.leftSeconds": None if limit is None else max(0.0, limit - used),
        "confirmations": len(state.confirmed),
        "verifications": state.verifications,
        "healthChecks": state.health,
        "notes": state.notes,
        "takeOvers": state.take_overs,
        "messages": len(state.messages),
        "safetyCopies": len(state.safety),
    }
    for index, (kind, audience, sent) in enumerate(state.messages.values()):
        numbers[f"messages.{index}.kind"] = kind
        numbers[f"messages.{index}.audience"] = audience
        numbers[f"messages.{index}.state"] = sent
    for index, copy in enumerate(state.safety):
        numbers[f"safetyCopies.{index}.rows"] = copy["rows"]
        numbers[f"safetyCopies.{index}.sha256"] = copy["sha256"]
    for index, (at, by, what) in enumerate(state.confirmed):
        numbers[f"confirmations.{index}.at"] = at
        numbers[f"confirmations.{index}.by"] = by
        numbers[f"confirmations.{index}.what"] = what
    if state.backup:
        damage = state.opened["damagedAt"] or state.opened["detectedAt"]
        if state.backup["takenAt"]:
            age, allowed = seconds_of(damage) - seconds_of(state.backup["takenAt"]), state.backup["rpo"]["limitSeconds"]
            numbers["rpo.ageSeconds"] = age
            numbers["rpo.met"] = age >= 0 and (allowed is None or age <= allowed)
            numbers["rpo.overSeconds"] = max(0, age - allowed) if allowed is not None else 0
    if state.plans:
        numbers["atStake.rows"] = sum(
            p["atStake"]["rows"] if p.get("atStake") else sum(t["losses"] for t in p["tables"])
            for p in state.plans.values()
        )
    for index, step in enumerate(state.steps.values()):
        numbers[f"steps.{index}.state"] = step["state"]
        numbers[f"steps.{index}.seconds"] = step["seconds"]
        numbers[f"steps.{index}.estimateSeconds"] = step["spec"]["estimateSeconds"]
        numbers[f"steps.{index}.attempt"] = step.get("attempt", 0)
        mine = [by for of, by in state.tasks.values() if of == step["spec"]["id"] and by != "condition"]
        numbers[f"steps.{index}.leftOut"] = len(mine)
    for index, restore in enumerate(state.restores):
        numbers[f"restores.{index}.state"] = restore["state"]
        for what in ("insert", "update", "delete", "losses"):
            numbers[f"restores.{index}.total.{what}"] = sum(t[what] for t in restore["tables"])
        for place, table in enumerate(restore["tables"]):
            for what in ("name", "insert", "update", "delete", "unchanged", "losses"):
                numbers[f"restores.{index}.tables.{place}.{what}"] = table[what]
        if restore.get("isolation"):
            for what in ("method", "otherRowsWritten", "tablesGuarded"):
                numbers[f"restores.{index}.isolation.{what}"] = restore["isolation"][what]
        for what, value in restore.get("seconds", {}).items():
            numbers[f"restores.{index}.seconds.{what}"] = value
    return numbers


def look_up(report, path):
    value = report
    for part in path.split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return len(value) if isinstance(value, list) else value


def same(a, b):
    if isinstance(a, (int, float)) and isinstance(b, (int, float)) and not isinstance(a, bool):
        return abs(a - b) < 0.002
    return a == b


def main():
    journal, report_path = sys.argv[1:3]
    report = json.load(open(report_path, encoding="utf-8"))
    wrong = [
        f"{path}: the journal says {value!r}, the report {look_up(report, path)!r}"
        for path, value in expected(*read_chain(journal)).items()
        if not same(value, look_up(report, path))
    ]
    print("\n".join(wrong) or "every number agrees")
    sys.exit(1 if wrong else 0)


main()
