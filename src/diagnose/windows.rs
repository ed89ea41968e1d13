//! Which landings are searched, and how the way to what was found is told.
//!
//! Something must have changed for an incident to begin, most often what ran: so what came with the last deployment before it comes
//! first, however old, then all landings of the hours before it, and then whoever wrote the lines it leads to.

use std::collections::HashSet;

use crate::model::diagnosis::{Age, Among, Fit, Searched};
use crate::model::evidence::Evidence;
use crate::model::ids::CommitSha;
use crate::model::landing::Landing;

/// The sets of landings that were read, narrowest first. The last one holds all of them.
fn of(evidence: &Evidence) -> Vec<(Among, Vec<&Landing>)> {
    let all: Vec<&Landing> = evidence.landings.iter().collect();
    let came_with_it = |landing: &&&Landing| evidence.deployed.came_with_it(&landing.commit);
    let brought: Vec<&Landing> = all.iter().filter(came_with_it).copied().collect();
    if brought.is_empty() {
        vec![(Among::Window, all)]
    } else if brought.len() == all.len() {
        vec![(Among::Deployment, brought)]
    } else {
        vec![(Among::Deployment, brought), (Among::Window, all)]
    }
}

/// What is told of one set. The landings of the hours before the incident are counted as such, also those that were searched before.
pub fn told(evidence: &Evidence, among: Among, fit: Fit) -> Searched {
    let landings = match among {
        Among::Deployment => evidence.landings.iter().filter(|it| evidence.deployed.came_with_it(&it.commit)).count(),
        Among::Window => in_window(evidence),
        Among::Older => 0,
    };
    Searched { among, landings, fit }
}

/// How many landings lie in the hours before the incident.
pub fn in_window(evidence: &Evidence) -> usize {
    evidence.landings.iter().filter(|landing| evidence.window.holds(landing.committed_at)).count()
}

/// What was there where nobody is accused: `pointed` are the landings that something of the incident points at.
pub fn without_culprit(evidence: &Evidence, pointed: &HashSet<&CommitSha>) -> Vec<Searched> {
    let fit = |landings: &[&Landing]| match landings.iter().any(|landing| pointed.contains(&landing.commit)) {
        true => Fit::Touches,
        false => Fit::Nothing,
    };
    of(evidence).into_iter().map(|(among, landings)| told(evidence, among, fit(&landings))).collect()
}

/// The way to the landing at fault: all sets before the one that holds it were searched in vain.
pub fn way_to(evidence: &Evidence, commit: &CommitSha, age: Age) -> Vec<Searched> {
    let mut way = Vec::new();
    for (among, landings) in of(evidence) {
        let holds = landings.iter().any(|landing| landing.commit == *commit);
        way.push(told(evidence, among, if holds { Fit::Explains } else { Fit::Nothing }));
        if holds {
            return way;
        }
    }
    if age == Age::Existing {
        way.push(told(evidence, Among::Older, Fit::Explains));
    }
    way
}
