//! Where a release can go: the templates.

use super::declared;
use super::layout::{Layout, Statement, is_jump, is_loop, is_statement};
use super::reach::has_word;
use super::returned;
use super::{BARE, Proposal, call};
use crate::c::Tree as SourceTree;
use crate::c::domain::LossKind;
use crate::c::ir::{Function, VarId};
use crate::c::keeping;
use crate::c::knowledge::sounds_like_release;
use crate::c::names::Name;
use crate::c::report::{Candidate, FileView, Releaser};
use crate::c::syntax::{Kind, Role, Span};
use crate::c::types::Type;
use crate::c::walk::FoundLoss;
use crate::model::edit::Edit;

/// All proposals, the most likely first.
pub(crate) fn proposals(
    tree: &SourceTree,
    view: &FileView,
    layout: &Layout,
    candidate: &Candidate,
    releaser: &Releaser,
    before: &[String],
    is_guarded: bool,
) -> Vec<Proposal> {
    let site = Workbench { tree, view, layout, candidate, releaser, before, is_guarded, is_probe: false };
    let mut found: Vec<Option<Proposal>> = Vec::new();
    if before.is_empty() {
        found.push(site.reallocation());
    }
    let one_end = candidate.decided.losses.iter().all(|found| site.is_block_end(found));
    if one_end {
        found.push(site.probed(|site| site.after_last_use(Marks::Plain)));
    }
    found.push(site.probed(|site| site.before_each_loss(Marks::Plain)));
    found.push(site.probed(|site| site.before_each_jump()));
    if !one_end {
        found.push(site.probed(|site| site.after_last_use(Marks::Plain)));
    }
    found.push(site.probed(|site| site.beside_the_gift()));
    found.push(site.probed(|site| site.after_last_use_in_scope()));
    found.push(site.probed(|site| site.after_last_use_of_any_name()));
    found.push(site.probed(|site| site.after_last_use(Marks::Cleared)));
    found.push(site.probed(|site| site.before_each_loss(Marks::Cleared)));
    found.push(site.probed(|site| site.null_from_the_start()));
    found.push(site.probed(|site| site.null_from_the_beginning()));
    let mut proposals: Vec<Proposal> = Vec::new();
    for proposal in found.into_iter().flatten() {
        if !proposals.iter().any(|known| known.edits == proposal.edits) {
            proposals.push(proposal);
        }
    }
    proposals
}

/// Whether the pointer is set to null after its release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marks {
    Plain,
    Cleared,
}

/// What the templates work with.
struct Workbench<'a> {
    tree: &'a SourceTree,
    view: &'a FileView<'a>,
    layout: &'a Layout<'a>,
    candidate: &'a Candidate<'a>,
    releaser: &'a Releaser,
    /// The releases of what hangs below the object, which come first.
    before: &'a [String],
    /// Whether the release is only called where the pointer is not null.
    is_guarded: bool,
    /// Whether a bare `free` stands in the place of the release.
    is_probe: bool,
}

