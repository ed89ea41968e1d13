//! In which order landings are searched: the narrower a set that holds the cause, the fewer innocent ones are in it.
//!
//! What came with the last deployment before the incident is the likeliest, since something must have changed for it to begin. Where
//! nothing in there explains it, all landings of the hours before it are looked at, and then whoever wrote the lines it leads to.

use crate::model::diagnosis::{Age, Among, Fit, Searched};
use crate::model::evidence::Evidence;
use crate::model::ids::CommitSha;
use crate::model::landing::Landing;

/// The sets of landings that were read, narrowest first. The last one holds all of them.
pub fn of(evidence: &Evidence) -> Vec<(Among, Vec<&Landing>)> {
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

/// The way to a landing that a fault in the code leads to: all sets before the one that holds it were searched in vain.
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
