//! Syntax: tree-sitter's tree, flattened into one vector in reading order.
//!
//! The flat form costs 16 bytes a node, has no lifetimes, and visits children without a cursor. The parser's own tree
//! is dropped as soon as it has been flattened. Comments and punctuation are left out; operators are kept.

use std::sync::{Arc, OnceLock};

/// A half-open range of bytes in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// Whether `inner` lies within this span.
    pub fn contains(self, inner: Span) -> bool {
        self.start <= inner.start && inner.end <= self.end
    }
}

macro_rules! vocabulary {
    ($(#[$meta:meta])* $name:ident, $other:ident, $($variant:ident = $text:literal),+ $(,)?) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $name {
            /// Anything the engine has no interest in.
            $other,
            $(#[doc = concat!("The grammar's `", $text, "`.")] $variant,)+
        }
        impl $name {
            fn of(text: &str) -> $name {
                match text { $($text => $name::$variant,)+ _ => $name::$other }
            }
        }
    };
}

vocabulary! {
    /// What a node is; the names are the grammar's.
    Kind, Other,
    Error = "ERROR", TranslationUnit = "translation_unit", FunctionDefinition = "function_definition",
    Declaration = "declaration", InitDeclarator = "init_declarator", PointerDeclarator = "pointer_declarator",
    ArrayDeclarator = "array_declarator", FunctionDeclarator = "function_declarator",
    ParenthesizedDeclarator = "parenthesized_declarator", AttributedDeclarator = "attributed_declarator",
    ParameterList = "parameter_list", ParameterDeclaration = "parameter_declaration",
    VariadicParameter = "variadic_parameter", CompoundStatement = "compound_statement",
    ExpressionStatement = "expression_statement", IfStatement = "if_statement", ElseClause = "else_clause",
    WhileStatement = "while_statement", DoStatement = "do_statement", ForStatement = "for_statement",
    SwitchStatement = "switch_statement", CaseStatement = "case_statement", LabeledStatement = "labeled_statement",
    AttributedStatement = "attributed_statement", ReturnStatement = "return_statement",
    GotoStatement = "goto_statement", BreakStatement = "break_statement", ContinueStatement = "continue_statement",
    CallExpression = "call_expression", ArgumentList = "argument_list", FieldExpression = "field_expression",
    PointerExpression = "pointer_expression", SubscriptExpression = "subscript_expression",
    AssignmentExpression = "assignment_expression", UpdateExpression = "update_expression",
    UnaryExpression = "unary_expression", BinaryExpression = "binary_expression",
    ConditionalExpression = "conditional_expression", CastExpression = "cast_expression",
    CommaExpression = "comma_expression", SizeofExpression = "sizeof_expression",
    ParenthesizedExpression = "parenthesized_expression", CompoundLiteral = "compound_literal_expression",
    InitializerList = "initializer_list", InitializerPair = "initializer_pair", FieldDesignator = "field_designator",
    SubscriptDesignator = "subscript_designator", NumberLiteral = "number_literal",
    StringLiteral = "string_literal", ConcatenatedString = "concatenated_string", CharLiteral = "char_literal",
    Identifier = "identifier", FieldIdentifier = "field_identifier", TypeIdentifier = "type_identifier",
    StatementIdentifier = "statement_identifier", Null = "null", True = "true", False = "false",
    PreprocIf = "preproc_if", PreprocIfdef = "preproc_ifdef", PreprocElse = "preproc_else",
    PreprocElif = "preproc_elif", PreprocElifdef = "preproc_elifdef", PreprocDef = "preproc_def",
    PreprocFunctionDef = "preproc_function_def", PreprocCall = "preproc_call", PreprocInclude = "preproc_include",
    PreprocDefined = "preproc_defined", StorageClass = "storage_class_specifier", TypeQualifier = "type_qualifier",
    TypeDefinition = "type_definition", StructSpecifier = "struct_specifier", UnionSpecifier = "union_specifier",
    EnumSpecifier = "enum_specifier", EnumeratorList = "enumerator_list", Enumerator = "enumerator",
    FieldDeclarationList = "field_declaration_list", FieldDeclaration = "field_declaration",
    LinkageSpecification = "linkage_specification", DeclarationList = "declaration_list",
    OffsetofExpression = "offsetof_expression", AlignofExpression = "alignof_expression",
    GenericExpression = "generic_expression", ExtensionExpression = "extension_expression",
    AsmExpression = "gnu_asm_expression", AttributeSpecifier = "attribute_specifier",
    TypeDescriptor = "type_descriptor", AbstractPointer = "abstract_pointer_declarator",
    MacroTypeSpecifier = "macro_type_specifier", Comment = "comment", PrimitiveType = "primitive_type",
}

vocabulary! {
    /// The part a node plays in its parent; the names are the grammar's.
    Role, Plain,
    Alternative = "alternative", Argument = "argument", Arguments = "arguments", Body = "body",
    Condition = "condition", Consequence = "consequence", Declarator = "declarator", Designator = "designator",
    Field = "field", Function = "function", Index = "index", Initializer = "initializer", Label = "label",
    Left = "left", Name = "name", Operator = "operator", Parameters = "parameters", Right = "right", Size = "size",
    Type = "type", Update = "update", Value = "value", Member = "member",
}

/// One node. Its children are those between it and `next`, read with [`Tree::children`].
#[derive(Debug, Clone, Copy)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Which part it plays in its parent.
    pub role: Role,
    /// Whether the parser had to invent a token inside it.
    pub missing: bool,
    /// Whether it or anything below it is a parse error.
    pub damaged: bool,
    /// The bytes it covers.
    pub span: Span,
    /// The index after its last descendant.
    pub next: u32,
}

