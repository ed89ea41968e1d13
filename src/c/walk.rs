//! Walking the paths of one function.
//!
//! Blocks are visited in reverse postorder with all the views that reach them, so that equal views become one before
//! they are walked on. Loops are walked a few times exactly and then once with everything they change unknown. Every
//! bound is a constant here; where the budget of steps ends, the function is left with a gap and no summary.
//!
//! The rooms: `flow` knows the graph (order, loops, liveness), `memory` reads and writes places, `conditions` learns
//! from branches, `calls` decides what a call does, `apply` plays a summary and `compared` holds its outcomes against
//! each other, `unknown` is for calls without either, `release` keeps the owners, `finish` turns the end of a path into
//! an outcome and losses.

mod apply;
mod blurred;
mod calls;
mod compared;
mod conditions;
mod contents;
mod copies;
mod elements;
mod finish;
mod flow;
mod focus;
mod guards;
mod holders;
mod inside;
mod join;
mod links;
mod memory;
mod release;
mod unknown;
mod unsettled;

use super::domain::{Arena, Loss, State, SymbolId, Trace, Value, Via};
use super::ir::{BlockId, Function, InstrKind, Terminator, VarId};
use super::names::{Map, Name, Set};
use super::program::{FunctionId, Order, Program};
use super::questions::{Question, Questions};
use super::summary::{self, Outcome, Summary};
use super::syntax::Span;
use flow::Flow;
use focus::Focus;
use join::{COARSE, FINE, Grain, STRICT};
use release::Victim;
use std::sync::OnceLock;

/// Steps walked in one function.
const MAX_STEPS: u32 = 40_000;
/// So many entries of a view take the time of one more step.
const ENTRIES_OF_A_STEP: usize = 200;
/// Regions and symbols of one function.
const MAX_ARENA: usize = 50_000;
/// Decisions told of one path.
const MAX_TRACE: usize = 16;

/// The summaries of the tree, as the walk of one function may see them.
#[derive(Clone, Copy)]
pub struct Summaries<'a> {
    /// By function; unset where a function was not walked.
    pub cells: &'a [OnceLock<Option<Summary>>],
    /// The function that is walked and the order of all; `None` once the tree was walked, when everything is known.
    pub from: Option<(FunctionId, &'a Order)>,
    /// What is asked of functions that were not walked.
    pub questions: &'a Questions,
}

impl<'a> Summaries<'a> {
    /// What a call does, if it is known and simple enough.
    pub fn get(self, callee: FunctionId) -> Option<&'a Summary> {
        let cell = self.cells.get(callee.0 as usize)?;
        match self.from {
            Some((caller, order)) if !order.is_before(callee, caller) => return None,
            Some(_) => {}
            None if cell.get().is_none() => self.questions.ask(Question::Summary(callee)),
            None => {}
        }
        cell.get()?.as_ref()
    }
}

/// From this number on, an output hangs below another one, and the function called has not made it itself.
pub const HANDED_ON: u16 = 200;

/// Where an object was acquired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The call.
    pub span: Span,
    /// The function called, as it is spelled in the file.
    pub source: Name,
    /// Which of its outputs: 0 the result, else the number of the argument plus 1; from [`HANDED_ON`] what hangs below
    /// another.
    pub part: u16,
    /// What the function called got it from, where it did not make it itself.
    pub maker: Option<Name>,
    /// What releases its kind; `None` if it is only a guess that it must be released.
    pub release: Option<Name>,
    /// Whether unwritten memory in it is zero.
    pub zeroed: bool,
}

/// A loss, and how the path came to it.
#[derive(Debug, Clone)]
pub struct FoundLoss {
    /// The loss.
    pub loss: Loss,
    /// The decisions before it, first first.
    pub steps: Vec<(Span, bool)>,
}

/// Something wrong with a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultKind {
    /// Released twice.
    DoubleRelease,
    /// Used after its release.
    UseAfterRelease,
    /// Released though it is not on the heap.
    WrongRelease,
    /// A pointer is used that is null on this path.
    NullUse,
}

/// Something wrong, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fault {
    /// What.
    pub kind: FaultKind,
    /// Where.
    pub span: Span,
    /// The acquisition of the memory, where the function acquired it.
    pub site: Option<u32>,
    /// Where the memory was released before.
    pub released: Option<Span>,
}

/// A release that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRelease {
    /// The acquisition.
    pub site: u32,
    /// The releasing function, as it is spelled in the file.
    pub by: Name,
    /// The members that lead from the structure whose address the releasing function takes to what it releases; none
    /// where it takes the pointer itself, or its address.
    pub members: Vec<Name>,
    /// Where.
    pub span: Span,
    /// Unknown callees that saw the object before: they evidently did not keep it.
    pub seen_by: Vec<Via>,
}