impl Workbench<'_> {
    /// What a template proposes, with its probe.
    fn probed(&self, template: impl Fn(&Workbench) -> Option<Proposal>) -> Option<Proposal> {
        let proposal = template(self)?;
        let probe = template(&Workbench { is_probe: true, ..*self })?.edits;
        let probe = (probe != proposal.edits).then_some(probe);
        Some(Proposal { probe, ..proposal })
    }

    /// What holds the object at a loss: the place it was assigned to if the loss names no other.
    fn holder(&self, found: &FoundLoss) -> String {
        let own = self.candidate.variable;
        match &found.loss.holder {
            Some(holder) if holder.contains("->") && !own.contains("->") && !own.contains('(') => own.to_owned(),
            // The members of a union share one name in here, which need not be the one that this function says.
            Some(holder) if holder != own && own.ends_with(last_member(holder)) && !self.says(holder) => own.to_owned(),
            Some(holder) => holder.clone(),
            None => own.to_owned(),
        }
    }

    /// Whether the function spells a place.
    fn says(&self, place: &str) -> bool {
        let function = &self.tree.program.functions[self.candidate.function.0 as usize];
        let text = self.view.text.get(function.span.start as usize..function.span.end as usize);
        text.is_some_and(|text| text.contains(place))
    }

    fn statements(&self, holder: &str, marks: Marks) -> Option<Vec<Statement>> {
        if holder.contains('(') && !holder.starts_with('(') || !self.is_taken(holder) {
            return None;
        }
        let mut statements: Vec<Statement> = self.before.iter().cloned().map(Statement::from).collect();
        if self.is_probe {
            statements.push(format!("{BARE}({holder})").into());
            return Some(statements);
        }
        let release = release_of(self.tree, self.view, self.candidate, (self.releaser, holder))?;
        statements.push(Statement { condition: self.is_guarded.then(|| self.is_set(holder)), text: release });
        if marks == Marks::Cleared {
            statements.push(format!("{holder} = NULL").into());
        }
        Some(statements)
    }

    /// The condition that a pointer is not null, as the file asks for it.
    fn is_set(&self, holder: &str) -> String {
        let asks = if self.view.text.contains("!= NULL") { " != NULL" } else { "" };
        format!("{holder}{asks}")
    }

    /// Whether the releasing function takes what a local is declared to point to, as far as both are known.
    fn is_taken(&self, holder: &str) -> bool {
        let program = &self.tree.program;
        let function = &program.functions[self.candidate.function.0 as usize];
        let body = program.resolve_anywhere(self.releaser.name, function.file);
        let parameter = body.filter(|body| body.parameters == 1).and_then(|body| Some((body.vars.first()?, body.file)));
        let wanted = parameter.filter(|_| self.releaser.members.is_empty());
        let Some(wanted) = wanted.map(|(parameter, file)| (parameter.declared, file)) else { return true };
        let is_structure = program.types.owner(wanted.0, wanted.1).is_some();
        if is_structure && declared::points_to_text(self.view, holder, self.candidate.decided.site.span) {
            return false;
        }
        let own = function.vars.iter().find(|var| var.name == Name::of(holder));
        own.is_none_or(|own| program.types.may_be_handed(wanted, (own.declared, function.file)))
    }

    fn name(&self) -> String {
        self.tree.program.text(self.releaser.name).to_owned()
    }

    /// Whether a loss is the end of a block or function, reached by falling through.
    fn is_block_end(&self, found: &FoundLoss) -> bool {
        let span = found.loss.span;
        let at_brace = self.view.text.get(span.start as usize..).is_some_and(|rest| rest.starts_with('}'));
        matches!(found.loss.kind, LossKind::Exit | LossKind::Scope) && at_brace
            || self.is_last_return(found)
            || found.loss.kind == LossKind::Overwrite && found.loss.span == self.candidate.decided.site.span
    }

    /// Whether a loss is the return at the end of the function's body.
    fn is_last_return(&self, found: &FoundLoss) -> bool {
        let syntax = &self.view.syntax;
        let path = syntax.path_to(found.loss.span);
        let Some(at) = path.iter().rposition(|node| syntax.node(*node).kind == Kind::ReturnStatement) else {
            return false;
        };
        let body = at.checked_sub(1).and_then(|at| path.get(at)).copied();
        let is_body =
            |node: u32| syntax.node(node).kind == Kind::CompoundStatement && syntax.node(node).role == Role::Body;
        body.is_some_and(is_body)
    }

    /// Right before each place where it is lost.
    fn before_each_loss(&self, marks: Marks) -> Option<Proposal> {
        let mut edits: Vec<Edit> = Vec::new();
        let mut places = Vec::new();
        for found in self.first_losses() {
            let statements = self.statements(&self.holder(found), marks)?;
            let (edit, place) = match self.around_the_value(found, &statements) {
                Some(edits) => (edits, "once the result is known"),
                None => self.before_loss(found, &statements)?,
            };
            add_once(&mut edits, edit);
            places.push(place);
        }
        places.dedup();
        let why = format!("`{}` is called {}, on every path that still holds it", self.name(), places.join(" and "));
        Some(Proposal { edits, why, initialises: false, probe: None })
    }

    /// The losses without those whose place is only come to by that of a structure that also holds the object.
    fn first_losses(&self) -> Vec<&FoundLoss> {
        let losses = &self.candidate.decided.losses;
        let place = |found: &FoundLoss| self.layout.statement(found.loss.span).map(|statement| statement.start);
        let is_passed = |found: &&FoundLoss| {
            let within = losses.iter().filter(|other| other.loss.kind == LossKind::Container);
            let mut within = within.filter(|other| self.holder(other) == self.holder(found)).filter_map(place);
            place(found).is_some_and(|later| within.any(|earlier| self.layout.is_passed(earlier, later)))
        };
        losses.iter().filter(|found| !is_passed(found)).collect()
    }

    /// Right before each place where it is lost, also on paths where it was never acquired: null from its declaration on.
    fn null_from_the_start(&self) -> Option<Proposal> {
        let holder = self.last_holder()?;
        let declaration = declared::as_null(self.view, &holder, self.candidate.decided.site.span)?;
        let mut proposal = self.before_each_loss(Marks::Plain)?;
        proposal.edits.push(declaration);
        proposal.why.push_str(", and it is null until it is acquired");
        Some(Proposal { initialises: true, ..proposal })
    }

    /// The same, with the declaration at the beginning of the function.
    fn null_from_the_beginning(&self) -> Option<Proposal> {
        let function = self.tree.program.functions.get(self.candidate.function.0 as usize)?.span;
        let (holder, site) = (self.last_holder()?, self.candidate.decided.site.span);
        let declaration = declared::hoisted(self.view, self.layout, function, &holder, site)?;
        let mut proposal = self.before_each_loss(Marks::Plain)?;
        proposal.edits.extend(declaration);
        proposal.why.push_str(", and it is declared where every path has it, null until it is acquired");
        Some(Proposal { initialises: true, ..proposal })
    }

    fn before_loss(&self, found: &FoundLoss, statements: &[Statement]) -> Option<(Vec<Edit>, &'static str)> {
        let span = found.loss.span;
        let text = self.view.text.get(span.start as usize..)?;
        if matches!(found.loss.kind, LossKind::Exit | LossKind::Scope) && text.starts_with('}') {
            return Some((self.layout.at_end(span.start, statements)?, "at the end of the block"));
        }
        let statement = self.layout.statement(span)?;
        if found.loss.kind == LossKind::Exit
            && let Some(tested) = self.tested_by_macro(statement)
        {
            let [release] = statements else { return None };
            let guarded = Statement { condition: Some(format!("{tested} == NULL")), ..release.clone() };
            return Some((self.layout.before(statement.start, &[guarded])?, "where the macro returns"));
        }
        if found.loss.kind == LossKind::Overwrite
            && let Some(brace) = self.end_of_round(statement, span)
        {
            return Some((self.layout.at_end(brace, statements)?, "at the end of the loop's body"));
        }
        let place = match found.loss.kind {
            LossKind::Exit => "before the return",
            LossKind::Overwrite | LossKind::Reallocation => "before the overwrite",
            LossKind::Scope => "before the jump out of the block",
            LossKind::Container => "before what holds it is released",
        };
        Some((self.layout.before(statement.start, statements)?, place))
    }

    /// Between the making of the result and the return, where the result is made with it.
    fn around_the_value(&self, found: &FoundLoss, statements: &[Statement]) -> Option<Vec<Edit>> {
        let statement = self.layout.statement(found.loss.span).filter(|_| found.loss.kind == LossKind::Exit)?;
        let holder = self.holder(found);
        let function = self.tree.program.functions.get(self.candidate.function.0 as usize)?.span;
        returned::through_variable(self.view, self.layout, function, (statement, root_word(&holder)), statements)
    }

    /// Where the body of a loop ends, whose condition or step, which comes after the body, holds `span`.
    fn end_of_round(&self, statement: Span, span: Span) -> Option<u32> {
        let syntax = &self.view.syntax;
        let path = syntax.path_to(statement);
        let at = path.iter().rev().find(|at| syntax.node(**at).span == statement && is_loop(syntax.node(**at).kind))?;
        let body = syntax.node(syntax.child(*at, Role::Body)?);
        let is_first = syntax.child(*at, Role::Initializer).is_some_and(|first| syntax.node(first).span.contains(span));
        (body.kind == Kind::CompoundStatement && !body.span.contains(span) && !is_first).then(|| body.span.end - 1)
    }

    /// What `RETURN_IF_NULL(p);` looks at: the only argument of a statement that is one use of a macro.
    fn tested_by_macro(&self, statement: Span) -> Option<&str> {
        let syntax = &self.view.syntax;
        let at = *syntax.path_to(statement).iter().rev().find(|at| syntax.node(**at).span == statement)?;
        let call = syntax.children(at).next().filter(|call| syntax.node(*call).kind == Kind::CallExpression)?;
        let name = Name::of(syntax.slice(syntax.child(call, Role::Function)?));
        self.tree.macros.find(name, self.view.file).filter(|found| found.parameters.is_some())?;
        let mut arguments = syntax.children(syntax.child(call, Role::Arguments)?);
        let only = arguments.next().filter(|_| arguments.next().is_none())?;
        let calls = syntax.below(only).any(|inner| syntax.node(inner).kind == Kind::CallExpression);
        let is_place = matches!(
            syntax.node(only).kind,
            Kind::Identifier | Kind::FieldExpression | Kind::PointerExpression | Kind::SubscriptExpression
        );
        (is_place && !calls).then(|| syntax.slice(only))
    }

    /// Before the jump that ends the branch on which it is lost.
    fn before_each_jump(&self) -> Option<Proposal> {
        let mut edits: Vec<Edit> = Vec::new();
        for found in &self.candidate.decided.losses {
            let statements = self.statements(&self.holder(found), Marks::Plain)?;
            let jump = found.steps.iter().rev().find_map(|(condition, taken)| {
                (condition.start > self.candidate.decided.site.span.start)
                    .then(|| self.layout.guarded(*condition, *taken))
                    .flatten()
                    .and_then(|body| self.last_jump(body))
            })?;
            add_once(&mut edits, self.layout.before(jump.start, &statements)?);
        }
        let why = format!("`{}` is called before the jump on the path that loses it", self.name());
        Some(Proposal { edits, why, initialises: false, probe: None })
    }

    /// In an `else` of the condition under which it is given away.
    fn beside_the_gift(&self) -> Option<Proposal> {
        let mut edits: Vec<Edit> = Vec::new();
        for found in &self.candidate.decided.losses {
            let holder = self.holder(found);
            let statements = self.statements(&holder, Marks::Plain)?;
            let acquired = self.candidate.decided.site.span.start;
            let passed = found.steps.iter().rev().filter(|(condition, taken)| condition.start > acquired && !taken);
            let mut branches = passed.filter_map(|(condition, _)| self.layout.one_armed(*condition));
            let (branch, arm) = branches.find(|(_, arm)| has_word(self.view.syntax.slice(*arm), root_word(&holder)))?;
            // `if (a) free(p); else free(p);` is nobody's style: whoever releases under a condition knows why.
            let called = self
                .view
                .syntax
                .slice(arm)
                .split('(')
                .next()
                .unwrap_or("")
                .trim_start_matches(['{', ' ', '\t', '\r', '\n']);
            if sounds_like_release(called) || called.trim_end() == self.name() {
                return None;
            }
            add_once(&mut edits, self.layout.otherwise(branch, arm, &statements)?);
        }
        let why = format!("`{}` is called where it is not given away", self.name());
        Some(Proposal { edits, why, initialises: false, probe: None })
    }

    fn last_jump(&self, body: u32) -> Option<Span> {
        let syntax = &self.view.syntax;
        let node = syntax.node(body);
        if is_jump(node.kind) {
            return Some(node.span);
        }
        let last = syntax.children(body).last()?;
        is_jump(syntax.node(last).kind).then(|| syntax.node(last).span)
    }

    /// After the last statement that mentions it, in the block, or the case of a switch, in which it is acquired.
    fn after_last_use(&self, marks: Marks) -> Option<Proposal> {
        let holder = self.last_holder()?;
        let statements = self.statements(&holder, marks)?;
        let path = self.view.syntax.path_to(self.candidate.decided.site.span);
        let is_block =
            |node: u32| matches!(self.view.syntax.node(node).kind, Kind::CompoundStatement | Kind::CaseStatement);
        let block = path.iter().rev().find(|node| is_block(**node))?;
        self.after_last_in(*block, &[root_word(&holder)], &statements)
    }

    /// The same, after the last statement that mentions anything which may lead to it.
    fn after_last_use_of_any_name(&self) -> Option<Proposal> {
        let function = self.tree.program.functions.get(self.candidate.function.0 as usize)?;
        let leading = keeping::leading(self.tree.known(), function, &self.candidate.decided.site);
        let named = leading.iter().filter_map(|var| function.var(*var)).filter(|var| !var.temporary);
        let names: Vec<&str> = named.map(|var| self.tree.program.text(var.name)).collect();
        let holder = self.last_holder()?;
        let statements = self.statements(&holder, Marks::Plain)?;
        let path = self.view.syntax.path_to(self.candidate.decided.site.span);
        let is_block = |node: u32| self.view.syntax.node(node).kind == Kind::CompoundStatement;
        let block = path.iter().rev().find(|node| is_block(**node))?;
        self.after_last_in(*block, &names, &statements)
    }

    /// After the last statement that mentions it, in the outermost block where it is in scope.
    fn after_last_use_in_scope(&self) -> Option<Proposal> {
        let holder = self.last_holder()?;
        let statements = self.statements(&holder, Marks::Plain)?;
        let path = self.view.syntax.path_to(self.candidate.decided.site.span);
        let blocks = path.iter().filter(|node| self.view.syntax.node(**node).kind == Kind::CompoundStatement);
        blocks.copied().find_map(|block| self.after_last_in(block, &[root_word(&holder)], &statements))
    }

    fn last_holder(&self) -> Option<String> {
        let holder = self.holder(self.candidate.decided.losses.first()?);
        (!holder.is_empty()).then_some(holder)
    }

    fn after_last_in(&self, block: u32, words: &[&str], statements: &[Statement]) -> Option<Proposal> {
        let syntax = &self.view.syntax;
        let mentions_one = |child: &u32| words.iter().any(|word| has_word(syntax.slice(*child), word));
        let mentions = syntax.children(block).filter(mentions_one).last()?;
        let body = || syntax.children(block).find(|child| *child > mentions);
        let last = if self.layout.is_loop_head(mentions) { body()? } else { mentions };
        let node = syntax.node(last);
        if !is_statement(node.kind) || is_jump(node.kind) || node.kind == Kind::LabeledStatement {
            return None;
        }
        let edits = self.layout.after(node.span, statements)?;
        let why = format!("`{}` is called after the last use", self.name());
        Some(Proposal { edits, why, initialises: false, probe: None })
    }

    /// `p = realloc(p, n)` goes through a temporary, so that `p` can be released where it fails.
    fn reallocation(&self) -> Option<Proposal> {
        let [found] = self.candidate.decided.losses.as_slice() else { return None };
        if found.loss.kind != LossKind::Reallocation {
            return None;
        }
        let syntax = &self.view.syntax;
        let holder = self.holder(found);
        let assignment = syntax
            .path_to(found.loss.span)
            .into_iter()
            .rev()
            .find(|at| syntax.node(*at).kind == Kind::AssignmentExpression)?;
        let call = syntax
            .below(assignment)
            .find(|at| syntax.node(*at).kind == Kind::CallExpression && has_word(syntax.slice(*at), &holder))?;
        let statement = self.layout.statement(syntax.node(assignment).span)?;
        let place = syntax.path_to(statement);
        // A condition of a loop is evaluated again and again: nothing can be put before it.
        let kind = syntax.node(*place.last()?).kind;
        if !matches!(kind, Kind::ExpressionStatement | Kind::IfStatement | Kind::ReturnStatement) {
            return None;
        }
        let release = call_of(self, &holder)?;
        let name = self.unused_name("grown")?;
        let span = syntax.node(call).span;
        let text = self.view.text.get(span.start as usize..span.end as usize)?;
        let guard = Statement { condition: Some(format!("{name} == NULL")), text: release };
        let block = place.iter().rev().find(|at| syntax.node(**at).kind == Kind::CompoundStatement)?;
        let first = syntax.node(syntax.children(*block).next()?).span.start;
        // A declaration may not follow a label before C23, and many projects put none behind a statement.
        let mut edits = if first == statement.start {
            self.layout.before(first, &[format!("void *{name} = {text}").into(), guard])?
        } else {
            let mut edits = self.layout.before(statement.start, &[format!("{name} = {text}").into(), guard])?;
            edits.extend(self.layout.declared(first, format!("void *{name}"))?);
            edits
        };
        if edits.iter().any(|edit| edit.end != edit.start) {
            return None;
        }
        edits.push(Edit::replace(span.start as usize, span.end as usize, name));
        let why = format!("a failed reallocation leaves the old memory in place, so `{}` releases it", self.name());
        Some(Proposal { edits, why, initialises: false, probe: None })
    }

    /// A name that the function does not use yet.
    fn unused_name(&self, base: &str) -> Option<String> {
        let span = self.tree.program.functions.get(self.candidate.function.0 as usize)?.span;
        let text = self.view.text.get(span.start as usize..span.end as usize)?;
        let names = std::iter::once(base.to_owned()).chain((2..10).map(|number| format!("{base}{number}")));
        names.into_iter().find(|name| !has_word(text, name))
    }
}