/// A file's nodes in reading order; index 0 is the root.
#[derive(Debug)]
pub struct Tree {
    /// The text the spans refer to.
    pub text: Arc<str>,
    nodes: Vec<Node>,
}

struct Tables {
    kinds: Vec<Kind>,
    roles: Vec<Role>,
}

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| {
        let language = tree_sitter::Language::new(tree_sitter_c::LANGUAGE);
        let kinds = (0..language.node_kind_count())
            .map(|id| language.node_kind_for_id(id as u16).map_or(Kind::Other, Kind::of))
            .collect();
        let roles = (0..=language.field_count())
            .map(|id| language.field_name_for_id(id as u16).map_or(Role::Plain, Role::of))
            .collect();
        Tables { kinds, roles }
    })
}

thread_local! {
    static PARSER: std::cell::RefCell<tree_sitter::Parser> = std::cell::RefCell::new({
        let mut parser = tree_sitter::Parser::new();
        // The grammar and the runtime are compiled together, so their versions cannot disagree; were they to, every
        // parse would give no tree, which the caller tells as a gap.
        let _ = parser.set_language(&tree_sitter::Language::new(tree_sitter_c::LANGUAGE));
        parser
    });
}

impl Tree {
    /// Parses `text`. `None` only when the parser itself gives up.
    pub fn parse(text: Arc<str>) -> Option<Tree> {
        let tree = PARSER.with_borrow_mut(|parser| parser.parse(text.as_bytes(), None))?;
        let nodes = flatten(&tree);
        Some(Tree { text, nodes })
    }

    /// The number of nodes; at least 1.
    #[allow(clippy::len_without_is_empty)] // There is always a root.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The node at `index`; the root for an index that does not exist.
    pub fn node(&self, index: u32) -> Node {
        self.nodes.get(index as usize).or(self.nodes.first()).copied().unwrap_or(Node {
            kind: Kind::Error,
            role: Role::Plain,
            missing: true,
            damaged: true,
            span: Span::default(),
            next: 1,
        })
    }

    /// A tree without anything in it.
    pub fn empty() -> Tree {
        Tree { text: "".into(), nodes: Vec::new() }
    }

    /// The text a node covers.
    pub fn slice(&self, index: u32) -> &str {
        let span = self.node(index).span;
        self.text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// The indices of the children, in order.
    pub fn children(&self, index: u32) -> impl Iterator<Item = u32> + '_ {
        let end = self.node(index).next;
        let mut at = index + 1;
        std::iter::from_fn(move || {
            let current = at;
            (current < end).then(|| {
                at = self.node(current).next.max(current + 1);
                current
            })
        })
    }

