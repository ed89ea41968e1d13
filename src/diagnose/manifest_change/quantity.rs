//! Quantities as Kubernetes writes them: `64Mi`, `250m`, `1.5G`, `1e3`.
//!
//! The suffixes are those of <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>.

/// A quantity as a number, to compare two of them. `None` for anything else.
pub(super) fn parse(text: &str) -> Option<f64> {
    let digits = text.find(|c: char| c.is_ascii_alphabetic() && c != 'e').unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let factor = match suffix {
        "" => 1.0,
        "m" => 1e-3,
        "k" | "K" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        "Pi" => 1024.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    number.is_finite().then_some(number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_are_factors() {
        for (text, expected) in [("64Mi", 67_108_864.0), ("250m", 0.25), ("1.5G", 1.5e9), ("1e3", 1000.0), ("3", 3.0)] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
        for text in ["", "Mi", "64MB", "sixty", "NaN", "infinity"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
