//! Branches of preprocessor conditions that are left out.

use super::{directives, wipe};

/// A branch of a preprocessor condition.
struct Branch {
    /// Whether the condition holds, where that is written as a number.
    holds: Option<bool>,
    /// Where the branch begins, if it is never compiled.
    dead_from: Option<usize>,
}

/// What only those define who look for faults, and no compiler that makes a program to be run.
const UNDEFINED: &[&str] = &["__clang_analyzer__", "__COVERITY__", "__CPPCHECK__"];

/// Whether a condition holds, where that needs no other definition to be known.
fn holds(directive: &str, condition: &str) -> Option<bool> {
    let condition = condition.split("/*").next().unwrap_or("").split("//").next().unwrap_or("").trim_end();
    match directive {
        "ifdef" => UNDEFINED.contains(&condition).then_some(false),
        "ifndef" => UNDEFINED.contains(&condition).then_some(true),
        "if" if condition == "1" => Some(true),
        "if" => (condition == "0" || condition.ends_with("&& 0") && !condition.contains("||")).then_some(false),
        _ => None,
    }
}

/// Blanks what stands between `#if 0` and its `#else` or `#endif`, or behind the `#else` of `#if 1`.
pub(super) fn wipe_dead(text: &str, out: &mut [u8]) {
    let mut open: Vec<Branch> = Vec::new();
    for (start, end, directive, condition) in directives(text) {
        if directive.starts_with("if") {
            let holds = holds(directive, condition);
            open.push(Branch { holds, dead_from: (holds == Some(false)).then_some(end) });
        } else if matches!(directive, "else" | "elif" | "endif") {
            let Some(mut branch) = open.pop() else { continue };
            wipe_from(out, &mut branch.dead_from, start);
            if directive != "endif" {
                branch.dead_from = (branch.holds == Some(true)).then_some(end);
                open.push(branch);
            }
        }
    }
}

/// `text` with one branch of every preprocessor condition, the others and the directives replaced by blanks. For files
/// whose branches cut statements in two, which no parser of unprocessed C can read.
pub fn one_branch(text: &str) -> String {
    let mut out = text.as_bytes().to_vec();
    // For each open condition: whether the text before the current directive was kept, and whether a branch was.
    let mut open: Vec<(bool, bool)> = Vec::new();
    let mut dead_from: Option<usize> = None;
    for (start, end, directive, condition) in directives(text) {
        let outer = open.iter().all(|(kept, _)| *kept);
        match directive {
            "if" | "ifdef" | "ifndef" => {
                let taken = !(directive == "if" && condition.starts_with('0'));
                open.push((taken, taken));
                if outer && !taken {
                    dead_from = Some(end);
                }
            }
            "else" | "elif" => {
                if let Some((kept, done)) = open.pop() {
                    let around = open.iter().all(|(kept, _)| *kept);
                    if around && kept {
                        dead_from = Some(end);
                    } else if around && !done {
                        wipe_from(&mut out, &mut dead_from, start);
                    }
                    open.push((!done, true));
                }
            }
            "endif" => {
                open.pop();
                if open.iter().all(|(kept, _)| *kept) {
                    wipe_from(&mut out, &mut dead_from, start);
                }
            }
            _ => continue,
        }
        wipe(&mut out, start..end);
    }
    wipe_from(&mut out, &mut dead_from, text.len());
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

/// Blanks up to `to` what is left out from a place on, if anything is.
fn wipe_from(out: &mut [u8], from: &mut Option<usize>, to: usize) {
    if let Some(from) = from.take() {
        wipe(out, from..to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_branch_of_each_condition_is_kept() {
        let text = "#if 0\na\n#else\nb\n#endif\n#ifdef X\nc\n# if Y\nd\n# else\ne\n# endif\n#else\nf\n#endif\ng\n";
        let kept = one_branch(text);
        assert_eq!(kept.split_whitespace().collect::<String>(), "bcdg");
        assert_eq!(kept.len(), text.len());
    }
}
