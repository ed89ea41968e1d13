//! How the file is laid out: line ends, indentation, and how to put a statement somewhere.

use crate::c::report::FileView;
use crate::c::syntax::{Kind, Role, Span};
use crate::model::edit::Edit;

/// A statement to be written, without its semicolon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    /// What must hold for it.
    pub(crate) condition: Option<String>,
    pub(crate) text: String,
}

impl Statement {
    /// The statement with its semicolon, and with `between` behind its condition.
    fn spelled(&self, between: &str) -> String {
        match &self.condition {
            Some(condition) => format!("if ({condition}){between}{};", self.text),
            None => format!("{};", self.text),
        }
    }
}

impl From<String> for Statement {
    fn from(text: String) -> Statement {
        Statement { condition: None, text }
    }
}

/// The layout of one function's surroundings.
pub(crate) struct Layout<'a> {
    view: &'a FileView<'a>,
    newline: &'static str,
    unit: String,
}

impl<'a> Layout<'a> {
    /// Reads the layout of a function.
    pub(crate) fn new(view: &'a FileView<'a>, function: Span) -> Layout<'a> {
        let newline = if view.text.contains("\r\n") { "\r\n" } else { "\n" };
        let body = view.text.get(function.start as usize..function.end as usize).unwrap_or("");
        Layout { view, newline, unit: unit(body) }
    }

    fn indent_at(&self, at: u32) -> String {
        let start = self.line_start(at);
        let line = self.view.text.get(start..at as usize).unwrap_or("");
        line.chars().take_while(|c| *c == ' ' || *c == '\t').collect()
    }

    fn line_start(&self, at: u32) -> usize {
        self.view.text.get(..at as usize).and_then(|text| text.rfind('\n')).map_or(0, |end| end + 1)
    }

    /// Whether only blanks stand before `at` on its line.
    fn is_first(&self, at: u32) -> bool {
        let start = self.line_start(at);
        self.view.text.get(start..at as usize).is_some_and(|text| text.trim().is_empty())
    }

    /// Whether a statement is the head of a loop that a macro makes (`FOREACH(x, list) { … }`): what follows is its body.
    pub(crate) fn is_loop_head(&self, node: u32) -> bool {
        let tree = &self.view.syntax;
        let here = tree.node(node);
        (here.kind == Kind::Error || here.kind == Kind::ExpressionStatement && here.missing)
            && tree.children(node).any(|child| tree.node(child).kind == Kind::CallExpression)
    }

    /// Whether a statement in `parent` follows such a head.
    pub(crate) fn is_loop_body(&self, parent: u32, statement: u32) -> bool {
        let earlier = self.view.syntax.children(parent).take_while(|child| *child < statement).last();
        earlier.is_some_and(|earlier| self.is_loop_head(earlier))
    }

    /// Puts statements before a statement that stands at `at`.
    pub(crate) fn before(&self, at: u32, statements: &[Statement]) -> Option<Vec<Edit>> {
        let path = self.view.syntax.path_to(Span { start: at, end: at + 1 });
        let tree = &self.view.syntax;
        let statement = path
            .iter()
            .rev()
            .find(|node| tree.node(**node).span.start == at && is_statement(tree.node(**node).kind))?;
        let position = path.iter().position(|node| node == statement)?;
        // The outermost statement that begins here: a label stands before what it labels.
        let parent = *path.get(position.checked_sub(1)?)?;
        if self.is_loop_body(parent, *statement) {
            return None;
        }
        let node = tree.node(*statement);
        let parent_kind = tree.node(parent).kind;
        let bare = matches!(
            parent_kind,
            Kind::IfStatement | Kind::ElseClause | Kind::WhileStatement | Kind::ForStatement | Kind::DoStatement
        );
        if bare {
            return self.braced(node.span, parent_kind, parent, statements);
        }
        if self.is_first(at) {
            let indent = self.indent_at(at);
            let line = |statement: &Statement| format!("{}{}{indent}", self.lines(statement, &indent), self.newline);
            let text: String = statements.iter().map(line).collect();
            return Some(vec![Edit::insert(at as usize, text)]);
        }
        let text: String = statements.iter().map(|statement| format!("{} ", statement.spelled(" "))).collect();
        Some(vec![Edit::insert(at as usize, text)])
    }

    /// Puts a declaration before the first statement of a block, which begins at `first`. A word before it on its line may
    /// belong to it, however it was read (`const UNKNOWN size = 4;`): nothing goes between them.
    pub(crate) fn declared(&self, first: u32, declaration: String) -> Option<Vec<Edit>> {
        if self.is_first(first) { self.before(first, &[declaration.into()]) } else { None }
    }

    /// A statement in lines of its own, which are indented so.
    fn lines(&self, statement: &Statement, indent: &str) -> String {
        statement.spelled(&format!("{}{indent}{}", self.newline, self.unit))
    }

    /// Turns the only statement of an `if` into a block.
    fn braced(&self, span: Span, parent_kind: Kind, parent: u32, statements: &[Statement]) -> Option<Vec<Edit>> {
        let text = self.view.text.get(span.start as usize..span.end as usize)?;
        let head = self.view.text.get(..self.head_end(span, parent_kind, parent)?)?;
        let parent_start = self.view.syntax.node(parent).span.start;
        let outer = self.indent_at(parent_start);
        let inner =
            if self.is_first(span.start) { self.indent_at(span.start) } else { format!("{outer}{}", self.unit) };
        // A comment between the condition and its statement stays where it is, inside the block.
        let between = self.view.text.get(head.len()..span.start as usize)?.trim_end();
        if between.contains("//") && !self.is_first(span.start) {
            return None;
        }
        let newline = self.newline;
        let own_line = self.braces_stand_alone();
        let open = if own_line { format!("{newline}{outer}{{") } else { " {".to_owned() };
        let mut block = open + between;
        for statement in statements {
            block.push_str(&format!("{newline}{inner}{}", self.lines(statement, &inner)));
        }
        block.push_str(&format!("{newline}{inner}{text}{newline}{outer}}}"));
        let rest = self.view.text.get(span.end as usize..)?;
        let mut end = span.end as usize;
        // `} else` goes on one line where the file does so.
        if parent_kind == Kind::IfStatement && !own_line && rest.trim_start().starts_with("else") {
            end += rest.len() - rest.trim_start().len();
            block.push(' ');
        }
        Some(vec![Edit::replace(head.len(), end, block)])
    }

    /// Where the head of an `if`, `else` or loop ends, whose only statement is at `span`: before the comment there, if
    /// there is one.
    fn head_end(&self, span: Span, kind: Kind, at: u32) -> Option<usize> {
        let tree = &self.view.syntax;
        let bare = self.view.text.get(..span.start as usize)?.trim_end();
        if !bare.ends_with("*/") && !bare.lines().next_back().is_some_and(|line| line.contains("//")) {
            return Some(bare.len());
        }
        match kind {
            Kind::IfStatement | Kind::WhileStatement => {
                tree.child(at, Role::Condition).map(|condition| tree.node(condition).span.end as usize)
            }
            Kind::ElseClause => Some(tree.node(at).span.start as usize + "else".len()),
            _ => None,
        }
    }

    fn braces_stand_alone(&self) -> bool {
        let text = self.view.text;
        let same = text.matches(") {").count();
        let own = text.lines().filter(|line| line.trim() == "{" && line.starts_with([' ', '\t'])).count();
        own > same
    }

    /// Puts statements after a statement.
    pub(crate) fn after(&self, span: Span, statements: &[Statement]) -> Option<Vec<Edit>> {
        let indent = self.indent_at(span.start);
        let rest = self.view.text.get(span.end as usize..)?;
        let line = rest.lines().next().unwrap_or("");
        // A comment behind the statement belongs to it.
        let trailing = line.trim_start();
        let end = if trailing.starts_with("//") || (trailing.starts_with("/*") && trailing.ends_with("*/")) {
            span.end as usize + line.trim_end().len()
        } else if trailing.is_empty() {
            span.end as usize
        } else {
            let text: String = statements.iter().map(|statement| format!(" {}", statement.spelled(" "))).collect();
            return Some(vec![Edit::insert(span.end as usize, text)]);
        };
        let line = |statement: &Statement| format!("{}{indent}{}", self.newline, self.lines(statement, &indent));
        let text: String = statements.iter().map(line).collect();
        Some(vec![Edit::insert(end, text)])
    }

    /// Takes away a statement that has its lines for itself.
    pub(crate) fn without(&self, span: Span) -> Option<Edit> {
        let rest = self.view.text.get(span.end as usize..)?;
        let line = rest.split_inclusive('\n').next().unwrap_or("");
        let is_alone = self.is_first(span.start) && line.trim().is_empty();
        is_alone.then(|| Edit::replace(self.line_start(span.start), span.end as usize + line.len(), ""))
    }

    /// Puts statements at the end of a block, before the closing brace that stands at `brace`.
    pub(crate) fn at_end(&self, brace: u32, statements: &[Statement]) -> Option<Vec<Edit>> {
        let tree = &self.view.syntax;
        let path = tree.path_to(Span { start: brace, end: brace + 1 });
        let block = path.iter().rev().find(|node| tree.node(**node).kind == Kind::CompoundStatement)?;
        if let Some(last) = tree.children(*block).last() {
            let node = tree.node(last);
            if is_jump(node.kind) {
                return None;
            }
            // A label mostly stands further left than what follows it.
            let is_labeled = node.kind == Kind::LabeledStatement;
            if self.is_first(node.span.start) && is_statement(node.kind) && !is_labeled {
                return self.after(node.span, statements);
            }
        }
        let outer = self.indent_at(brace);
        if !self.is_first(brace) {
            let text: String = statements.iter().map(|statement| format!("{} ", statement.spelled(" "))).collect();
            return Some(vec![Edit::insert(brace as usize, text)]);
        }
        let start = self.line_start(brace);
        let inner = format!("{outer}{}", self.unit);
        let line = |statement: &Statement| format!("{inner}{}{}", self.lines(statement, &inner), self.newline);
        let text: String = statements.iter().map(line).collect();
        Some(vec![Edit::insert(start, text)])
    }

    /// The innermost statement that covers a span and stands directly in a block, a case or under a label.
    pub(crate) fn statement(&self, span: Span) -> Option<Span> {
        let tree = &self.view.syntax;
        let path = tree.path_to(span);
        let at = path.iter().rev().find(|node| is_statement(tree.node(**node).kind))?;
        Some(tree.node(*at).span)
    }

    /// Whether whoever comes to `later` has passed `earlier`: both stand in one block, with no label between them.
    pub(crate) fn is_passed(&self, earlier: u32, later: u32) -> bool {
        let tree = &self.view.syntax;
        let place = |at: u32| {
            let path = tree.path_to(Span { start: at, end: at + 1 });
            let block = path.iter().rposition(|node| tree.node(*node).kind == Kind::CompoundStatement)?;
            let mut inside = path[block + 1..].iter();
            let is_label = |node: &&u32| tree.node(**node).kind == Kind::LabeledStatement;
            let statement = inside.find(|node| !is_label(node) && is_statement(tree.node(**node).kind))?;
            (tree.node(*statement).span.start == at).then(|| (path[block], path[block + 1]))
        };
        let (Some((block, first)), Some((other, last))) = (place(earlier), place(later)) else { return false };
        let is_entered = |node: u32| matches!(tree.node(node).kind, Kind::LabeledStatement | Kind::CaseStatement);
        let mut between = tree.children(block).filter(|node| first < *node && *node <= last);
        block == other && first < last && !between.any(is_entered)
    }

    /// The body that a condition guards, on the side taken: its span, and whether it is a block.
    pub(crate) fn guarded(&self, condition: Span, taken: bool) -> Option<u32> {
        let tree = &self.view.syntax;
        let path = tree.path_to(condition);
        let at = path.iter().rev().find(|node| tree.node(**node).kind == Kind::IfStatement)?;
        if taken {
            return tree.child(*at, Role::Consequence);
        }
        let clause = tree.child(*at, Role::Alternative)?;
        tree.children(clause).last()
    }

    /// The `if` in a block that a condition belongs to and that has no `else`, and its arm.
    pub(crate) fn one_armed(&self, condition: Span) -> Option<(u32, u32)> {
        let tree = &self.view.syntax;
        let path = tree.path_to(condition);
        let position = path.iter().rposition(|node| tree.node(*node).kind == Kind::IfStatement)?;
        let parent = *path.get(position.checked_sub(1)?)?;
        let is_alone = matches!(tree.node(parent).kind, Kind::CompoundStatement | Kind::CaseStatement)
            && tree.child(path[position], Role::Alternative).is_none();
        is_alone.then_some(path[position]).and_then(|branch| Some((branch, tree.child(branch, Role::Consequence)?)))
    }

    /// Gives an `if` an `else` with these statements.
    pub(crate) fn otherwise(&self, branch: u32, arm: u32, statements: &[Statement]) -> Option<Vec<Edit>> {
        let tree = &self.view.syntax;
        let (branch, arm) = (tree.node(branch), tree.node(arm));
        let rest = self.view.text.get(arm.span.end as usize..)?.lines().next().unwrap_or("");
        if !self.is_first(branch.span.start) || !rest.trim().is_empty() {
            return None;
        }
        let (newline, outer) = (self.newline, self.indent_at(branch.span.start));
        let inner = format!("{outer}{}", self.unit);
        let is_block = arm.kind == Kind::CompoundStatement;
        let line = format!("{newline}{outer}");
        let open = match (is_block, self.braces_stand_alone()) {
            (true, false) => " else {".to_owned(),
            (true, true) => format!("{line}else{line}{{"),
            (false, _) if statements.len() == 1 => format!("{line}else"),
            (false, _) => return None,
        };
        let body: String =
            statements.iter().map(|statement| format!("{newline}{inner}{}", self.lines(statement, &inner))).collect();
        let close = if is_block { format!("{line}}}") } else { String::new() };
        Some(vec![Edit::insert(arm.span.end as usize, format!("{open}{body}{close}"))])
    }
}

