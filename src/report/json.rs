//! The analysis as JSON, for `--format json`.

use serde_json::{Value, json};

use super::proof::commands;
use super::{Analysis, timeline};
use crate::model::diagnosis::{Fault, Finding, Suspect};
use crate::model::evidence::Gap;
use crate::model::ids::RepositoryPath;
use crate::model::proof::{Proof, growth};
use crate::model::publication::{FixOutcome, Publication};
use crate::model::rollback::{Inverse, Rollback};

/// One object: incident, base, findings, proof, timeline, suspects, plan, outcome, gaps.
pub fn render(analysis: &Analysis, publication: &Publication, outcome: &FixOutcome) -> Value {
    let (evidence, diagnosis) = (&analysis.evidence, &analysis.diagnosis);
    let gaps: Vec<&Gap> = evidence.gaps.iter().chain(&diagnosis.gaps).collect();
    let responders = evidence.responders.iter().map(|it| json!({ "name": it.on_call.name, "login": it.login }));
    json!({
        "incident": evidence.incident,
        "base": { "branch": evidence.base.branch, "head": evidence.base.head },
        "window": { "from": evidence.window.from, "until": evidence.window.until, "landings": evidence.landings.len() },
        "deployed": evidence.deployed,
        "searched": diagnosis.searched,
        "symptom": diagnosis.symptom,
        "verdict": diagnosis.verdict,
        "findings": diagnosis.findings.iter().map(finding).collect::<Vec<_>>(),
        "provenance": diagnosis.provenance.as_ref().map(|it| json!({
            "landing": it.landing, "how": it.how, "age": it.age,
        })),
        "proof": analysis.proof.as_ref().map(proof),
        "timeline": timeline::json(analysis),
        "suspects": diagnosis.suspects.iter().map(suspect).collect::<Vec<_>>(),
        "ruled_out": diagnosis.ruled_out,
        "responders": responders.collect::<Vec<_>>(),
        "fingerprint": publication.fingerprint.as_str(),
        "rollback": analysis.rollback.as_ref().map(rollback),
        "plan": plan(publication),
        "outcome": outcome_of(outcome),
        "gaps": gaps,
    })
}

fn finding(finding: &Finding) -> Value {
    let (fix, no_fix_reason) = match &finding.repair {
        Ok(repair) => (json!({ "diff": repair.diff, "why": repair.why, "checks": repair.checks }), Value::Null),
        Err(why) => (Value::Null, json!(why)),
    };
    let mut value = json!({
        "detector": finding.detector,
        "file": finding.file,
        "line": finding.line,
        "confidence": finding.confidence,
        "reasons": finding.reasons,
        "trace": finding.trace,
        "fix": fix,
        "no_fix_reason": no_fix_reason,
    });
    match &finding.fault {
        Fault::Leak(leak) => {
            value["function"] = json!(leak.function);
            value["variable"] = json!(leak.variable);
            value["lost_at"] = json!(leak.lost_at);
            value["recurrence"] = json!(leak.recurrence);
        }
        Fault::Setting(change) => {
            value["setting"] = json!(change.setting);
            value["before"] = json!(change.before);
            value["after"] = json!(change.after);
        }
    }
    value
}

/// All that was measured, with what follows from it.
fn proof(proof: &Proof) -> Value {
    let mut value = json!(proof);
    value["growth"] = json!({
        "base": proof.base.as_ref().map(growth),
        "patched": proof.patched.as_ref().map(growth),
    });
    value["commands"] = json!(proof.recipe.as_ref().map(commands));
    value
}

fn suspect(suspect: &Suspect) -> Value {
    json!({
        "commit": suspect.landing.commit,
        "subject": suspect.landing.subject,
        "pull_request": suspect.landing.pull_request,
        "probability": suspect.probability,
        "reasons": suspect.reasons,
    })
}

fn rollback(rollback: &Rollback) -> Value {
    let conflicts: &[RepositoryPath] = match &rollback.culprit.inverse {
        Inverse::Conflicts(paths) => paths,
        Inverse::Clean(_) | Inverse::Unknown(_) => &[],
    };
    json!({
        "commit": rollback.commit(),
        "pull_request": rollback.culprit.landing.pull_request,
        "files": rollback.changes().iter().map(|change| change.path.as_str()).collect::<Vec<_>>(),
        "conflicts": conflicts,
        "held_by": rollback.held_by,
    })
}

fn plan(publication: &Publication) -> Value {
    match &publication.fix {
        Some(fix) => json!({
            "branch": fix.branch,
            "base": fix.base.head,
            "files": fix.additions.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(),
            "deletions": fix.deletions,
            "commit": fix.message.to_string(),
            "title": fix.title.as_str(),
            "body": fix.body.as_str(),
            "labels": fix.labels,
            "reviewers": fix.reviewers,
        }),
        None => json!({ "no_fix": publication.no_fix }),
    }
}

fn outcome_of(outcome: &FixOutcome) -> Value {
    match outcome {
        FixOutcome::None(why) => json!({ "state": "none", "why": why }),
        FixOutcome::Planned => json!({ "state": "planned" }),
        FixOutcome::Opened(pull) => json!({
            "state": "opened", "number": pull.number, "address": pull.address, "commit": pull.commit, "notes": pull.notes,
        }),
        FixOutcome::Existing { address, number, .. } => {
            json!({ "state": "existing", "number": number, "address": address })
        }
        FixOutcome::ElsewhereAtWork => json!({ "state": "elsewhere-at-work" }),
        FixOutcome::ForeignCommits(branch) => json!({ "state": "foreign-commits", "branch": branch }),
        FixOutcome::BranchOnly { address, commit, why, .. } => {
            json!({ "state": "branch-only", "address": address, "commit": commit, "why": why })
        }
        FixOutcome::NotPermitted(why) => json!({ "state": "not-permitted", "why": why }),
    }
}
