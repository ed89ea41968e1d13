//! How fast memory grows, and whether it grows at all: estimated so that a few odd samples change nothing.

use serde::Serialize;

use super::{Measured, Sample};

/// At most so many samples are compared with each other; a pair of every two of 120 is 7,140 slopes.
const MOST_POINTS: usize = 120;
/// Less than this over the whole run is noise: allocators take memory in steps of this order.
const LEAST_RISE: f64 = 2.0 * 1024.0 * 1024.0;
/// Of all pairs of samples, so many must rise, for memory to be called growing. A saw tooth has about a half.
const LEAST_RISING: f64 = 0.7;

/// How memory grows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Growth {
    /// Bytes per second of resident memory, where that grows.
    pub resident: Option<f64>,
    /// Bytes per second of allocated memory (`VmData`), where that grows.
    pub data: Option<f64>,
}

impl Growth {
    /// Whether either grows.
    pub fn is_growing(&self) -> bool {
        self.resident.is_some() || self.data.is_some()
    }

    /// The faster of the two, in bytes per second; 0 where nothing grows.
    pub fn fastest(&self) -> f64 {
        self.resident.unwrap_or(0.0).max(self.data.unwrap_or(0.0))
    }
}

/// Estimates the growth of a run from its samples.
pub fn growth(measured: &Measured) -> Growth {
    Growth {
        resident: slope(&measured.samples, |sample| sample.resident),
        data: slope(&measured.samples, |sample| sample.data),
    }
}

/// The median of the slopes between all pairs of samples (Theil 1950, Sen 1968), in bytes per second. `None` where the
/// rise is small, where too many pairs fall, or where the second half does not rise: a program that fills its caches and
/// then stays is not growing.
fn slope(samples: &[Sample], of: fn(&Sample) -> u64) -> Option<f64> {
    let points = thin(samples, of);
    let (first, last) = (points.first()?, points.last()?);
    let whole = median_slope(&points)?;
    let rise = whole.slope * (last.0 - first.0);
    let later = median_slope(points.get(points.len() / 2..)?)?;
    // Growth in large steps may show none of them between most samples of a short stretch, hence the end values.
    let rises_later = later.slope > 0.0 || points.get(points.len() / 2)?.1 + LEAST_RISE < last.1;
    (rise >= LEAST_RISE && whole.rising >= LEAST_RISING && rises_later).then_some(whole.slope)
}

/// Seconds and bytes of at most [`MOST_POINTS`] samples, evenly chosen, without the first tenth in which a program starts.
fn thin(samples: &[Sample], of: fn(&Sample) -> u64) -> Vec<(f64, f64)> {
    let started = samples.get(samples.len() / 10..).unwrap_or_default();
    let step = started.len().div_ceil(MOST_POINTS).max(1);
    started.iter().step_by(step).map(|sample| (sample.at_ms as f64 / 1000.0, of(sample) as f64)).collect()
}

struct MedianSlope {
    slope: f64,
    rising: f64,
}

fn median_slope(points: &[(f64, f64)]) -> Option<MedianSlope> {
    let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
    for (index, early) in points.iter().enumerate() {
        let later = points.iter().skip(index + 1).filter(|late| late.0 > early.0);
        slopes.extend(later.map(|late| (late.1 - early.1) / (late.0 - early.0)));
    }
    if slopes.len() < 6 {
        return None;
    }
    slopes.sort_by(f64::total_cmp);
    let rising = slopes.iter().filter(|slope| **slope > 0.0).count() as f64 / slopes.len() as f64;
    Some(MedianSlope { slope: *slopes.get(slopes.len() / 2)?, rising })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1_000_000;

    fn at(count: u64, of: impl Fn(u64) -> u64) -> Vec<Sample> {
        (0..count).map(|index| Sample { at_ms: index * 50, resident: of(index), data: 0 }).collect()
    }

    fn resident(samples: &[Sample]) -> Option<f64> {
        slope(samples, |sample| sample.resident)
    }

    #[test]
    fn steps_that_are_kept_are_growth() {
        // 10 MB every 200 ms, as the worker that leaks takes them.
        let slope = resident(&at(24, |index| index / 4 * 10 * MB + MB)).expect("it grows");
        assert!((40e6..60e6).contains(&slope), "{slope}");
    }

    #[test]
    fn odd_samples_change_little() {
        let slope = resident(&at(100, |index| if index % 17 == 0 { 0 } else { index * MB })).expect("it grows");
        assert!((18e6..22e6).contains(&slope), "{slope}");
    }

    #[test]
    fn what_comes_and_goes_is_no_growth() {
        assert_eq!(resident(&at(200, |index| index % 8 * 10 * MB)), None);
        assert_eq!(resident(&at(200, |_| 11 * MB)), None);
        assert_eq!(resident(&at(200, |index| 11 * MB + index * 1000)), None, "less than noise");
    }

    #[test]
    fn caches_that_fill_and_stay_are_no_growth() {
        assert_eq!(resident(&at(200, |index| index.min(60) * MB)), None);
    }

    #[test]
    fn too_few_samples_say_nothing() {
        assert_eq!(resident(&at(3, |index| index * 50 * MB)), None);
        assert_eq!(resident(&[]), None);
    }
}
