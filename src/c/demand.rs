//! A report of some files, for which no more of the tree is walked than it asks for.
//!
//! All files are read, since any of them may say what a name means. Walked are the functions of the reported files and
//! whatever they can reach through calls; then the report is made, and what it [asks](super::questions) of the rest is
//! walked as well, until it asks nothing new. Every function is walked with exactly what the walk of the whole tree would
//! know of its callees, so the findings are the same.

use super::domain::Via;
use super::ir::{Callee, Expr, Function, InstrKind};
use super::members::Scope;
use super::names::{Name, Set};
use super::program::{FunctionId, Program};
use super::questions::{Question, Questions};
use super::summary::{Effect, Summary};
use super::types::Owner;
use super::walk::HANDED_ON;
use super::{Analysis, Tree, report};
use rayon::prelude::*;
use std::collections::BTreeSet;

/// The findings and gaps of the files of `only`, the same as if all of `tree` were walked.
pub(super) fn analyze(mut tree: Tree, only: &[String]) -> Analysis {
    let mut demand = Demand::new(&tree, only);
    loop {
        demand.walk(&mut tree);
        tree.learn(Questions::open(), demand.scope());
        report::ask(&tree, only);
        if demand.takes(&tree) {
            continue;
        }
        // Only a repair that is tried shows what its verification asks for.
        let analysis = report::report(&tree, only);
        if !demand.takes(&tree) {
            return analysis;
        }
    }
}

/// What has to be walked, and why.
struct Demand {
    /// The functions that the walk of each function may want to know: those it calls, and those it names, since a
    /// pointer to them may be called.
    reach: Vec<Vec<FunctionId>>,
    /// What is named as a value somewhere: whoever calls through a pointer may call it.
    named: Set<Name>,
    wanted: Vec<bool>,
    /// Functions that are wanted from now on, before what they reach was added.
    new: Vec<FunctionId>,
    answered: BTreeSet<Question>,
    /// The unknown callees that were asked about.
    callees: Set<Name>,
    /// The walked functions that are known to tell their callers of such a callee.
    tellers: Set<FunctionId>,
    fields: Set<Name>,
    owners: Set<Owner>,
    /// Whether it was asked what all functions do: then members of every name count.
    everything: bool,
}

impl Demand {
    fn new(tree: &Tree, only: &[String]) -> Demand {
        let functions = &tree.program.functions;
        let is_reported = |function: &Function| only.contains(&tree.files[function.file.0 as usize].path);
        Demand {
            reach: functions.par_iter().map(|function| reach(&tree.program, function)).collect(),
            named: functions.iter().flat_map(values).collect(),
            wanted: vec![false; functions.len()],
            new: those(&tree.program, is_reported),
            answered: BTreeSet::new(),
            callees: Set::default(),
            tellers: Set::default(),
            fields: Set::default(),
            owners: Set::default(),
            everything: false,
        }
    }

