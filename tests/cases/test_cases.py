"""Failures that somebody had: the real client fails, doctor names the cause and the fix, and the real client succeeds."""

from __future__ import annotations

from typing import Any

import pytest

from cases.case import Case
from cases.grounds import Ground
from cases.stage import Stage, laid_out
from cases.table import rows

ROWS = [
    pytest.param(case, case.ground, id=case.name, marks=pytest.mark.xdist_group(f"cases-{case.ground}"))
    for case in rows()
]


@pytest.mark.parametrize(("case", "ground"), ROWS, indirect=["ground"])
def test_a_case(case: Case, ground: Ground, record_property: pytest.RecordProperty) -> None:
    """The whole way from the failure to the success."""
    record_property("case", case.name)
    record_property("code", case.code or case.asks.partition(" ")[0])
    record_property("verdict", "stand-in" if case.stand_in else "diagnosed")
    with laid_out(case, ground) as stage:
        failed = case.act(stage)
        assert failed.returncode != 0, "the real client does not fail"
        assert case.fails in failed.stdout + failed.stderr
        case.repair(stage, named(case, stage))
        done = case.act(stage)
        assert done.returncode == 0, (done.stdout, done.stderr)
        if case.code and not case.remains:
            assert case.code not in [finding["code"] for finding in stage.findings()]


def named(case: Case, stage: Stage) -> str:
    """Return the fix that is offered; the row's words are in what Shorepass says."""
    if not case.code:
        said = stage.shorepass(*stage.asks, stdin=case.types)
        text = said.stdout + said.stderr
        assert stage.text(case.cause) in text
        assert stage.text(case.offers) in text
        return stage.text(case.offers)
    findings = stage.findings()
    found = [finding for finding in findings if finding["code"] == case.code]
    assert found, findings
    stage.found = found[0]
    said_of_it = "\n".join([f"{stage.found['subject']}: {stage.found['cause']}", *stage.found["evidence"]])
    assert stage.text(case.cause) in said_of_it
    errors = [finding for finding in findings if finding["severity"] == "error" and finding["code"] != case.code]
    assert [f"{error['code']} {error['subject']}: {error['cause']}" for error in errors] == [], (
        "one error for one cause"
    )
    offered: Any = stage.found["fix"]["text"]
    assert stage.text(case.offers) in offered
    return str(offered)