/// What the walk of one function found.
#[derive(Debug, Default)]
pub struct Walked {
    /// The summary; `None` if the function is too complex to have one.
    pub summary: Option<Summary>,
    /// Acquisitions.
    pub sites: Vec<Site>,
    /// Losses.
    pub losses: Vec<FoundLoss>,
    /// Releases of what was acquired here.
    pub releases: Vec<SeenRelease>,
    /// Faults.
    pub faults: Vec<Fault>,
    /// Releases of what is not, on every path, this function's to release.
    pub doubtful: Set<Span>,
    /// Releases of what is, on some path, only likely to be this function's: an acquisition that gives other things too.
    pub likely: Set<Span>,
    /// Calls that some path does not come back from.
    pub stuck: Set<Span>,
    /// Blocks that no path comes to, as far as conditions are understood.
    pub unreached: Vec<BlockId>,
    /// Whether a bound was hit.
    pub exhausted: bool,
    /// Whether some paths were left out.
    pub is_partial: bool,
    /// Whether paths were told apart by less than in most functions.
    pub is_coarse: bool,
    /// How long it took.
    steps: u32,
}

impl Walked {
    /// Whether all paths were seen.
    pub fn is_whole(&self) -> bool {
        !self.exhausted && !self.is_partial
    }
}

/// What the name of an unknown callee sounds like.
#[derive(Debug, Clone, Copy)]
struct Manner {
    releases: bool,
    keeps: bool,
}

/// The walk of one function.
pub(super) struct Walk<'a> {
    grain: Grain,
    focus: Focus,
    /// Steps that it may take.
    budget: u32,
    program: &'a Program,
    summaries: Summaries<'a>,
    function: &'a Function,
    flow: &'a Flow,
    guards: &'a guards::Guards,
    arena: Arena,
    /// Values that are null, or what a loop gives the place: the loop's first rounds show what that is.
    repeated: Set<SymbolId>,
    /// Those of them whose place is a variable that is a pointer by its declaration, and no number.
    unfilled: Set<SymbolId>,
    /// Values that are not known, and that an acquisition gave the place, or may have given.
    kin: Set<SymbolId>,
    sites: Vec<Site>,
    site_ids: Map<(u32, u16), u32>,
    /// The instructions that acquire something.
    acquiring: Set<u32>,
    /// Every loss that some view has noted.
    noted: Vec<Loss>,
    /// Those of them whose path has come to an ordinary end.
    losses: Vec<FoundLoss>,
    told: Set<u32>,
    releases: Vec<SeenRelease>,
    /// What went wrong, and at which instruction.
    faults: Set<(FaultKind, u32, Victim)>,
    doubtful: Set<Span>,
    likely: Set<Span>,
    stuck: Set<Span>,
    /// The blocks that some path comes to.
    come_to: Set<BlockId>,
    outcomes: Vec<Outcome>,
    /// The temporaries that a reallocation filled.
    reallocated: Set<VarId>,
    /// Values that are not known any more, and what the caller passed in that each may be.
    joined: Map<SymbolId, Vec<SymbolId>>,
    /// What the names of unknown callees sound like.
    manners: Map<Name, Manner>,
    steps: u32,
    /// Whether some paths were left out.
    is_partial: bool,
    /// The number of the instruction being walked.
    at: u32,
}

/// Walks all paths of a function; where there are too many, it tells them apart by less.
pub fn walk(program: &Program, summaries: Summaries, function: &Function) -> Walked {
    walk_known(false, program, summaries, function)
}

/// Walks a function again that was changed a little: as it was walked before.
pub fn walk_like(before: &Walked, program: &Program, summaries: Summaries, function: &Function) -> Walked {
    walk_known(before.is_coarse, program, summaries, function)
}

/// Walks a function that is known, or not, to have too many paths for all of them to be told apart.
fn walk_known(has_many: bool, program: &Program, summaries: Summaries, function: &Function) -> Walked {
    let flow = Flow::of(program, function);
    let guards = guards::guards(program, function, &flow);
    let walk = |grain| walk_with((grain, Focus::Everything, MAX_STEPS), program, summaries, function, (&flow, &guards));
    if !has_many {
        let strict = walk(STRICT);
        if strict.is_whole() {
            return strict;
        }
    }
    let coarse = walk(COARSE);
    if coarse.is_whole() {
        return coarse;
    }
    let fine = walk(FINE);
    let mut found = if coarse.exhausted || coarse.is_partial && !fine.exhausted { fine } else { coarse };
    focus::look_closer(&mut found, program, summaries, function, (&flow, &guards));
    found
}