    /// The first child that plays `role`.
    pub fn child(&self, index: u32, role: Role) -> Option<u32> {
        self.children(index).find(|child| self.node(*child).role == role)
    }

    /// The first child that is a `kind`.
    pub fn child_kind(&self, index: u32, kind: Kind) -> Option<u32> {
        self.children(index).find(|child| self.node(*child).kind == kind)
    }

    /// Every node below `index` in reading order, itself first.
    pub fn below(&self, index: u32) -> std::ops::Range<u32> {
        index..self.node(index).next
    }

    /// The nodes that cover `span`, from the root down to the smallest.
    pub fn path_to(&self, span: Span) -> Vec<u32> {
        let mut path = vec![0];
        let mut at = 0;
        while let Some(child) = self.children(at).find(|child| self.node(*child).span.contains(span)) {
            path.push(child);
            at = child;
        }
        path
    }

    /// The number of error and invented nodes in the whole tree.
    pub fn errors(&self) -> usize {
        self.nodes.iter().filter(|node| node.kind == Kind::Error || node.missing).count()
    }
}

/// How many parse errors a text has, tokens that the parser invented among them. `None` only when the parser itself gives
/// up.
pub fn errors(text: &str) -> Option<usize> {
    let tree = PARSER.with_borrow_mut(|parser| parser.parse(text, None))?;
    let mut cursor = tree.walk();
    let mut errors = 0;
    loop {
        let node = cursor.node();
        errors += usize::from(node.is_error() || node.is_missing());
        // Nothing is wrong below a node that is sound.
        if node.has_error() && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return Some(errors);
            }
        }
    }
}

/// Walks the parser's tree once. Anonymous tokens are kept only where they play a role (operators) or where the parser
/// invented them, which marks the parent.
fn flatten(tree: &tree_sitter::Tree) -> Vec<Node> {
    let tables = tables();
    let mut nodes: Vec<Node> = Vec::with_capacity(tree.root_node().descendant_count());
    let mut open: Vec<usize> = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        let role =
            cursor.field_id().map_or(Role::Plain, |id| *tables.roles.get(id.get() as usize).unwrap_or(&Role::Plain));
        if node.is_missing()
            && let Some(parent) = open.last()
        {
            nodes[*parent].missing = true;
        }
        let kind = if node.is_error() {
            Kind::Error
        } else {
            tables.kinds.get(node.kind_id() as usize).copied().unwrap_or(Kind::Other)
        };
        if kind != Kind::Comment && (node.is_named() || role == Role::Operator) {
            let span = Span { start: node.start_byte() as u32, end: node.end_byte() as u32 };
            nodes.push(Node { kind, role, missing: node.is_missing(), damaged: node.has_error(), span, next: 0 });
            if cursor.goto_first_child() {
                open.push(nodes.len() - 1);
                continue;
            }
            let end = nodes.len() as u32;
            if let Some(last) = nodes.last_mut() {
                last.next = end;
            }
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return nodes;
            }
            if let Some(parent) = open.pop() {
                nodes[parent].next = nodes.len() as u32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_and_roles_of_a_small_function() {
        let tree = Tree::parse("int f(char *p) { if (p) { free(p); } return 0; }".into()).expect("the parser answers");
        let function = tree.child_kind(0, Kind::FunctionDefinition).expect("one function");
        let body = tree.child(function, Role::Body).expect("a body");
        let kinds: Vec<Kind> = tree.children(body).map(|child| tree.node(child).kind).collect();
        assert_eq!(kinds, [Kind::IfStatement, Kind::ReturnStatement]);
        assert_eq!(tree.errors(), 0);
    }

    #[test]
    fn an_invented_token_marks_its_parent() {
        let tree = Tree::parse("void f(void) { each(x, list) { g(x); } h(); }".into()).expect("the parser answers");
        assert!(tree.below(0).any(|at| tree.node(at).kind == Kind::ExpressionStatement && tree.node(at).missing));
    }
}
