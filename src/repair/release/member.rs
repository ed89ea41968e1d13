//! The release of a member that a destructor forgets: beside those of its siblings.

use super::layout::{Layout, Statement};
use super::{Proposal, descriptor, fix, reach, takes_one};
use crate::c::Tree as SourceTree;
use crate::c::destructors::Forgotten;
use crate::c::ir::Function;
use crate::c::names::Name;
use crate::c::program::FunctionId;
use crate::c::report::{FileView, Fix};
use crate::c::syntax::{Kind, Role, Span};
use crate::model::edit::Edit;
use crate::repair::verify::{self, Before};

/// A fix, or why there is none. `holder` leads to the structure, `place` is the member.
pub(crate) fn repair(
    tree: &SourceTree,
    view: &FileView,
    (id, before): (FunctionId, &Before),
    forgotten: &Forgotten,
    releaser: Name,
    (holder, place): (&str, &str),
) -> Result<Fix, String> {
    let function = tree.program.functions.get(id.0 as usize).ok_or("the function is gone")?;
    reach::callable(tree, view, releaser)?;
    descriptor::is_no_member(tree, forgotten.gift.source)?;
    if !takes_one(tree, view, releaser) {
        return Err(format!("`{}` takes more than the pointer", tree.program.text(releaser)));
    }
    let layout = Layout::new(view, function.span);
    let bench = Bench { tree, view, layout: &layout, function: function.span, forgotten, releaser, holder, place };
    let mut reason = "there is no statement beside which it could be released".to_owned();
    for proposal in bench.proposals() {
        if !bench.exists_everywhere(&proposal.edits) {
            return Err("the preprocessor's conditions leave it out in some configuration".to_owned());
        }
        match verify::accept_member(tree, view, before, forgotten, &proposal.edits) {
            Ok(()) => {
                return fix(view, proposal);
            }
            Err(why) => reason = why,
        }
    }
    Err(reason)
}

struct Bench<'a> {
    tree: &'a SourceTree,
    view: &'a FileView<'a>,
    layout: &'a Layout<'a>,
    /// The destructor.
    function: Span,
    forgotten: &'a Forgotten,
    releaser: Name,
    holder: &'a str,
    place: &'a str,
}

