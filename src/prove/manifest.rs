//! The memory limit of a service, from its Kubernetes manifests. Pure: text in, a number out.

use serde::Deserialize;
use serde_yaml::Value;

use crate::model::proof::ManifestLimit;
use crate::settings::config_file::MemoryQuantity;

/// Kinds that run containers for long. Their pod template stands at the same place.
const WORKLOADS: [&str; 5] = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"];

/// The limit, in bytes, and the manifest that says so. Where several workloads have one, only that of the service's
/// name counts: another service's limit would be a guess.
pub(super) fn memory_limit(service: &str, manifests: &[(String, String)]) -> Option<ManifestLimit> {
    let mut found: Vec<(u64, &str, Named)> = Vec::new();
    for (path, text) in manifests {
        for document in serde_yaml::Deserializer::from_str(text) {
            // A template with markers in it is no YAML; the rest of the file cannot be trusted either.
            let Ok(value) = Value::deserialize(document) else { break };
            found.extend(limits(&value, service).into_iter().map(|(bytes, named)| (bytes, path.as_str(), named)));
        }
    }
    let named = found.iter().find(|(_, _, named)| *named == Named::AsTheService);
    let (bytes, path, _) = match (named, found.as_slice()) {
        (Some(named), _) => named,
        (None, [only]) => only,
        (None, _) => return None,
    };
    Some(ManifestLimit { bytes: *bytes, path: (*path).to_owned() })
}

/// Whether a workload or container has the service's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    AsTheService,
    Otherwise,
}

/// The limits of a document's containers.
fn limits(document: &Value, service: &str) -> Vec<(u64, Named)> {
    let kind = document["kind"].as_str().unwrap_or_default();
    let pod = if kind == "Pod" {
        &document["spec"]
    } else if WORKLOADS.contains(&kind) {
        &document["spec"]["template"]["spec"]
    } else {
        return Vec::new();
    };
    let is_service = |name: &Value| name.as_str().is_some_and(|name| name.eq_ignore_ascii_case(service));
    let containers: Vec<&Value> = pod["containers"].as_sequence().into_iter().flatten().collect();
    let workload_named = is_service(&document["metadata"]["name"]) && containers.len() == 1;
    let limit = |container: &&Value| {
        let memory = &container["resources"]["limits"]["memory"];
        let bytes = match memory {
            Value::Number(number) => number.as_u64(),
            other => other.as_str().and_then(MemoryQuantity::parse).map(MemoryQuantity::bytes),
        }?;
        let named =
            if workload_named || is_service(&container["name"]) { Named::AsTheService } else { Named::Otherwise };
        Some((bytes, named))
    };
    containers.iter().filter_map(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn deployment(name: &str, limit: &str) -> String {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  template:\n    spec:\n      containers:\n        - name: main\n          resources:\n            limits:\n              memory: {limit}\n"
        )
    }

    fn of(service: &str, texts: &[String]) -> Option<(u64, String)> {
        let files: Vec<(String, String)> =
            texts.iter().enumerate().map(|(index, text)| (format!("{index}.yaml"), text.clone())).collect();
        memory_limit(service, &files).map(|limit| (limit.bytes, limit.path))
    }

    #[test]
    fn the_only_limit_or_that_of_the_same_name_counts() {
        let (worker, other) = (deployment("worker", "\"64Mi\""), deployment("other", "1Gi"));
        assert_eq!(of("payments", std::slice::from_ref(&worker)), Some((64 << 20, "0.yaml".to_owned())));
        assert_eq!(of("Worker", &[other.clone(), worker.clone()]), Some((64 << 20, "1.yaml".to_owned())));
        assert_eq!(of("payments", &[other.clone(), worker.clone()]), None, "nobody says whose it is");
        assert_eq!(of("worker", &[format!("{other}---\n{worker}")]), Some((64 << 20, "0.yaml".to_owned())));
    }

    #[test]
    fn what_has_no_limit_or_is_no_manifest_says_nothing() {
        assert_eq!(of("worker", &["kind: Service\n".to_owned(), "{{ template }}".to_owned(), String::new()]), None);
        assert_eq!(of("worker", &[deployment("worker", "lots")]), None);
        assert_eq!(of("worker", &[deployment("worker", "67108864")]), Some((64 << 20, "0.yaml".to_owned())));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,80}") {
            let _ = of("worker", &[text]);
        }
    }
}
