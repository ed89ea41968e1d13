//! Which losses are worth telling.

use crate::c::destructors::is_named_for;
use crate::c::domain::LossKind;
use crate::c::evidence::{Evidence, How};
use crate::c::ir::{Callee, Expr, ExprId, Function, InstrKind};
use crate::c::knowledge::{sounds_like_lookup, sounds_like_release};
use crate::c::members::Known;
use crate::c::names::Name;
use crate::c::program::{FunctionId, Program};
use crate::c::summary::{Base, Effect, Selector, Spec};
use crate::c::syntax::Span;
use crate::c::walk::{FoundLoss, HANDED_ON, Site, Walked};

/// Where only other functions show that what a source gives must be released, so many must, and so many times as many as
/// lose it.
const BELIEVED: u32 = 8;

/// The words by which functions that make something are named, and those that release it.
const MAKING: &[&str] = &["create", "new", "alloc", "dup", "copy", "make"];
const RELEASING: &[&str] = &["free", "destroy", "delete", "unref", "release", "del"];

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Learned from other places of the tree.
    Low,
    /// Depends on what unknown functions evidently do.
    Medium,
    /// Every step is known.
    High,
}

impl Confidence {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }
}

/// What shall release an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Releaser {
    /// The function.
    pub name: Name,
    /// The text of a release in the same function to follow, if there is one: it may take more than the pointer.
    pub example: Option<String>,
    /// Where it takes the address of a structure, the members that lead from there to what it releases.
    pub members: Vec<Name>,
}

/// An acquisition whose losses are worth telling.
#[derive(Debug, Clone)]
pub struct Decided {
    /// Its number in the walk.
    pub number: u32,
    /// The acquisition.
    pub site: Site,
    /// Its losses, in the order of the file.
    pub losses: Vec<FoundLoss>,
    /// What shall release it.
    pub releaser: Option<Releaser>,
    /// How sure it is.
    pub confidence: Confidence,
    /// Why.
    pub reasons: Vec<String>,
}

/// The acquisitions of a function whose losses are worth telling. `path` and `text` are the file's.
pub fn decide(known: Known, function: &Function, walked: &Walked, (path, text): (&str, &str)) -> Vec<Decided> {
    let is_test = is_test(path);
    let (program, evidence) = (known.program, known.evidence);
    let mut decided = Vec::new();
    for (number, site) in walked.sites.iter().enumerate() {
        let number = number as u32;
        let mut losses: Vec<FoundLoss> = walked
            .losses
            .iter()
            .filter(|found| found.loss.site == number)
            .filter(|found| found.loss.seen_by.iter().all(|via| known.borrows(*via)))
            .filter(|found| !is_left_to_exit(function, walked, site, found) && !is_given_twice(site, found, text))
            .filter(|found| !(is_test && is_by_expectation(found, text)))
            .cloned()
            .collect();
        if losses.is_empty() {
            continue;
        }
        if site.release.is_none() && site.part == 0 && losses.iter().all(|found| found.loss.holder.is_none()) {
            // Whoever drops the result of such a function has given it a place of his own to fill.
            continue;
        }
        losses.sort_by_key(|found| (found.loss.span, found.loss.kind));
        let Some((confidence, mut reasons)) = confidence(evidence, program, walked, number, site) else { continue };
        let unsure = losses.iter().all(|found| !found.loss.seen_by.is_empty());
        let confidence = if unsure { confidence.min(Confidence::Medium) } else { confidence };
        if unsure {
            reasons.push("the functions that saw it leave it alone elsewhere".to_owned());
        }
        let releaser = Search { known, function, walked, text }.releaser(number, site, &losses);
        decided.push(Decided { number, site: site.clone(), losses, releaser, confidence, reasons });
    }
    decided
}

/// Whether the end of the process takes the memory back and the program counts on it: `main` ends, and released
/// nothing between the acquisition and its end. Where it releases other things, it means to leave nothing behind.
fn is_left_to_exit(function: &Function, walked: &Walked, site: &Site, found: &FoundLoss) -> bool {
    let (from, to) = (site.span.start, found.loss.span.start);
    function.name == Name::of("main")
        && matches!(found.loss.kind, LossKind::Exit)
        && !walked.releases.iter().any(|seen| seen.span.start > from && seen.span.start < to)
}

/// How the comparisons of texts are called by which options and keys are told apart.
const COMPARING: &[&str] = &["strcmp", "strcasecmp", "strncmp", "strncasecmp", "stricmp", "streq", "STREQ"];