fn walk_with<'a>(
    (grain, focus, budget): (Grain, Focus, u32),
    program: &'a Program,
    summaries: Summaries<'a>,
    function: &'a Function,
    (flow, guards): (&'a Flow, &'a guards::Guards),
) -> Walked {
    let mut walk = Walk {
        grain,
        focus,
        budget,
        program,
        summaries,
        function,
        flow,
        guards,
        arena: Arena::default(),
        repeated: Set::default(),
        unfilled: Set::default(),
        kin: Set::default(),
        sites: Vec::new(),
        site_ids: Map::default(),
        acquiring: Set::default(),
        noted: Vec::new(),
        losses: Vec::new(),
        told: Set::default(),
        releases: Vec::new(),
        faults: Set::default(),
        doubtful: Set::default(),
        likely: Set::default(),
        stuck: Set::default(),
        come_to: Set::default(),
        outcomes: Vec::new(),
        reallocated: Set::default(),
        joined: Map::default(),
        manners: Map::default(),
        steps: 0,
        is_partial: false,
        at: 0,
    };
    walk.run();
    let exhausted = walk.exhausted();
    let faults = walk.faults_in_order();
    let mut outcomes = walk.conclude();
    if function.gives_pointer {
        summary::tell_failures_apart(&mut outcomes);
    }
    let summary = match (exhausted, walk.is_partial) {
        // Who has an eye on one acquisition alone has not seen what the function does.
        _ if focus != Focus::Everything => None,
        (true, _) => None,
        (false, true) => Summary::condense_some(outcomes),
        (false, false) => Summary::condense(outcomes),
    };
    let unreached = flow.order.iter().filter(|block| !walk.come_to.contains(block)).copied().collect();
    let Walk { sites, losses, releases, doubtful, likely, stuck, is_partial, steps, .. } = walk;
    let is_coarse = grain.is_coarse;
    Walked {
        summary,
        sites,
        losses,
        releases,
        faults,
        doubtful,
        likely,
        stuck,
        unreached,
        exhausted,
        is_partial,
        is_coarse,
        steps,
    }
}

/// Whether a value is null.
fn is_null(view: &State, value: Value) -> bool {
    match value {
        Value::Int(number) => number == 0,
        Value::Symbol(symbol) => view.fact(symbol).value() == Some(0),
        _ => false,
    }
}

/// Puts a symbol into a set, or takes it out: it stands for another value from now on.
fn mark(set: &mut Set<SymbolId>, symbol: SymbolId, is_in: bool) {
    if is_in {
        set.insert(symbol);
    } else {
        set.remove(&symbol);
    }
}

/// A step takes the time of its view: a large one counts as several.
fn steps_for(view: &State) -> u32 {
    1 + ((view.store.len() + view.objects.len() + view.facts.len()) / ENTRIES_OF_A_STEP) as u32
}

