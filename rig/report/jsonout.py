"""requirements.jsonl: one line a requirement, for scripts."""

from __future__ import annotations

import json

from rig.report.model import RequirementResult, Run


def render(run: Run) -> str:
    return "".join(json.dumps(_line(result), ensure_ascii=False) + "\n" for result in run.requirements)


def _line(result: RequirementResult) -> dict[str, object]:
    return {
        "id": result.requirement.id,
        "title": result.requirement.title,
        "verdict": result.verdict,
        "devices": result.devices,
        "tests": [{"id": test.id, "verdict": test.verdict} for test in result.tests],
        "reason": result.reason,
    }