    /// The members that have to be looked at.
    fn scope(&self) -> Scope<'_> {
        if self.everything { Scope::Tree } else { Scope::Part { fields: &self.fields, owners: &self.owners } }
    }

    /// Walks what is wanted, and the callers of what tells of a callee that was asked about.
    fn walk(&mut self, tree: &mut Tree) {
        while !self.new.is_empty() {
            while let Some(id) = self.new.pop() {
                if !std::mem::replace(&mut self.wanted[id.0 as usize], true) {
                    self.new.extend(&self.reach[id.0 as usize]);
                }
            }
            tree.walk(&self.wanted);
            self.new = self.callers_of_tellers(tree);
        }
    }

    /// Takes over what was asked; false if nothing is new.
    fn takes(&mut self, tree: &Tree) -> bool {
        let (mut callees, mut sources) = (Set::default(), Set::default());
        let asked = tree.evidence.questions.asked();
        let new: Vec<Question> = asked.difference(&self.answered).copied().collect();
        for question in &new {
            match *question {
                Question::Summary(id) => self.new.push(id),
                Question::Callee(name) => {
                    callees.insert(name);
                }
                Question::Source(name, part) if part < HANDED_ON => {
                    sources.insert(name);
                }
                Question::Field(name) => {
                    self.fields.insert(name);
                }
                Question::Releasers(owner) => {
                    self.owners.insert(owner);
                }
                Question::Source(..) | Question::Everything => self.everything = true,
            }
        }
        self.answered.extend(&new);
        if self.everything {
            self.new.extend((0..self.wanted.len() as u32).map(FunctionId));
        } else if !callees.is_empty() || !sources.is_empty() {
            let program = &tree.program;
            let by_pointer = callees.iter().any(|name| program.defines(*name) && self.named.contains(name));
            let calls = |function: &Function| {
                by_pointer && calls_through(function) || may_call(program, function, &callees, &sources)
            };
            self.new.extend(those(program, calls));
            self.callees.extend(callees);
            let callers = self.callers_of_tellers(tree);
            self.new.extend(callers);
        }
        !new.is_empty()
    }

    /// The callers of walked functions whose summaries tell of a callee that was asked about: they may see it act on
    /// their own objects.
    fn callers_of_tellers(&mut self, tree: &Tree) -> Vec<FunctionId> {
        if self.callees.is_empty() {
            return Vec::new();
        }
        let tells = |id: &FunctionId| {
            let summary = tree.summaries[id.0 as usize].get().and_then(Option::as_ref);
            summary.is_some_and(|summary| vias(summary).any(|via| self.callees.contains(&via.callee)))
        };
        let all = (0..self.wanted.len() as u32).map(FunctionId);
        let new: Set<FunctionId> = all.filter(|id| !self.tellers.contains(id) && tells(id)).collect();
        if new.is_empty() {
            return Vec::new();
        }
        self.tellers.extend(&new);
        let by_pointer = new.iter().any(|id| self.named.contains(&tree.program.functions[id.0 as usize].name));
        let mut callers = if by_pointer { those(&tree.program, calls_through) } else { Vec::new() };
        let reaches = |id: &FunctionId| self.reach[id.0 as usize].iter().any(|callee| new.contains(callee));
        callers.extend((0..self.wanted.len() as u32).map(FunctionId).filter(reaches));
        callers
    }
}

fn those(program: &Program, wanted: impl Fn(&Function) -> bool + Sync) -> Vec<FunctionId> {
    let all = program.functions.par_iter().enumerate().filter(|(_, function)| wanted(function));
    all.map(|(number, _)| FunctionId(number as u32)).collect()
}

/// The functions whose summaries the walk of a function may ask for.
fn reach(program: &Program, function: &Function) -> Vec<FunctionId> {
    let mut found = program.callees(function);
    for callee in callees(function) {
        if let Callee::Named(name) = callee.0
            && let Some(target) = program.target_of(name)
        {
            found.extend(program.resolve(target, function.file));
        }
    }
    // Another file may give the same name to a function of its own.
    found.extend(values(function).flat_map(|name| program.bodies(name)));
    found.sort();
    found.dedup();
    found
}

/// The names of file or program scope that a function uses as values.
fn values(function: &Function) -> impl Iterator<Item = Name> {
    function.exprs.iter().filter_map(|expr| match expr {
        Expr::Global(name) => Some(*name),
        _ => None,
    })
}

/// What a function calls, and how that is spelled.
fn callees(function: &Function) -> impl Iterator<Item = (Callee, Name)> {
    function.instrs().filter_map(|instr| match &instr.kind {
        InstrKind::Call { callee, spelled, .. } => Some((*callee, *spelled)),
        _ => None,
    })
}

fn calls_through(function: &Function) -> bool {
    callees(function).any(|(callee, _)| matches!(callee, Callee::Through(_)))
}

/// Whether a function may call one of `named`, as the walk names callees, or spells a call as one of `spelled`.
fn may_call(program: &Program, function: &Function, named: &Set<Name>, spelled: &Set<Name>) -> bool {
    callees(function).any(|(callee, word)| {
        let is_named = match callee {
            Callee::Named(name) => {
                named.contains(&name) || program.target_of(name).is_some_and(|target| named.contains(&target))
            }
            Callee::Through(expr) => {
                let target = program.pointer_target(function, expr);
                named.contains(&word) || target.is_some_and(|target| named.contains(&target))
            }
        };
        is_named || spelled.contains(&word)
    })
}

/// The unknown callees that a summary tells of.
fn vias(summary: &Summary) -> impl Iterator<Item = &Via> {
    summary.outcomes.iter().flat_map(|outcome| {
        let escapes = outcome.effects.iter().filter_map(|effect| match effect {
            Effect::Escape(_, seen_by) => Some(seen_by),
            _ => None,
        });
        escapes.chain(outcome.fresh.iter().map(|fresh| &fresh.seen_by)).flatten()
    })
}