impl Walk<'_> {
    fn exhausted(&self) -> bool {
        self.steps > self.budget || self.arena.size() > MAX_ARENA || self.is_partial && self.grain.is_strict
    }

    fn run(&mut self) {
        let mut waiting: Vec<Vec<State>> = vec![Vec::new(); self.flow.order.len()];
        if let Some(first) = waiting.first_mut() {
            first.push(State::default());
        }
        // Always the earliest block in the order that has views waiting.
        let mut next = 0;
        while next < waiting.len() {
            if waiting[next].is_empty() {
                next += 1;
                continue;
            }
            let views = std::mem::take(&mut waiting[next]);
            let block = self.flow.order[next];
            let mut reached = Vec::new();
            for view in self.condense(views, block) {
                if self.exhausted() {
                    return;
                }
                self.block(view, block, &mut reached);
            }
            next += 1;
            for (to, view) in reached {
                if let Some(position) = self.flow.position(to) {
                    waiting[position].push(view);
                    next = next.min(position);
                }
            }
        }
    }

    /// Walks one view through a block; `reached` takes what comes out.
    fn block(&mut self, mut view: State, id: BlockId, reached: &mut Vec<(BlockId, State)>) {
        if let Some(arrivals) = self.arrive(&mut view, id) {
            // A loop within a loop is walked exactly once only: the outer one multiplies it. Once it must be, since only
            // whoever comes back to the head takes along what its body did.
            let exact = if view.loops.len() > 1 { 1 } else { self.grain.arrivals };
            if arrivals > exact + 1 {
                self.flush(&view);
                return;
            }
            if arrivals > exact {
                self.widen(&mut view, id);
            }
        }
        self.come_to.insert(id);
        let function = self.function;
        let Some(block) = function.blocks.get(id.0 as usize) else { return };
        // Two lists that change places: most instructions turn one view into one.
        let (mut views, mut after) = (vec![view], Vec::new());
        for (offset, instr) in block.instrs.iter().enumerate() {
            self.at = self.flow.first_instr(id) + offset as u32;
            for view in views.drain(..) {
                self.steps += steps_for(&view);
                self.instr(view, &instr.kind, instr.span, &mut after);
            }
            std::mem::swap(&mut views, &mut after);
            views = self.reduce(views, id);
            if self.exhausted() {
                return;
            }
        }
        self.at = self.flow.first_instr(id) + block.instrs.len() as u32;
        for view in views {
            self.steps += steps_for(&view);
            self.terminator(view, id, &block.end, reached);
        }
    }

    fn instr(&mut self, mut view: State, kind: &InstrKind, span: Span, after: &mut Vec<State>) {
        match kind {
            InstrKind::Assign { to, from } => self.assign(&mut view, *to, *from, span),
            InstrKind::Call { into, callee, spelled, args } => {
                return self.call(view, *into, *callee, *spelled, args, span, after);
            }
            InstrKind::Use(expr) => {
                let value = self.eval(&mut view, *expr);
                self.check_released(&view, value);
                self.consume(&mut view, *expr);
            }
            InstrKind::Declare(var) => self.declare(&mut view, *var),
            InstrKind::Leave(vars) => self.leave(&mut view, vars, span),
            InstrKind::Blind(places) => self.blind(&mut view, places),
        }
        after.push(view);
    }

    fn terminator(&mut self, mut view: State, id: BlockId, end: &Terminator, reached: &mut Vec<(BlockId, State)>) {
        match end {
            Terminator::Goto(to) => reached.push((*to, view)),
            Terminator::Branch { span, condition, then, otherwise } => {
                let value = self.eval(&mut view, *condition);
                self.consume_within(&mut view, *condition);
                let mut other = view.clone();
                if self.assume(&mut view, value, true) {
                    view.step(*span, true);
                    self.pass_guard(&mut view, id, true);
                    self.pass_loop(&mut view, id, *then);
                    reached.push((*then, view));
                }
                if self.assume(&mut other, value, false) {
                    other.step(*span, false);
                    self.pass_guard(&mut other, id, false);
                    self.pass_loop(&mut other, id, *otherwise);
                    reached.push((*otherwise, other));
                }
            }
            Terminator::Switch { span, value, cases, default } => {
                let value = self.eval(&mut view, *value);
                for (case, to) in cases {
                    let mut taken = view.clone();
                    match case {
                        Some(case) => {
                            let case = self.eval(&mut taken, *case);
                            let possible =
                                self.assume_compare(&mut taken, super::ir::BinaryOp::Equal, value, case, true);
                            if possible {
                                taken.step(*span, true);
                                reached.push((*to, taken));
                            }
                            if !self.assume_compare(&mut view, super::ir::BinaryOp::Equal, value, case, false) {
                                return;
                            }
                        }
                        None => {
                            taken.step(*span, true);
                            reached.push((*to, taken));
                        }
                    }
                }
                view.step(*span, false);
                reached.push((*default, view));
            }
            Terminator::Any(all) => {
                for to in all {
                    reached.push((*to, view.clone()));
                }
            }
            Terminator::Return { span, value } => self.hand_back(view, *span, *value),
            Terminator::Unreachable => {}
        }
    }

    /// A branch is left on the side that goes around a release: nothing is said of what would be released there.
    fn pass_guard(&mut self, view: &mut State, branch: BlockId, taken: bool) {
        let Some(vars) = self.guards.get(&(branch, taken)).cloned() else { return };
        self.let_go(view, &vars);
    }

    /// Nothing is said any more of what variables hold.
    pub(super) fn let_go(&mut self, view: &mut State, vars: &[VarId]) {
        for var in vars {
            let region = self.arena.region(super::domain::Region::Var(*var));
            let value = self.load(view, region);
            if self.leads_to_held(view, value) {
                self.share(view, value);
            }
        }
    }

    /// The steps of a trace, first first, the last [`MAX_TRACE`] of them.
    fn steps_of(trace: &Trace) -> Vec<(Span, bool)> {
        let mut steps = Vec::new();
        let mut at = trace.as_ref();
        while let Some(step) = at {
            if steps.len() == MAX_TRACE {
                break;
            }
            steps.push((step.span, step.taken));
            at = step.before.as_ref();
        }
        steps.reverse();
        steps
    }
}