/// Adds the edits that are not there yet: two losses may have one place.
fn add_once(edits: &mut Vec<Edit>, more: Vec<Edit>) {
    for one in more {
        if !edits.contains(&one) {
            edits.push(one);
        }
    }
}

/// The call that releases what a place leads to: a pointer to const, which no release takes, with a cast.
pub(super) fn release_of(
    tree: &SourceTree,
    view: &FileView,
    candidate: &Candidate,
    (releaser, holder): (&Releaser, &str),
) -> Option<String> {
    let release = call(tree, view, releaser, holder)?;
    let is_macro = tree.macros.find(releaser.name, view.file).is_some();
    let function = &tree.program.functions[candidate.function.0 as usize];
    let member = tree.program.types.of_holder(function, holder).filter(|_| root_word(holder) != holder);
    let is_const = declared::points_to_const(view, holder, candidate.decided.site.span)
        || member.is_some_and(|member| member.is_const && member.pointers == 1);
    if !is_macro && release.contains(&format!("(&{holder})")) {
        let cast = cast_of_address(tree, (function, holder), releaser.name, is_const)?;
        return Some(release.replacen(&format!("(&{holder})"), &format!("({cast}&{holder})"), 1));
    }
    if is_macro || !is_const {
        return Some(release);
    }
    Some(release.replacen(&format!("({holder})"), &format!("((void *){holder})"), 1))
}

