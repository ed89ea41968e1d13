//! Who answers for an incident: its service, the service's escalation policy, and the people on call for it.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::io::pagerduty::connection::Allowance;
use crate::io::pagerduty::dialect::{Question, time};
use crate::io::pagerduty::fault::Fault;
use crate::io::pagerduty::lists::{LIST_LIMIT, decoded};
use crate::io::pagerduty::{PagerDuty, Reading, decode, envelope, on_call};
use crate::model::evidence::Gap;
use crate::model::ids::{EscalationPolicyId, Timestamp};
use crate::model::incident::{IncidentSummary, OnCall, Service};

/// People whose e-mail address is looked up, one request each.
const PEOPLE_LOOKED_UP: usize = 3;

/// The service with its escalation policy, and who is on call for that policy.
pub(super) async fn service_and_on_call(
    pager: &PagerDuty,
    summary: &IncidentSummary,
    at: Timestamp,
    allowance: &Allowance,
) -> (Reading<Service>, Reading<Vec<OnCall>>) {
    let service = service(pager, summary, allowance).await;
    let on_call = match &service.value.escalation_policy {
        Some(policy) => on_call(pager, policy, at, allowance).await,
        None => {
            let why = "the service's escalation policy is not known, and without it nobody can be verified";
            Reading { value: Vec::new(), gaps: vec![Gap::new("people on call", why)] }
        }
    };
    (service, on_call)
}

/// The service by its id, else by its name in the list of services.
async fn service(pager: &PagerDuty, summary: &IncidentSummary, allowance: &Allowance) -> Reading<Service> {
    let by_id = [("service_id", Value::from(summary.service.as_str()))];
    let by_its_name = summary.service_name.as_deref() == Some(summary.service.as_str());
    let is_ours =
        |service: &Service| service.id == summary.service || (by_its_name && service.name == summary.service.as_str());
    let answered = pager.connection.ask(Question::Service, &by_id, allowance).await;
    let object = answered.and_then(|answer| envelope::object(answer.value, "service"));
    let fault = match object.map(|object| decode::service(&object).filter(is_ours)) {
        Ok(Some(service)) => return Reading::complete(service),
        Ok(None) => Fault::WrongThing,
        Err(fault) => fault,
    };
    let by_name: Vec<_> = summary.service_name.iter().map(|name| ("query", Value::from(name.as_str()))).collect();
    let may_be_listed =
        matches!(fault, Fault::ToolMissing(_) | Fault::NotFound | Fault::WrongArguments | Fault::WrongThing);
    if may_be_listed {
        let listed =
            decoded(pager, Question::Services, &by_name, "services", decode::service, "services", allowance).await;
        if let Some(service) = listed.value.into_iter().find(is_ours) {
            return Reading::complete(service);
        }
    }
    let name = summary.service_name.clone().unwrap_or_else(|| summary.service.to_string());
    let unknown = Service { id: summary.service.clone(), name, escalation_policy: None, teams: Vec::new() };
    Reading { value: unknown, gaps: vec![Gap::new("service of the incident", fault.because())] }
}

/// The people on call for the policy, the first few with their e-mail addresses.
async fn on_call(
    pager: &PagerDuty,
    policy: &EscalationPolicyId,
    at: Timestamp,
    allowance: &Allowance,
) -> Reading<Vec<OnCall>> {
    let wanted = [
        ("escalation_policy_ids", json!([policy.as_str()])),
        ("since", time(at)),
        ("until", time(at + TimeDelta::minutes(1))),
        ("limit", Value::from(LIST_LIMIT)),
    ];
    let listed =
        decoded(pager, Question::OnCalls, &wanted, "oncalls", decode::shift, "people on call", allowance).await;
    let mut gaps = listed.gaps;
    let some_listed = !listed.value.is_empty();
    let mut people = on_call::current(listed.value, policy, at);
    if people.is_empty() && some_listed {
        let why = "no shift that runs now belongs to the service's escalation policy";
        gaps.push(Gap::new("people on call", why));
    }
    let mut without = people.iter_mut().filter(|person| person.email.is_none());
    for person in without.by_ref().take(PEOPLE_LOOKED_UP) {
        let why = match email(pager, person, allowance).await {
            Ok(Some(found)) => {
                person.email = Some(found);
                continue;
            }
            Ok(None) => "the list of users holds nobody of that name with the same id and an address".to_owned(),
            Err(fault) => fault.because(),
        };
        gaps.push(Gap::new(format!("e-mail address of {}", person.name), why));
    }
    let more = without.count();
    if more > 0 {
        let why = format!("only the first {PEOPLE_LOOKED_UP} are looked up");
        gaps.push(Gap::new(format!("e-mail addresses of {more} more people on call"), why));
    }
    Reading { value: people, gaps }
}

/// The person's e-mail address: users are searched by name, and only the one with the same id counts.
async fn email(pager: &PagerDuty, person: &OnCall, allowance: &Allowance) -> Result<Option<String>, Fault> {
    let wanted = [("query", Value::from(person.name.as_str())), ("limit", Value::from(LIST_LIMIT))];
    let answer = pager.connection.ask(Question::Users, &wanted, allowance).await?;
    let items = envelope::list(answer.value, "users")?.items;
    let user = items.iter().filter_map(decode::user).find(|user| user.id == person.user);
    Ok(user.and_then(|user| user.email))
}
