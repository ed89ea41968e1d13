//! What the tree as a whole teaches: which unknown callees leave an object alone, and what releases what.

use super::domain::Via;
use super::knowledge::{sounds_like_keeping, sounds_like_release};
use super::names::{Map, Name};
use super::program::Program;
use super::questions::{Question, Questions};
use super::walk::Walked;
use std::collections::BTreeMap;

/// So many functions that lose what one source gives, and so many times as many as release it, say more of how well the
/// source is understood than of the functions.
const MANY_LOSSES: u32 = 12;
const LOST_TO_RELEASED: u32 = 5;

/// What was seen of one kind of acquisition.
#[derive(Debug, Default, Clone)]
struct Pair {
    /// Acquisitions that were released, by how.
    released: BTreeMap<How, u32>,
    /// Acquisitions that were lost and never released in their function.
    lost: u32,
}

/// How something is released: by which function and, where that takes the address of a structure around it, through
/// which members.
pub type How = (Name, Vec<Name>);

/// How often something was seen.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    released: u32,
    lost: u32,
}

/// What the tree teaches.
#[derive(Debug, Default)]
pub struct Evidence {
    vias: Map<Via2, Seen>,
    pairs: Map<(Name, u16), Pair>,
    /// What was asked of the tree while only a part of it was walked.
    pub questions: Questions,
}

/// A [`Via`] as a key.
type Via2 = (Name, u16);

impl Evidence {
    /// Collects the evidence of all walks; their order does not matter.
    pub fn collect<'a>(walks: impl Iterator<Item = &'a Walked>, questions: Questions) -> Evidence {
        let mut evidence = Evidence { questions, ..Evidence::default() };
        for walked in walks {
            evidence.note_vias(walked);
            evidence.note_pairs(walked);
        }
        evidence
    }

    fn note_vias(&mut self, walked: &Walked) {
        let mut released: Vec<Via> = walked.releases.iter().flat_map(|seen| seen.seen_by.iter().copied()).collect();
        let mut lost: Vec<Via> = walked.losses.iter().flat_map(|found| found.loss.seen_by.iter().copied()).collect();
        for list in [&mut released, &mut lost] {
            list.sort();
            list.dedup();
        }
        for via in released {
            self.vias.entry((via.callee, via.argument)).or_default().released += 1;
        }
        for via in lost {
            self.vias.entry((via.callee, via.argument)).or_default().lost += 1;
        }
    }

    fn note_pairs(&mut self, walked: &Walked) {
        for (number, site) in walked.sites.iter().enumerate() {
            let pair = self.pairs.entry((site.source, site.part)).or_default();
            let own = walked.releases.iter().filter(|seen| seen.site == number as u32);
            let mut by: Vec<How> = own.map(|seen| (seen.by, seen.members.clone())).collect();
            by.sort();
            by.dedup();
            if by.is_empty() {
                pair.lost += u32::from(
                    walked.losses.iter().any(|found| found.loss.site == number as u32 && found.loss.seen_by.is_empty()),
                );
            }
            for how in by {
                *pair.released.entry(how).or_default() += 1;
            }
        }
    }

    /// Whether an unknown callee evidently leaves what it is handed alone: objects are released after the call, and
    /// more often than they are left.
    pub fn borrows(&self, program: &Program, via: Via) -> bool {
        if sounds_like_release(program.text(via.callee)) {
            return false;
        }
        self.questions.ask(Question::Callee(via.callee));
        let seen = self.vias.get(&(via.callee, via.argument)).copied().unwrap_or_default();
        if via.argument > 0 && sounds_like_keeping(program.text(via.callee)) {
            // `list_append(list, item)`: some callers release the item because it failed, or take it out again. What a member
            // leads to (`class->send(self, item)`) is not even one function.
            let is_member = program.members.contains(&via.callee) && !program.defines(via.callee);
            let is_left_alone = program.takes_const(via.callee, u32::from(via.argument))
                || seen.released >= 3 && seen.released >= seen.lost * 4;
            return is_left_alone && !is_member;
        }
        seen.released >= 1 && seen.released * 2 >= seen.lost
            || seen.lost <= 3 && program.leaves_alone(via.callee, u32::from(via.argument))
    }

    /// Whether what `source` gives is lost nearly everywhere: then it is not understood what becomes of it.
    pub fn is_lost_everywhere(&self, source: Name, part: u16) -> bool {
        self.questions.ask(Question::Source(source, part));
        self.pairs.get(&(source, part)).is_some_and(|pair| {
            let released: u32 = pair.released.values().sum();
            pair.lost >= MANY_LOSSES && pair.lost >= released * LOST_TO_RELEASED
        })
    }

    /// How what `source` gives is most often released, and how often that and a loss were seen.
    pub fn release_of(&self, source: Name, part: u16) -> Option<(&How, u32, u32)> {
        self.questions.ask(Question::Source(source, part));
        let pair = self.pairs.get(&(source, part))?;
        let total = pair.released.values().sum();
        let (how, _) = pair.released.iter().max_by_key(|(how, count)| (**count, std::cmp::Reverse(*how)))?;
        Some((how, total, pair.lost))
    }
}
