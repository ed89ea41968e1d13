//! Which landings can have caused an incident.

use pagerduty_incident_responder::io::repository::{Repository, Stretch};
use pagerduty_incident_responder::model::ids::CommitSha;
use pagerduty_incident_responder::model::landing::Window;

use super::sandbox::{Sandbox, at};

/// Five landings, an hour each, the fourth a merge of work on the side; and a tag on the second.
fn history() -> (Sandbox, Vec<CommitSha>, CommitSha) {
    let sandbox = Sandbox::new();
    let mut landed: Vec<CommitSha> =
        (0..3).map(|hour| sandbox.land(hour, "file", &format!("{hour}\n"), "Land")).collect();
    sandbox.git(2, &["checkout", "--quiet", "-b", "side"]);
    let side = sandbox.land(2, "side", "work\n", "Work on the side");
    sandbox.git(3, &["checkout", "--quiet", "main"]);
    sandbox.git(3, &["merge", "--quiet", "--no-ff", "-m", "Merge side", "side"]);
    landed.push(CommitSha::new(sandbox.git(3, &["rev-parse", "HEAD"]).trim()));
    landed.push(sandbox.land(4, "file", "4\n", "Land"));
    sandbox.git(4, &["tag", "-a", "-m", "one", "v1.0", landed[1].as_str()]);
    sandbox.git(4, &["tag", "light", landed[0].as_str()]);
    (sandbox, landed, side)
}

fn numbers(landed: &[CommitSha], found: &[CommitSha]) -> Vec<usize> {
    found.iter().map(|commit| landed.iter().position(|it| it == commit).expect("one of ours")).collect()
}

#[test]
fn a_stretch_ends_at_what_ran_and_begins_at_the_window_or_at_what_it_replaced() {
    let (sandbox, landed, side) = history();
    let repo = Repository::open(sandbox.path()).expect("it opens");
    let stretch = |running: Option<&CommitSha>, former: Option<&CommitSha>, from: i64, until: i64| -> Stretch {
        let window = Window { from: at(from), until: at(until) };
        repo.stretch(&landed[4], window, running, former).expect("a stretch")
    };
    let parts =
        |it: &Stretch| (numbers(&landed, &it.landings), numbers(&landed, &it.brought), numbers(&landed, &it.later));
    assert_eq!(parts(&stretch(None, None, 2, 3)), (vec![3, 2], vec![], vec![]), "nobody says what ran");
    assert_eq!(parts(&stretch(Some(&landed[3]), None, 2, 9)), (vec![3, 2], vec![], vec![4]));
    let whole = stretch(Some(&landed[3]), Some(&landed[0]), 3, 9);
    assert_eq!(parts(&whole), (vec![3, 2, 1], vec![3, 2, 1], vec![4]), "the deployment is older than the window");
    assert_eq!(whole.tip.as_ref(), Some(&landed[3]));
    let part = stretch(Some(&landed[4]), Some(&landed[3]), 1, 9);
    assert_eq!(parts(&part), (vec![4, 3, 2, 1], vec![4], vec![]), "the window is longer than the deployment");
    // What was deployed from a branch that was merged later holds what that branch was begun on.
    assert_eq!(parts(&stretch(Some(&side), None, 1, 9)), (vec![2, 1], vec![], vec![4, 3]));
    assert_eq!(parts(&stretch(Some(&landed[4]), Some(&landed[0]), 1, 2)).0, [2, 1], "nothing after the incident");
}

#[test]
fn versions_are_looked_up_by_id_and_by_tag() {
    let (sandbox, landed, _) = history();
    let repo = Repository::open(sandbox.path()).expect("it opens");
    let by_id = |id: &str| repo.commit_named(id).expect("an answer");
    assert_eq!(by_id(&landed[2].as_str()[..9]).as_ref(), Some(&landed[2]));
    assert_eq!(by_id("abcdef0123"), None);
    assert_eq!(by_id("HEAD"), None);
    assert_eq!(by_id("--all"), None);
    let holds = |commit: &CommitSha, hours| repo.holds_by(&landed[3], commit, at(hours)).expect("an answer");
    assert!(holds(&landed[2], 2) && !holds(&landed[2], 1), "nothing is read that came later");
    assert!(!holds(&landed[4], 9), "another branch holds it");
    let by_tag = |tag: &str| repo.commit_tagged(tag).expect("an answer");
    assert_eq!(by_tag("v1.0").as_ref(), Some(&landed[1]), "an annotated tag is not the commit itself");
    assert_eq!(by_tag("light").as_ref(), Some(&landed[0]));
    assert_eq!(by_tag("2.0"), None);
    assert_eq!(by_tag("a b\nHEAD"), None);
}
