//! Lists: asked for, opened, decoded, and honest about what is missing from them.

use serde_json::Value;

use crate::model::evidence::Gap;

use super::connection::Allowance;
use super::dialect::Question;
use super::envelope::{self, Listed};
use super::{PagerDuty, Reading};

/// Items asked for in one list that belongs to one incident.
pub(super) const LIST_LIMIT: usize = 100;

/// A list, decoded; whatever could not be read is a gap called `what`.
pub(super) async fn decoded<T>(
    pager: &PagerDuty,
    question: Question,
    wanted: &[(&'static str, Value)],
    name: &str,
    decode: impl Fn(&Value) -> Option<T>,
    what: &str,
    allowance: &Allowance,
) -> Reading<Vec<T>> {
    let answered = pager.connection.ask(question, wanted, allowance).await;
    let listed = answered.and_then(|answer| {
        let listed = envelope::list(answer.value, name)?;
        let full = answer.call.limit().is_some_and(|limit| listed.items.len() >= limit);
        Ok(Listed { cut: listed.cut || full, ..listed })
    });
    match listed {
        Ok(listed) => items(listed, decode, what),
        Err(fault) => Reading { value: Vec::new(), gaps: vec![Gap::new(what, fault.because())] },
    }
}

/// The items that can be read; the others, and those the server kept back, are gaps.
pub(super) fn items<T>(listed: Listed, decode: impl Fn(&Value) -> Option<T>, what: &str) -> Reading<Vec<T>> {
    let all = listed.items.len();
    let value: Vec<T> = listed.items.iter().filter_map(&decode).collect();
    let mut gaps = Vec::new();
    if let Some(odd) = listed.items.iter().find(|item| decode(item).is_none()) {
        let keys = envelope::keys(odd);
        gaps.push(Gap::new(
            format!("{} of {all} {what}", all - value.len()),
            format!("they have an unknown shape ({keys})"),
        ));
    }
    if listed.cut {
        gaps.push(Gap::new(format!("{what} beyond the first {all}"), "the server gives no more in one answer"));
    }
    Reading { value, gaps }
}
