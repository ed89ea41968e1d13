//! From a member to the structure around it: `(type *)((char *)pointer - offsetof(type, member))`, also where only a
//! macro's name says so.

use super::{At, Lowerer};
use crate::c::ir::{Expr, ExprId};
use crate::c::names::Name;
use crate::c::syntax::{Kind, Role};

/// Members within members that are followed.
const MAX_DEPTH: usize = 4;

impl Lowerer<'_> {
    /// What `left - right` leads to if it steps from a member back to its structure. Only what a cast makes the address of
    /// bytes is taken for a pointer: `length - offsetof(type, member)` counts.
    pub(super) fn stepped_back(&mut self, at: At, left: ExprId, right: ExprId) -> Option<ExprId> {
        let side = self.frames.child(at, Role::Left).map(|side| self.resolve_cast(side))?;
        let is_address = self.frames.node(side).kind == Kind::CastExpression
            && self.frames.child(side, Role::Type).is_some_and(|cast| {
                let text = self.frames.text(cast);
                text.contains('*') || text.contains("ptr")
            });
        let path = is_address.then(|| self.member_path(right)).flatten()?;
        Some(self.around(left, &path))
    }

    /// Whether a check at compile time is added to a structure that was stepped back to: it is worth 0.
    pub(super) fn is_checked(&self, left: ExprId, right: ExprId) -> bool {
        matches!(self.build.get(left), Expr::Container(..)) && self.is_size(right, 0)
    }

    fn is_size(&self, id: ExprId, depth: usize) -> bool {
        match self.build.get(id) {
            Expr::Int(_) | Expr::Size(_) => true,
            Expr::Not(inner) => depth < MAX_DEPTH && self.is_size(inner, depth + 1),
            Expr::Binary(_, a, b) => depth < MAX_DEPTH && self.is_size(a, depth + 1) && self.is_size(b, depth + 1),
            _ => false,
        }
    }

    /// `container_of(pointer, type, member)` and its like, where the tree does not define the macro.
    pub(super) fn container_by_name(&mut self, name: &str, arguments: &[At]) -> Option<ExprId> {
        const ENDS: &[&str] = &["container_of", "containerof", "list_entry", "rb_entry"];
        let lower = name.to_ascii_lowercase();
        // `struct item` between them is two arguments to the parser.
        let [pointer, _, .., member] = arguments else { return None };
        let path = ENDS.iter().any(|end| lower.ends_with(end)).then(|| self.names_of(*member)).flatten()?;
        let pointer = self.value(*pointer);
        Some(self.around(pointer, &path))
    }

    /// The structure around the member that `pointer` leads to; the last member of `path` is the innermost.
    fn around(&mut self, pointer: ExprId, path: &[Name]) -> ExprId {
        path.iter().rev().fold(pointer, |inner, member| self.build.expr(Expr::Container(inner, *member)))
    }

    /// A cast, also where parentheses or a macro stand around it.
    fn resolve_cast(&mut self, at: At) -> At {
        let mut at = self.resolve(at);
        for _ in 0..MAX_DEPTH {
            let inner = (self.frames.node(at).kind == Kind::ParenthesizedExpression)
                .then(|| self.frames.children(at).into_iter().next_back());
            match inner.flatten() {
                Some(inner) => at = self.resolve(inner),
                None => break,
            }
        }
        at
    }

    /// The members that an offset is the sum of: of `offsetof(type, member)`, or of `&((type *)0)->member`.
    fn member_path(&self, offset: ExprId) -> Option<Vec<Name>> {
        if let Expr::AddressOf(place) = self.build.get(offset) {
            return self.below_null(place);
        }
        let Expr::Size(name) = self.build.get(offset) else { return None };
        self.offsets.iter().rev().find(|(known, _)| *known == name).map(|(_, path)| path.clone())
    }

    /// Remembers which members an `offsetof` is about, under the name of its value.
    pub(super) fn note_offset(&mut self, at: At, name: Name) {
        let member = self.frames.child(at, Role::Member);
        if let Some(path) = member.and_then(|member| self.names_of(member)) {
            self.offsets.push((name, path));
        }
    }

    fn below_null(&self, mut place: ExprId) -> Option<Vec<Name>> {
        let mut path = Vec::new();
        while path.len() < MAX_DEPTH {
            match self.build.get(place) {
                Expr::Field(base, member) => {
                    path.insert(0, member);
                    place = base;
                }
                Expr::Deref(nothing) if self.build.get(nothing) == Expr::Int(0) && !path.is_empty() => {
                    return Some(path);
                }
                _ => return None,
            }
        }
        None
    }

    /// The names of `member` or `member.inner`. Within a macro they are mostly a parameter.
    fn names_of(&self, member: At) -> Option<Vec<Name>> {
        let mut member = member;
        for _ in 0..MAX_DEPTH {
            let argument = self.frames.argument(member, Name::of(self.frames.text(member)));
            let Some(argument) = argument else { break };
            member = argument;
        }
        let words = self.frames.text(member).split('.').map(str::trim);
        let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_');
        let names: Option<Vec<Name>> = words.map(|word| is_word(word).then(|| Name::of(word))).collect();
        names.filter(|names| names.len() <= MAX_DEPTH)
    }
}
