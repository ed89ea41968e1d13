//! As much of GraphQL as the stand-in needs: one operation, fields, aliases, arguments, inline fragments.
//!
//! Answers are cut down to the fields that were asked for, and a field that does not exist is an error, so that a
//! query which GitHub would refuse does not pass here.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// One selected field.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    /// The name under which it is answered.
    pub alias: String,
    /// The name in the schema.
    pub name: String,
    /// Its arguments, variables already replaced.
    pub arguments: BTreeMap<String, Value>,
    /// The fields asked of it; empty for a scalar.
    pub fields: Vec<Field>,
}

/// Reads the first operation of a document.
///
/// # Errors
/// A sentence for the client where the text is not a query as described above.
pub(super) fn parse(text: &str, variables: &Value) -> Result<Vec<Field>, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, variables };
    while !matches!(parser.peek(), "{" | "") {
        // The operation's kind, name and variable definitions say nothing that the fields do not show.
        parser.at += 1;
    }
    parser.selection(0)
}

/// Answers `fields` from an object that has more than was asked for.
///
/// # Errors
/// Names the first field that the object does not have.
pub(super) fn project(fields: &[Field], value: &Value) -> Result<Value, String> {
    match value {
        Value::Array(items) => {
            items.iter().map(|item| project(fields, item)).collect::<Result<_, _>>().map(Value::Array)
        }
        Value::Object(object) if !fields.is_empty() => {
            let mut answer = Map::new();
            for field in fields {
                let missing = || format!("Field '{}' doesn't exist on this type", field.name);
                let found = object.get(&field.name).ok_or_else(missing)?;
                answer.insert(field.alias.clone(), project(&field.fields, found)?);
            }
            Ok(Value::Object(answer))
        }
        Value::Object(_) => Err("Objects must have selections".to_owned()),
        scalar => Ok(scalar.clone()),
    }
}

struct Parser<'a> {
    tokens: Vec<String>,
    at: usize,
    variables: &'a Value,
}

impl Parser<'_> {
    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", String::as_str)
    }

    fn take(&mut self) -> String {
        let token = self.peek().to_owned();
        self.at += 1;
        token
    }

    fn expect(&mut self, wanted: &str) -> Result<(), String> {
        let found = self.take();
        if found == wanted { Ok(()) } else { Err(format!("Parse error: expected {wanted:?}, found {found:?}")) }
    }

    fn selection(&mut self, depth: usize) -> Result<Vec<Field>, String> {
        if depth > 20 {
            return Err("Parse error: nested too deeply".to_owned());
        }
        self.expect("{")?;
        let mut fields = Vec::new();
        while self.peek() != "}" {
            if self.peek() == "..." {
                // An inline fragment's fields count as the object's own: the stand-in has one type per place.
                self.at += 1;
                while !matches!(self.peek(), "{" | "") {
                    self.at += 1;
                }
                fields.extend(self.selection(depth + 1)?);
                continue;
            }
            let mut field =
                Field { alias: self.name()?, name: String::new(), arguments: BTreeMap::new(), fields: vec![] };
            field.name = field.alias.clone();
            if self.peek() == ":" {
                self.at += 1;
                field.name = self.name()?;
            }
            if self.peek() == "(" {
                field.arguments = self.arguments("(", ")", depth)?;
            }
            if self.peek() == "{" {
                field.fields = self.selection(depth + 1)?;
            }
            fields.push(field);
        }
        self.expect("}")?;
        Ok(fields)
    }

    fn name(&mut self) -> Result<String, String> {
        let token = self.take();
        let is_name = token.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if is_name { Ok(token) } else { Err(format!("Parse error: expected a name, found {token:?}")) }
    }

    fn arguments(&mut self, open: &str, close: &str, depth: usize) -> Result<BTreeMap<String, Value>, String> {
        self.expect(open)?;
        let mut arguments = BTreeMap::new();
        while self.peek() != close {
            let name = self.name()?;
            self.expect(":")?;
            arguments.insert(name, self.value(depth + 1)?);
        }
        self.expect(close)?;
        Ok(arguments)
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > 20 {
            return Err("Parse error: nested too deeply".to_owned());
        }
        match self.peek() {
            "{" => Ok(json!(self.arguments("{", "}", depth)?)),
            "[" => {
                self.at += 1;
                let mut items = Vec::new();
                while !matches!(self.peek(), "]" | "") {
                    items.push(self.value(depth + 1)?);
                }
                self.expect("]")?;
                Ok(Value::Array(items))
            }
            "$" => {
                self.at += 1;
                let name = self.name()?;
                Ok(self.variables[name].clone())
            }
            // Numbers, strings and the three words are JSON as they stand; anything else is a value of an enum.
            _ => {
                let token = self.take();
                Ok(serde_json::from_str(&token).unwrap_or(Value::String(token)))
            }
        }
    }
}

/// Splits a document into names, numbers, strings and punctuation; commas and comments are blank in GraphQL.
fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' => {
                rest = rest.split_once('\n').map_or("", |(_, after)| after).trim_start();
                continue;
            }
            '"' => string_length(rest).ok_or("Parse error: a string does not end")?,
            '.' if rest.starts_with("...") => 3,
            c if c.is_ascii_alphanumeric() || "_-".contains(c) => {
                rest.find(|c: char| !(c.is_ascii_alphanumeric() || "_-.".contains(c))).unwrap_or(rest.len())
            }
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token.to_owned());
        rest = after.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
    }
    Ok(tokens)
}

fn string_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return Some(at + 1),
            _ => escaped = c == '\\' && !escaped,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_arguments_and_variables_are_read() {
        let text = r#"query Q($n: Int!) { a: thing(number: $n, of: {kind: OPEN, "x"}) { id } viewer { login } }"#;
        assert!(parse(text, &json!({})).is_err(), "a string is no argument's name");

        let text = r#"query Q($n: Int!) { a: thing(number: $n, of: {kind: OPEN}) { id ... on X { more } } # end
            viewer { login } }"#;
        let fields = parse(text, &json!({"n": 7})).expect("a query");
        assert_eq!((fields[0].alias.as_str(), fields[0].name.as_str()), ("a", "thing"));
        assert_eq!(json!(fields[0].arguments), json!({"number": 7, "of": {"kind": "OPEN"}}));
        assert_eq!(fields[0].fields.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["id", "more"]);
        assert_eq!(fields[1].name, "viewer");
    }

    #[test]
    fn only_what_was_asked_is_answered_and_unknown_fields_are_refused() {
        let all = json!({"viewer": {"login": "octo-dev", "databaseId": 1}});
        let ask = |text: &str| project(&parse(text, &json!({})).expect("a query"), &all);
        assert_eq!(ask("{ viewer { login } }"), Ok(json!({"viewer": {"login": "octo-dev"}})));
        assert_eq!(ask("{ viewer { logins } }"), Err("Field 'logins' doesn't exist on this type".to_owned()));
        assert_eq!(ask("{ viewer }"), Err("Objects must have selections".to_owned()));
    }

    #[test]
    fn broken_documents_end_with_an_error() {
        for text in ["", "{", "{ a(", "{ a(b:", "{ \"x }", "{ a { ... on", &"{a".repeat(100)] {
            assert!(parse(text, &json!({})).is_err(), "{text}");
        }
    }
}
