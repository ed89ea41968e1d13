//! Each condition by itself: a culprit that may be taken back, changed in one respect.

use super::*;
use crate::model::deployed::Deployed;
use crate::model::evidence::{Base, Protected, Scope};
use crate::model::ids::{BranchName, CommitSha, IncidentId, RepositoryPath, ServiceId, Timestamp};
use crate::model::incident::{Incident, IncidentStatus, Service, Severity};
use crate::model::landing::{Person, Window};
use crate::model::rollback::{FileState, Later, PullFacts, RevertPull};
use crate::settings::config_file::PathPattern;

fn moment(hours: i64) -> Timestamp {
    Timestamp::from_timestamp(1_760_711_400 + hours * 3600, 0).expect("a moment")
}

fn evidence() -> Evidence {
    let now = moment(0);
    let pattern = |text: &str| PathPattern::try_from(text.to_owned()).expect("a pattern");
    Evidence {
        incident: Incident {
            id: IncidentId::new("Q2ISKGUCZ3ZJ4K"),
            number: None,
            title: "Checkout fails".to_owned(),
            status: IncidentStatus::Triggered,
            severity: Severity::NotGiven,
            created_at: now,
            resolved_at: None,
            address: None,
            service: Service {
                id: ServiceId::new("PX"),
                name: "checkout".to_owned(),
                escalation_policy: None,
                teams: Vec::new(),
            },
            alerts: Vec::new(),
            notes: Vec::new(),
            change_events: Vec::new(),
            on_call: Vec::new(),
        },
        base: Base { branch: BranchName::new("main"), head: CommitSha::new("b".repeat(40)) },
        scope: Scope::Everything,
        window: Window::before(now, 24),
        deployed: Deployed::default(),
        landings: Vec::new(),
        paths: Vec::new(),
        sources: Vec::new(),
        manifests: Vec::new(),
        manifest_scope: crate::model::evidence::ManifestScope::Everything,
        other_languages: Vec::new(),
        responders: Vec::new(),
        protected: Protected {
            patterns: vec![pattern(".github/**"), pattern("vendor/**")],
            lock_files: vec![pattern("**/Cargo.lock")],
        },
        rollback: RollbackPolicy::default(),
        memory: Vec::new(),
        gaps: Vec::new(),
    }
}

fn landing(digit: &str) -> LandingSummary {
    LandingSummary {
        commit: CommitSha::new(digit.repeat(40)),
        subject: "Speed up the report (#31)".to_owned(),
        author: Person { name: "octo-dev".to_owned(), email: "octo-dev@example.com".to_owned() },
        committed_at: moment(-5),
        pull_request: Some(31),
    }
}

fn change(path: &str, before: Option<FileMode>, after: Option<FileMode>) -> InverseChange {
    let state = |mode| FileState { mode, contents: b"text\n".to_vec() };
    InverseChange { path: RepositoryPath::new(path), before: before.map(state), after: after.map(state) }
}

fn plain(path: &str) -> InverseChange {
    change(path, Some(FileMode::REGULAR), Some(FileMode::REGULAR))
}

fn facts() -> ForgeFacts {
    let pull = PullFacts { number: 31, author: None, labels: vec!["fast".to_owned()], body: String::new() };
    ForgeFacts { pull: Some(pull), reverts: Vec::new(), opened_today: 0 }
}

fn sound() -> Culprit {
    Culprit {
        landing: landing("a"),
        message: "Speed up the report (#31)\n\nBy a cache.".to_owned(),
        is_merge: false,
        certainty: Certainty::Accused(0.93),
        in_deployment_at_fault: false,
        inverse: Inverse::Clean(vec![plain("report.py"), plain("Cargo.lock")]),
        later: Later::default(),
        forge: Some(Forge::Known(facts())),
    }
}

/// What holds a culprit that is sound but for one change.
fn held(wish: Wish, alter: impl Fn(&mut Culprit, &mut Evidence)) -> String {
    let (mut culprit, mut evidence) = (sound(), evidence());
    alter(&mut culprit, &mut evidence);
    weigh(&evidence, culprit, wish).held_by.join("; ")
}

#[test]
fn a_sound_culprit_may_be_taken_back_its_lock_file_included() {
    assert_eq!(held(Wish::Weighed, |_, _| {}), "");
    assert_eq!(held(Wish::Weighed, |culprit, _| culprit.certainty = Certainty::Shown), "");
    assert_eq!(held(Wish::Weighed, |culprit, _| culprit.forge = None), "", "a rehearsal in a folder");
    assert!(checks().all(|check| !check.is_empty()));
}

