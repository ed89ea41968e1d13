//! From evidence to probabilities: one fixed linear model over the landings and "none of these".
//!
//! Each landing's score is a weighted sum of its evidence, and one more score stands for "none of these landings". The probabilities
//! are their softmax. The weights were fitted once, offline, by penalised maximum likelihood (a conditional logit, penalty 0.5
//! on half the squared weights) on 463 public repair commits of 17 projects that quote the fault and name the landing at fault. Each
//! incident was shown twice, once with that landing among the candidates and, at half the weight, once without it, so that
//! "none of these" is learned as well. One weight is set by hand: [`super::evidence::Evidence::TestsOnly`], which the fit left near zero
//! because failing tests are among its incidents; what runs in production is seldom broken by a test. The weights are
//! constants, so the same incident always gets the same answer. When a landing was made plays no part.

use super::evidence::Values;

/// How probable a landing must be to be accused: twice as probable as everything else together. At these two bounds, with the evidence
/// that [`super::Ranker`] asks for, 126 of 128 accusations were right on projects that played no part in the fit; with the culprit
/// taken away, 21 of 463 incidents still ended in one.
pub(super) const ACCUSED_FROM: f64 = 2.0 / 3.0;

/// How probable it must be where another landing contests it. Of the uncontested accusations above 0.75, 84 of 85 were right, of the
/// contested ones 49 of 54.
pub(super) const ACCUSED_IF_CONTESTED_FROM: f64 = 0.9;

/// What each kind of evidence adds to the score, in the order of [`super::evidence::Evidence::ALL`].
pub(super) const WEIGHTS: Values =
    [2.660, 0.796, 1.655, 1.372, 1.336, 1.082, 1.164, 1.591, 0.948, 2.069, 3.957, -0.736, -0.500, -1.759];

/// The score of "none of these landings".
struct Nobody {
    /// Where a named file was touched and there is one landing.
    base: f64,
    /// For each e-fold of landings: among many, one looks guilty by chance.
    per_log_landing: f64,
    /// For the best agreement with a place on the stack or of a complaint, between 0 and 1.
    per_place: f64,
    /// Where no landing touched any such place.
    without_place: f64,
}

const NOBODY: Nobody = Nobody { base: 4.671, per_log_landing: 0.197, per_place: 0.827, without_place: -0.456 };

/// From which agreement on a place counts as touched.
pub(super) const TOUCHED_FROM: f64 = 0.4;

/// The weighted sum of one landing's evidence.
pub(super) fn score(values: &Values) -> f64 {
    values.iter().zip(&WEIGHTS).map(|(value, weight)| value * weight).sum()
}

/// The probability of each landing and, last, of "none of these". `best_place` is the best agreement of any landing with a place.
/// Without landings, "none" is certain.
pub(super) fn probabilities(scores: &[f64], best_place: f64) -> (Vec<f64>, f64) {
    let untouched = f64::from(u8::from(best_place < TOUCHED_FROM));
    let nobody = NOBODY.base
        + NOBODY.per_log_landing * (scores.len().max(1) as f64).ln()
        + NOBODY.per_place * best_place
        + NOBODY.without_place * untouched;
    let most = scores.iter().copied().fold(nobody, f64::max);
    let all: f64 = scores.iter().map(|score| (score - most).exp()).sum::<f64>() + (nobody - most).exp();
    (scores.iter().map(|score| (score - most).exp() / all).collect(), (nobody - most).exp() / all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::probabilities;

    #[test]
    fn without_landings_nobody_is_guilty() {
        assert_eq!(probabilities(&[], 0.0), (Vec::new(), 1.0));
    }

    proptest! {
        #[test]
        fn probabilities_add_up_and_follow_the_scores(scores in proptest::collection::vec(-50.0..50.0_f64, 0..50), place in 0.0..1.0_f64) {
            let (each, none) = probabilities(&scores, place);
            prop_assert!((each.iter().sum::<f64>() + none - 1.0).abs() < 1e-9);
            for (a, pa) in scores.iter().zip(&each) {
                for (b, pb) in scores.iter().zip(&each) {
                    prop_assert!(a >= b || pa <= pb);
                }
            }
        }
    }
}