impl Bench<'_> {
    fn proposals(&self) -> Vec<Proposal> {
        let beside = self.beside_the_last_sibling();
        beside.into_iter().chain(self.before_the_end()).collect()
    }

    /// Whether each edit stands under the conditions under which the member is given its memory: in other configurations there
    /// may be no such member.
    fn exists_everywhere(&self, edits: &[Edit]) -> bool {
        let (gift, own) = (self.forgotten.gift, self.function);
        let given_under = |giver: &Function| {
            let text = self.tree.files.get(giver.file.0 as usize)?.text.get(giver.span.start as usize..)?;
            Some(reach::directives(text, (gift.span.start - giver.span.start) as usize))
        };
        let giver = self.tree.program.functions.get(gift.function.0 as usize);
        let Some(given_under) = giver.and_then(given_under) else { return false };
        let text = self.view.text.get(own.start as usize..).unwrap_or("");
        edits.iter().all(|edit| {
            let here = reach::directives(text, edit.start - own.start as usize);
            given_under.iter().all(|directive| here.contains(directive))
        })
    }

    fn why(&self, place: &str) -> String {
        let name = self.tree.program.text(self.releaser);
        format!("`{name}` is called {place}, where nothing else leads to the memory any more")
    }

    /// After the last statement in the block of the structure's own release that releases a sibling.
    fn beside_the_last_sibling(&self) -> Option<Proposal> {
        let syntax = &self.view.syntax;
        let dies = self.statement(self.forgotten.dies)?;
        // A function that only empties the structure does so in its own block, also where the last release has a
        // condition.
        let empties = self.forgotten.siblings.iter().any(|sibling| sibling.span == self.forgotten.dies);
        let block = if empties { self.body()? } else { self.block_of(dies)? };
        let siblings = self.forgotten.siblings.iter().map(|sibling| sibling.span);
        let before = siblings.filter(|span| span.start <= self.forgotten.dies.start);
        let statements =
            before.filter_map(|span| syntax.children(block).find(|at| syntax.node(*at).span.contains(span)));
        let last = statements.max_by_key(|at| syntax.node(*at).span.start)?;
        let node = syntax.node(last);
        // After the statement that releases the structure it is too late.
        if node.span == dies && !empties {
            return None;
        }
        let statement = self.release(self.is_dereferenced_before(node.span.end));
        let edits = self.layout.after(node.span, &[statement])?;
        Some(Proposal {
            edits,
            why: self.why("beside the releases of the other members"),
            initialises: false,
            probe: None,
        })
    }

    /// Right before the structure is released.
    fn before_the_end(&self) -> Option<Proposal> {
        let dies = self.statement(self.forgotten.dies)?;
        let statement = self.release(self.is_dereferenced_before(dies.start));
        let edits = self.layout.before(dies.start, &[statement])?;
        Some(Proposal { edits, why: self.why("before the structure is released"), initialises: false, probe: None })
    }

    fn statement(&self, span: Span) -> Option<Span> {
        self.layout.statement(span)
    }

    fn block_of(&self, statement: Span) -> Option<u32> {
        let syntax = &self.view.syntax;
        syntax.path_to(statement).into_iter().rev().find(|at| {
            let node = syntax.node(*at);
            node.kind == Kind::CompoundStatement && node.span != statement
        })
    }

    fn body(&self) -> Option<u32> {
        let syntax = &self.view.syntax;
        let path = syntax.path_to(self.forgotten.dies);
        let function = path.iter().position(|at| syntax.node(*at).kind == Kind::FunctionDefinition)?;
        path.get(function..)?.iter().copied().find(|at| syntax.node(*at).kind == Kind::CompoundStatement)
    }

    /// Whether the function reads through the holder before a place anyway, so that it cannot be null there. What it reads
    /// only where it asked for the holder says the opposite.
    fn is_dereferenced_before(&self, end: u32) -> bool {
        let syntax = &self.view.syntax;
        let path = syntax.path_to(Span { start: end.saturating_sub(1), end });
        let Some(block) = path.into_iter().rev().find(|at| syntax.node(*at).kind == Kind::CompoundStatement) else {
            return false;
        };
        let arrow = format!("{}->", self.holder);
        let asks = |statement: u32| {
            let condition = syntax.child(statement, Role::Condition).map_or("", |condition| syntax.slice(condition));
            syntax.node(statement).kind == Kind::IfStatement
                && reach::has_word(&condition.replace(&arrow, ""), self.holder)
        };
        let before = syntax.children(block).filter(|at| syntax.node(*at).span.end <= end);
        let mut before = before.map(|at| (asks(at), syntax.slice(at)));
        let is_refused = |text: &str| text.contains(&format!("if (!{})", self.holder));
        before.any(|(asks, text)| text.contains(&arrow) && !asks || is_refused(text))
    }

    /// The release, guarded where it might be handed null that it does not take.
    fn release(&self, holder_is_set: bool) -> Statement {
        let name = self.tree.program.text(self.releaser);
        let by_address = self.forgotten.by_address || super::takes_address(self.tree, self.view, self.releaser);
        let address = if by_address { "&" } else { "" };
        let cast = if self.is_const() { "(void *)" } else { "" };
        let call = super::spelled_call(self.view.text, name, &format!("{cast}{address}{}", self.place));
        let takes_null = self.forgotten.by_address || self.takes_null();
        let condition = match (holder_is_set, takes_null) {
            (true, true) => return call.into(),
            (true, false) => format!("{} != NULL", self.place),
            (false, true) => format!("{} != NULL", self.holder),
            (false, false) => format!("{} != NULL && {} != NULL", self.holder, self.place),
        };
        Statement { condition: Some(condition), text: call }
    }

    /// Whether the member is declared as a pointer to const, which no release takes as it is.
    fn is_const(&self) -> bool {
        let program = &self.tree.program;
        let Some(owner) = self.forgotten.member.owner else { return false };
        let mut fields = program.types.fields(owner.name, self.view.file).iter();
        let is_const = fields.any(|(name, declared)| *name == self.forgotten.member.field && declared.is_const);
        is_const && self.tree.macros.find(self.releaser, self.view.file).is_none()
    }

    /// Whether the releasing function takes null: the plain ones do, a project's own if its body asks.
    fn takes_null(&self) -> bool {
        use crate::c::knowledge::Deed;
        let program = &self.tree.program;
        let name = program.text(self.releaser);
        if let Some(deed) = program.knowledge.of(self.releaser) {
            return matches!(deed, Deed::Release { takes_null: true, .. });
        }
        // A macro that is not opened here comes down to one of the plain ones.
        if !program.defines(self.releaser) {
            return name.to_ascii_lowercase().contains("free");
        }
        let known = self.tree.known();
        let Some(function) = program.functions.iter().find(|function| function.name == self.releaser) else {
            return false;
        };
        known.summary(self.releaser, function).is_some_and(|summary| {
            summary.outcomes.iter().any(|outcome| {
                let own = outcome.when.iter().find(|(path, _)| path.is_parameter(0));
                own.is_some_and(|(_, fact)| !fact.is_non_zero() && !outcome.releases(0))
            })
        })
    }
}
