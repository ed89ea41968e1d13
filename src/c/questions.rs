//! What a report asks of the tree beyond the files that it is about.
//!
//! Where some files alone are reported, the tree is walked by demand: a report that was made with too little knowledge
//! leaves its questions behind, the demand has what they need walked, and the report is made again. Its
//! answer is the whole tree's as soon as it asks nothing new.

use super::names::Name;
use super::program::FunctionId;
use super::types::Owner;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Something that only functions outside the reported files can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// What does a call of this function do?
    Summary(FunctionId),
    /// What becomes of objects that this unknown callee has seen?
    Callee(Name),
    /// What releases that output of this function?
    Source(Name, u16),
    /// What is done with members of this name?
    Field(Name),
    /// Who releases structures of this kind?
    Releasers(Owner),
    /// What do all functions do?
    Everything,
}

/// The questions asked so far.
#[derive(Debug, Default)]
pub enum Questions {
    /// The whole tree was walked: every answer is at hand, and nobody takes notes.
    #[default]
    Answered,
    /// A part of it was.
    Open(Mutex<BTreeSet<Question>>),
}

impl Questions {
    /// A list without questions yet.
    pub fn open() -> Questions {
        Questions::Open(Mutex::default())
    }

    /// Notes a question.
    pub fn ask(&self, question: Question) {
        if let Questions::Open(asked) = self {
            // A thread that panicked while it noted a question left the set as it was before.
            asked.lock().unwrap_or_else(PoisonError::into_inner).insert(question);
        }
    }

    /// Whether a part of the tree was walked only.
    pub fn are_open(&self) -> bool {
        matches!(self, Questions::Open(_))
    }

    /// What was asked.
    pub fn asked(&self) -> BTreeSet<Question> {
        match self {
            Questions::Answered => BTreeSet::new(),
            Questions::Open(asked) => asked.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}
