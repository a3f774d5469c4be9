//! How hard a model that speaks this language can be told to think.

use crate::dialect::facts::{Facts, Thinking};
use crate::dialect::hub::Effort;

/// The effort that the model knows and that is nearest to the one that was asked for, the greater of two; `None` when
/// nothing is to be said.
///
/// Of a model of whom nothing is known, only the efforts that all models with efforts know are taken for known, and
/// it is left at what it does unasked when it shall not think.
pub(in crate::dialect) fn nearest(asked: Effort, facts: &Facts) -> Option<Effort> {
    let is_refused = |effort: &Effort| facts.refused_efforts.iter().any(|word| word == effort.as_str());
    let is_told = match facts.thinking {
        Thinking::Never => return None,
        _ => !facts.refused_efforts.is_empty(),
    };
    if !is_told {
        return (asked != Effort::None).then(|| asked.clamp(Effort::Low, Effort::High));
    }
    let distance = |effort: &Effort| (*effort as u8).abs_diff(asked as u8);
    Effort::ALL
        .into_iter()
        .rev()
        .filter(|effort| !is_refused(effort))
        .min_by_key(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_effort_is_one_that_the_model_knows() {
        use Effort::{High, Low, Max, Medium, Minimal, None as Nothing, XHigh};
        let cases: [(Effort, &[&str], Option<Effort>); 13] = [
            (Nothing, &[], None),
            (Minimal, &[], Some(Low)),
            (Medium, &[], Some(Medium)),
            (XHigh, &[], Some(High)),
            (Max, &[], Some(High)),
            (Nothing, &["max"], Some(Nothing)),
            (Nothing, &["none"], Some(Minimal)),
            (Nothing, &["minimal", "none"], Some(Low)),
            (Minimal, &["minimal"], Some(Low)),
            (Max, &["max"], Some(XHigh)),
            (Max, &["max", "xhigh"], Some(High)),
            (XHigh, &["xhigh"], Some(Max)),
            (High, &["max", "xhigh"], Some(High)),
        ];
        for (asked, refused, expected) in cases {
            let facts = Facts {
                refused_efforts: refused.iter().map(|&word| word.to_owned()).collect(),
                ..Facts::default()
            };

            assert_eq!(nearest(asked, &facts), expected, "{asked:?} of {refused:?}");
        }
    }

    #[test]
    fn a_model_that_cannot_think_is_told_nothing() {
        let facts = Facts {
            thinking: Thinking::Never,
            ..Facts::default()
        };

        assert!(
            Effort::ALL
                .into_iter()
                .all(|asked| nearest(asked, &facts).is_none())
        );
    }
}