/// The indentation that blocks of `body` add: the smallest step behind the line that opens one. Elsewhere lines are also
/// aligned, in comments and behind parentheses.
fn unit(body: &str) -> String {
    let lines: Vec<&str> = body.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.iter().any(|line| line.starts_with('\t')) {
        return "\t".to_owned();
    }
    let indent = |line: &str| line.len() - line.trim_start().len();
    let steps = lines.windows(2).filter(|pair| pair[0].trim_end().ends_with('{'));
    let steps = steps.filter_map(|pair| indent(pair[1]).checked_sub(indent(pair[0])));
    " ".repeat(steps.filter(|step| (1..=8).contains(step)).min().unwrap_or(4))
}

/// Whether a node can stand in a block.
pub(crate) fn is_statement(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::ExpressionStatement
            | Kind::Declaration
            | Kind::IfStatement
            | Kind::WhileStatement
            | Kind::DoStatement
            | Kind::ForStatement
            | Kind::SwitchStatement
            | Kind::ReturnStatement
            | Kind::GotoStatement
            | Kind::BreakStatement
            | Kind::ContinueStatement
            | Kind::LabeledStatement
            | Kind::CompoundStatement
    )
}

/// Whether a statement repeats what stands in it.
pub(crate) fn is_loop(kind: Kind) -> bool {
    matches!(kind, Kind::WhileStatement | Kind::DoStatement | Kind::ForStatement)
}

/// Whether a statement hands control elsewhere.
pub(crate) fn is_jump(kind: Kind) -> bool {
    matches!(kind, Kind::ReturnStatement | Kind::GotoStatement | Kind::BreakStatement | Kind::ContinueStatement)
}

#[cfg(test)]
mod tests {
    use super::unit;

    #[test]
    fn aligned_lines_are_no_blocks() {
        let body = "int f(int a,\n      int b)\n{\n    /* Says\n     * more. */\n    if (a\n        || b)\n        return 1;\n    return 0;\n}\n";
        assert_eq!(unit(body), "    ");
        assert_eq!(unit("int f (void)\n{\n  if (a)\n    {\n      b ();\n    }\n}\n"), "  ");
        assert_eq!(unit("int f(void)\n{\n\tif (a)\n\t\tb();\n}\n"), "\t");
    }
}