/// Whether a member, or a place of the caller's, is given again by the same statement in a later round of a loop, or a
/// variable by an option or a key that is given twice: what comes how often is for the input to say, and few inputs say a
/// thing twice.
fn is_given_twice(site: &Site, found: &FoundLoss, text: &str) -> bool {
    let is_again = found.loss.kind == LossKind::Overwrite && found.loss.span.contains(site.span);
    let written = |span: Span| text.get(span.start as usize..span.end as usize).unwrap_or("");
    // `else if (!strcmp(key, "name")) name = copy(value);`
    let is_before = |condition: Span| condition.start < site.span.start && !condition.contains(site.span);
    let under = || found.steps.iter().rev().find(|(condition, _)| is_before(*condition));
    let is_chosen =
        || under().is_some_and(|(condition, _)| COMPARING.iter().any(|word| written(*condition).contains(word)));
    is_again
        && (found.loss.holder.as_ref().is_some_and(|holder| holder.contains(['>', '.', '*']))
            || written(site.span).contains("optarg")
            || is_chosen())
}

/// Whether a function of a test ends since an expectation failed, by a macro that returns: nobody cleans up then.
fn is_by_expectation(found: &FoundLoss, text: &str) -> bool {
    let end = text.get(found.loss.span.start as usize..found.loss.span.end as usize).unwrap_or("");
    found.loss.kind == LossKind::Exit && !end.starts_with("return") && end.contains('(')
}

/// Whether a path is a test's: a folder or a file that is named so.
fn is_test(path: &str) -> bool {
    let is_word = |word: &str| matches!(word, "test" | "tests" | "unittest" | "unittests" | "testing");
    let mut parts = path.split('/').flat_map(|part| part.split(['_', '-', '.']));
    parts.any(is_word)
}

fn confidence(
    evidence: &Evidence,
    program: &Program,
    walked: &Walked,
    number: u32,
    site: &Site,
) -> Option<(Confidence, Vec<String>)> {
    let source = program.text(site.source);
    // Whether an unknown function filled its argument depends on a result whose meaning is unknown as well.
    if site.release.is_none() && site.part != 0 || site.part >= HANDED_ON {
        return None;
    }
    // The table is sure of what it says, and of several functions of one name each is its own.
    let is_learned = program.knowledge.of(site.source).is_none() && program.bodies(site.source).len() <= 1;
    if is_learned && evidence.is_lost_everywhere(site.source, site.part) {
        return None;
    }
    if let Some(release) = site.release {
        let reason = format!("`{source}` gives memory that `{}` releases", program.text(release));
        return Some((Confidence::High, vec![reason]));
    }
    if sounds_like_lookup(source) {
        return None;
    }
    // A getter that somebody releases from, and many do not.
    if evidence.release_of(site.source, site.part).is_some_and(|(_, released, lost)| lost > released) {
        return None;
    }
    if let Some(seen) = walked.releases.iter().find(|seen| seen.site == number) {
        let reason = format!("another path of this function releases it with `{}`", program.text(seen.by));
        return Some((Confidence::Medium, vec![reason]));
    }
    let ((by, _), released, lost) = evidence.release_of(site.source, site.part)?;
    (released >= BELIEVED && released >= lost * BELIEVED).then(|| {
        let reason =
            format!("elsewhere what `{source}` gives is released with `{}` ({released} times)", program.text(*by));
        (Confidence::Low, vec![reason])
    })
}

/// What is asked when a releaser is looked for.
struct Search<'a> {
    known: Known<'a>,
    function: &'a Function,
    walked: &'a Walked,
    text: &'a str,
}