#[test]
fn each_condition_holds_by_itself_and_says_why() {
    type Alter = fn(&mut Culprit, &mut Evidence);
    fn with_facts(culprit: &mut Culprit, change: impl Fn(&mut ForgeFacts)) {
        let mut facts = facts();
        change(&mut facts);
        culprit.forge = Some(Forge::Known(facts));
    }
    fn revert(state: PullState) -> RevertPull {
        let address = url::Url::parse("https://example.com/pull/40").expect("an address");
        RevertPull { number: 40, address, state }
    }
    let cases: [Alter; 21] = [
        |_, evidence| evidence.rollback.open = OpenRollback::Never,
        |_, evidence| evidence.rollback.open = OpenRollback::Asked,
        |culprit, _| culprit.certainty = Certainty::Accused(0.899),
        |culprit, _| culprit.certainty = Certainty::Suspected,
        |culprit, _| culprit.landing.committed_at = moment(-25),
        |culprit, _| culprit.landing.committed_at = moment(-24 * 92),
        |culprit, _| culprit.later.on_same_files = vec![(landing("c"), RepositoryPath::new("report.py"))],
        |culprit, _| culprit.later.cut = true,
        |culprit, _| culprit.inverse = Inverse::Conflicts(vec![RepositoryPath::new("report.py")]),
        |culprit, _| culprit.inverse = Inverse::Clean(Vec::new()),
        |culprit, _| culprit.inverse = Inverse::Unknown("the clone's history ends at the landing".to_owned()),
        |culprit, _| culprit.inverse = Inverse::Clean(vec![plain("app/migrations/0002_total.py")]),
        |culprit, _| culprit.inverse = Inverse::Clean(vec![plain(".github/workflows/ci.yml")]),
        |culprit, _| culprit.inverse = Inverse::Clean(vec![change("lib", Some(FileMode::SUBMODULE), None)]),
        |culprit, _| culprit.later.reverts = vec![landing("d")],
        |culprit, _| with_facts(culprit, |facts| facts.reverts = vec![revert(PullState::Open)]),
        |culprit, _| with_facts(culprit, |facts| facts.reverts = vec![revert(PullState::Closed)]),
        |culprit, _| culprit.forge = Some(Forge::Unknown("GitHub answered with 502".to_owned())),
        |culprit, _| culprit.message.push_str("\n\nNOAUTOREVERT=true"),
        |culprit, _| {
            with_facts(culprit, |facts| {
                facts.pull.iter_mut().for_each(|pull| pull.labels = vec!["No-Autorevert".to_owned()])
            })
        },
        |culprit, _| with_facts(culprit, |facts| facts.opened_today = 3),
    ];
    let told: Vec<String> = cases.iter().map(|alter| held(Wish::Weighed, alter)).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    the configuration switches rollbacks off
    the configuration leaves it to a person to ask for it
    the landing is at fault with a probability of 89 %, and 90 % are asked for
    the evidence against the landing is not conclusive
    it landed 25 hours before the incident, and is not known to be part of the deployment at fault
    it landed 92 days before the incident, and is not known to be part of the deployment at fault
    `cccccccccc` changed `report.py` since
    more has landed since than was read
    its inverse conflicts with what landed since, first in `report.py`
    nothing of it is left to take back
    its inverse could not be computed, because the clone's history ends at the landing
    `app/migrations/0002_total.py` is a migration or a schema, and data may have been written by it
    `.github/workflows/ci.yml` is protected by the pattern `.github/**`
    `lib` is a submodule
    `dddddddddd` took it back already
    pull request 40 takes it back already
    a person closed pull request 40, which took it back
    whether somebody took it back is not known, because GitHub answered with 502
    its author opted out with NOAUTOREVERT=true
    its pull request has the label `no-autorevert`
    3 rollbacks were opened in the last 24 hours, and the cap is 3
    ");
}

#[test]
fn a_person_who_asks_overrides_the_doubt_and_nothing_else() {
    let asked = |alter: fn(&mut Culprit, &mut Evidence)| held(Wish::Asked, alter);
    assert_eq!(asked(|culprit, _| culprit.certainty = Certainty::Suspected), "");
    assert_eq!(asked(|_, evidence| evidence.rollback.open = OpenRollback::Asked), "");
    assert_ne!(asked(|_, evidence| evidence.rollback.open = OpenRollback::Never), "");
    assert_ne!(asked(|culprit, _| culprit.landing.committed_at = moment(-30)), "");
    assert_ne!(asked(|culprit, _| culprit.message.push_str("NOAUTOREVERT=true")), "");
}

#[test]
fn the_deployment_at_fault_excuses_an_older_landing() {
    let deployed = |culprit: &mut Culprit, _: &mut Evidence| {
        culprit.landing.committed_at = moment(-60);
        culprit.in_deployment_at_fault = true;
    };
    assert_eq!(held(Wish::Weighed, deployed), "");
}
