//! Envoy's statistics, as its admin server writes them.

use std::collections::BTreeMap;

/// The counters and gauges of one look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats(BTreeMap<String, u64>);

impl Stats {
    /// Reads lines of `name: value`; histograms and texts are left out.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter_map(|line| line.rsplit_once(": "));
        Self(
            lines
                .filter_map(|(name, value)| Some((name.to_owned(), value.trim().parse().ok()?)))
                .collect(),
        )
    }

    /// The value of a counter or gauge; one that Envoy has not made yet is 0.
    pub fn counter(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// The sum over all names that `belongs` takes, as in "all clusters' `upstream_rq_retry`".
    pub fn sum(&self, mut belongs: impl FnMut(&str) -> bool) -> u64 {
        self.iter()
            .filter(|(name, _)| belongs(name))
            .map(|(_, value)| value)
            .sum()
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "cluster.a.upstream_rq_retry: 3\ncluster.b.upstream_rq_retry: 4\n\
        cluster.a: odd.upstream_rq_timeout: 5\nserver.version: \"1.40\"\n\
        cluster.a.upstream_rq_time: P0(nan,1.0) P25(nan,1.0)\nno value\n";

    #[test]
    fn counters_and_gauges_are_read_and_the_rest_is_left_out() {
        let stats = Stats::parse(TEXT);

        assert_eq!(stats.counter("cluster.a.upstream_rq_retry"), 3);
        assert_eq!(stats.counter("cluster.a: odd.upstream_rq_timeout"), 5);
        assert_eq!(stats.counter("never.seen"), 0);
        assert_eq!(stats.iter().count(), 3);
    }

    #[test]
    fn a_sum_takes_what_belongs() {
        let stats = Stats::parse(TEXT);

        assert_eq!(stats.sum(|name| name.ends_with(".upstream_rq_retry")), 7);
    }
}