impl Search<'_> {
    /// What releases it here: what this function uses, else what the tree uses, else what its kind asks for.
    fn releaser(&self, number: u32, site: &Site, losses: &[FoundLoss]) -> Option<Releaser> {
        let own = self.walked.releases.iter().filter(|seen| seen.site == number && self.is_for_release(seen.by));
        let example = own.clone().find_map(|seen| {
            let call = self.text.get(seen.span.start as usize..seen.span.end as usize)?;
            call.starts_with(self.known.program.text(seen.by)).then(|| (seen, call.to_owned()))
        });
        if let Some((seen, example)) = example {
            return Some(Releaser { name: seen.by, example: Some(example), members: seen.members.clone() });
        }
        let same_kind = self.walked.releases.iter().filter(|seen| {
            self.walked
                .sites
                .get(seen.site as usize)
                .is_some_and(|other| other.release == site.release && other.source == site.source)
                && self.is_for_release(seen.by)
                && self.may_take(seen.by, losses)
        });
        if let Some(seen) = same_kind.max_by_key(|seen| seen.span) {
            return Some(Releaser { name: seen.by, example: None, members: seen.members.clone() });
        }
        let pair = |source: Name, part: u16| {
            let pair = self.known.evidence.release_of(source, part).map(|(how, _, _)| how.clone());
            pair.filter(|(name, members)| {
                let is_taken = !members.is_empty() || self.may_take(*name, losses);
                is_taken && self.is_for_release(*name) && !self.is_of_another_heap(*name, site.release)
            })
        };
        let by_name = || Some((self.namesake(site)?, Vec::new()));
        let of_pair = pair(site.source, site.part).or_else(by_name).or_else(|| pair(site.maker?, 0));
        if let Some((name, members)) = of_pair.or_else(|| self.emptier(losses)) {
            return Some(Releaser { name, example: None, members });
        }
        let plain = || site.release.map(|name| Releaser { name, example: None, members: Vec::new() });
        self.named_here(losses).or_else(plain)
    }

    /// What the function hands the structure to, or its address, on other paths, and that by its name releases it. Where its
    /// body is too much to follow, what plain memory asks for would leave behind what the structure holds.
    fn named_here(&self, losses: &[FoundLoss]) -> Option<Releaser> {
        let (program, function) = (self.known.program, self.function);
        let holder = losses.first()?.loss.holder.as_deref()?;
        let declared = program.types.of_holder(function, holder)?;
        program.types.owner(declared, function.file).filter(|(_, pointers)| *pointers == 1)?;
        let is_holder = |id: ExprId| match function.expr(id) {
            Expr::Var(var) => function.var(var).is_some_and(|var| var.name == Name::of(holder)),
            _ => false,
        };
        function.instrs().find_map(|instr| {
            let InstrKind::Call { callee: Callee::Named(name), args, .. } = &instr.kind else { return None };
            let is_given = matches!(args[..], [only] if is_holder(only)
                || matches!(function.expr(only), Expr::AddressOf(place) if is_holder(place)));
            let is_release = program.sounds_like_release(*name, function.file)
                && program.defines(*name)
                && !program.is_plain_release(*name, function.file);
            let call = self.text.get(instr.span.start as usize..instr.span.end as usize)?;
            (is_given && is_release && call.starts_with(program.text(*name))).then(|| Releaser {
                name: *name,
                example: Some(call.to_owned()),
                members: Vec::new(),
            })
        })
    }

    /// Whether two functions are known to release plain memory of two libraries, as `free` and `g_free` are: some project that
    /// takes the one for the other is no reason to do so again.
    fn is_of_another_heap(&self, name: Name, asked: Option<Name>) -> bool {
        let is_plain = |name: Name| self.known.program.is_plain_release(name, self.function.file);
        asked.is_some_and(|asked| asked != name && is_plain(asked) && is_plain(name))
    }

    /// Whether a function may take what is lost, by their declarations.
    fn may_take(&self, name: Name, losses: &[FoundLoss]) -> bool {
        let types = &self.known.program.types;
        let body = self.known.program.resolve_anywhere(name, self.function.file).filter(|body| body.parameters > 0);
        let wanted = body.and_then(|body| Some((body.vars.first()?.declared, body.file)));
        let holder = losses.first().and_then(|found| found.loss.holder.as_deref());
        let own = holder.and_then(|holder| types.of_holder(self.function, holder));
        let both = wanted.zip(own.map(|own| (own, self.function.file)));
        both.is_none_or(|(wanted, own)| types.may_be_handed(wanted, own))
    }

    /// The function that is named for the release of what another one is named for the making of (`list_create`,
    /// `list_free`), and that releases what it is given.
    fn namesake(&self, site: &Site) -> Option<Name> {
        let program = self.known.program;
        let source = program.text(site.source);
        let (stem, making) = source.rsplit_once('_')?;
        let (word, rest) = source.split_once('_')?;
        let behind = RELEASING.iter().filter(|_| MAKING.contains(&making)).map(|word| format!("{stem}_{word}"));
        let before = RELEASING.iter().filter(|_| MAKING.contains(&word)).map(|word| format!("{word}_{rest}"));
        let releases = |name: &Name| {
            let body = program.resolve(*name, self.function.file);
            let is_plain = body.is_some_and(|id| program.functions[id.0 as usize].parameters == 1);
            let summary = body.and_then(|id| self.known.summaries().get(id));
            is_plain && summary.is_some_and(|summary| summary.outcomes.iter().any(|outcome| outcome.releases(0)))
        };
        // `xgetaddrinfo`, `xfreeaddrinfo`
        let within = source.contains("get").then(|| source.replacen("get", "free", 1));
        program.resolve(site.source, self.function.file)?;
        behind.chain(before).chain(within).map(|name| Name::of(&name)).find(releases)
    }

    /// Whether a function that was seen to release something is there for that: by its name, or because it does so
    /// whenever it is given anything, and does nothing to what else it is given. Others release what they could not make
    /// use of, or once they have used it, or to give something larger.
    fn is_for_release(&self, name: Name) -> bool {
        let program = self.known.program;
        if sounds_like_release(program.text(name)) {
            return true;
        }
        let body = program.resolve(name, self.function.file);
        // What else it is given it has another purpose for, and so it has if it calls anything but releases: it may send what
        // it releases.
        let has_another_purpose = |function: &Function| {
            let mut instrs = function.instrs();
            function.parameters > 1
                || instrs.any(|instr| {
                    matches!(instr.kind, InstrKind::Call { callee: Callee::Named(name), .. }
                        if program.deed(name, function.file).is_none() && !sounds_like_release(program.text(name)))
                })
        };
        if body.is_some_and(|id| has_another_purpose(&program.functions[id.0 as usize])) {
            return false;
        }
        body.and_then(|id| self.known.summaries().get(id)).is_none_or(|summary| {
            let effects = || summary.outcomes.iter().flat_map(|outcome| &outcome.effects);
            let released = effects().find_map(|effect| match effect {
                Effect::Release(path) => Some(path.base),
                _ => None,
            });
            let is_about_it = |effect: &Effect| {
                let (Effect::Release(path) | Effect::Escape(path, _) | Effect::Write(path, _)) = effect;
                Some(path.base) == released || matches!(path.base, Base::Global(_))
            };
            effects().all(is_about_it)
                && summary.outcomes.iter().all(|outcome| {
                    let gives = matches!(outcome.returns, Spec::Fresh(_));
                    !gives && (outcome.releases_any() || outcome.when.iter().any(|(_, fact)| fact.value() == Some(0)))
                })
        })
    }

    /// What releases the local structure whose member holds it: the first function by name that is called after a
    /// release, takes a pointer to such a structure and releases the member.
    fn emptier(&self, losses: &[FoundLoss]) -> Option<How> {
        let program = self.known.program;
        let holder = losses.first()?.loss.holder.as_ref()?;
        let mut members = holder.split('.');
        let root = Name::of(members.next()?);
        let own = self.function.vars.iter().find(|var| var.name == root)?;
        let (owner, _) =
            program.types.owner(own.declared, self.function.file).filter(|(_, pointers)| *pointers == 0)?;
        let members: Vec<Name> = members.map(Name::of).collect();
        if members.is_empty() {
            return None;
        }
        // Of a list that leads to one item by several members, the first or the last for instance, one is released.
        let fields = program.types.fields(owner.name, self.function.file);
        let type_of = |member: Name| fields.iter().find(|(name, _)| *name == member).map(|(_, declared)| *declared);
        let alike = |member: Name| match members.as_slice() {
            [only] => type_of(*only).is_some_and(|own| type_of(member) == Some(own)),
            _ => false,
        };
        let wanted: Vec<Selector> =
            std::iter::once(Selector::Deref).chain(members.iter().copied().map(Selector::Field)).collect();
        let is_wanted = |selectors: &[Selector]| match selectors {
            [Selector::Deref, Selector::Field(member)] if alike(*member) => true,
            _ => selectors == wanted,
        };
        let takes_it = |id: &FunctionId| {
            let body = &program.functions[id.0 as usize];
            is_named_for(program, body, owner) && program.resolve(body.name, self.function.file) == Some(*id)
        };
        let releases = |id: &FunctionId| {
            let summary = self.known.summaries().get(*id);
            summary.is_some_and(|summary| {
                let mut effects = summary.outcomes.iter().flat_map(|outcome| &outcome.effects);
                effects.any(|effect| matches!(effect, Effect::Release(path) if path.base == Base::Parameter(0) && is_wanted(&path.selectors)))
            })
        };
        let all = (0..program.functions.len() as u32).map(FunctionId);
        let names = all.filter(takes_it).filter(releases).map(|id| program.functions[id.0 as usize].name);
        names.min_by_key(|name| program.text(*name)).map(|name| (name, members))
    }
}