/// The cast that the address of a pointer needs where the release takes a `void **`, which no other pointer's address
/// converts to. `None` where it needs another: that of a pointer to const.
fn cast_of_address(
    tree: &SourceTree,
    (function, holder): (&Function, &str),
    release: Name,
    is_const: bool,
) -> Option<&'static str> {
    let is_void =
        |declared: Type, pointers: u8| declared.name == Name(0) && !declared.is_number && declared.pointers == pointers;
    let body = tree.program.resolve(release, function.file).map(|id| &tree.program.functions[id.0 as usize]);
    let taken = body.and_then(|body| body.var(VarId(0)).filter(|_| body.parameters > 0)).map(|var| var.declared);
    let given = tree.program.types.of_holder(function, holder);
    match taken {
        Some(taken) if is_void(taken, 2) => {
            Some(if given.is_some_and(|given| is_void(given, 1) && !is_const) { "" } else { "(void **)" })
        }
        _ => (!is_const).then_some(""),
    }
}

fn call_of(bench: &Workbench, holder: &str) -> Option<String> {
    call(bench.tree, bench.view, bench.releaser, holder)
}

/// The last member of a place, with what stands before it; nothing where it has no member.
fn last_member(holder: &str) -> &str {
    holder.rfind(['.', '>']).map_or("", |at| &holder[at..])
}

/// The variable at which a place begins.
pub(crate) fn root_word(holder: &str) -> &str {
    holder.split(['.', '-', '[']).next().unwrap_or(holder).trim_start_matches(['*', '('])
}
