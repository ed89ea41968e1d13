//! Proofs that are really run: the fault and the fix, patches of people who mean harm, and the proof in the whole flow. What
//! depends on it is tried on every level of isolation; a level that this machine or this user cannot have is counted as ignored, with the reason.

use std::sync::RwLock;

use libtest_mimic::{Arguments, Trial};

#[path = "prove/flow.rs"]
mod flow;
#[allow(dead_code, reason = "the suite of the front door uses the rest")]
#[path = "respond/support.rs"]
mod front_door;
#[path = "prove/hostile.rs"]
mod hostile;
#[path = "prove/leaks.rs"]
mod leaks;
#[path = "prove/support.rs"]
mod support;

use support::{LEVELS, Level, may_be_had};

/// What a proof is tried with, by name.
type Case = (&'static str, fn(Level));

/// Cases that take all processors or all processes that there are. Beside them another case would measure them, not itself.
const ALONE: [&str; 2] = ["a_patch_that_spins_is_worse", "forking_without_end_is_stopped"];

/// Held by every case, and by those that run alone against all others.
static MACHINE: RwLock<()> = RwLock::new(());

fn tried(name: &str, case: fn(Level), level: Level) {
    // A case that failed leaves nothing behind that another could not bear.
    if ALONE.contains(&name) {
        let _alone = MACHINE.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        case(level);
    } else {
        let _beside_others = MACHINE.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        case(level);
    }
}

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = [leaks::trials(), flow::trials()].into_iter().flatten().collect::<Vec<_>>();
    for level in LEVELS {
        let reason = may_be_had(level).err();
        for (name, case) in [leaks::CASES, hostile::CASES].concat() {
            let shown = format!("{name}::{level:?}");
            trials.push(match &reason {
                None => Trial::test(shown, move || {
                    tried(name, case, level);
                    Ok(())
                }),
                Some(why) => Trial::test(shown, || Ok(())).with_kind(format!("skipped: {why}")).with_ignored_flag(true),
            });
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}
