//! Families of time series: one name, a fixed set of labels, one series per combination of their values.
//!
//! The number of labels is part of the type, and the values themselves are the key of a series: the vectors of the
//! `prometheus` crate are not used because they tell series apart by a hash of the values written one after the
//! other, where (`a`, `bc`) and (`ab`, `c`) are the same. Names, labels and help texts are constants of this crate,
//! so that nothing here can fail at run time. It knows nothing of what is counted.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::RwLock;
use prometheus::core::{Collector, Desc, Metric};
use prometheus::proto::{LabelPair, MetricFamily, MetricType};
use prometheus::{Counter, Histogram, HistogramOpts, IntCounter, IntGauge, Registry};

/// The values of one series' labels, in the order of the family's label names.
pub(super) type Values<const N: usize> = [Arc<str>; N];

/// A kind of metric that a family can hold.
pub(super) trait Series: Metric + 'static {
    const KIND: MetricType;

    /// A fresh one; `buckets` matters to histograms only.
    fn fresh(buckets: &[f64]) -> Self;
}

/// All series of one name.
pub(super) struct Family<M, const N: usize>(Arc<Inner<M, N>>);

struct Inner<M, const N: usize> {
    desc: Desc,
    names: [&'static str; N],
    buckets: &'static [f64],
    series: RwLock<BTreeMap<Values<N>, M>>,
}

impl<M: Series, const N: usize> Family<M, N> {
    /// A family of counters or gauges.
    pub(super) fn register(
        registry: &Registry,
        name: &'static str,
        names: [&'static str; N],
        help: &'static str,
    ) -> Self {
        Self::with_buckets(registry, name, names, help, &[])
    }

    /// A family of histograms with these upper bounds.
    pub(super) fn with_buckets(
        registry: &Registry,
        name: &'static str,
        names: [&'static str; N],
        help: &'static str,
        buckets: &'static [f64],
    ) -> Self {
        let labels = names.iter().map(ToString::to_string).collect();
        let desc = Desc::new(name.to_owned(), help.to_owned(), labels, HashMap::new())
            .expect("names, labels and help texts are legal constants");
        let family = Self(Arc::new(Inner {
            desc,
            names,
            buckets,
            series: RwLock::default(),
        }));
        registry
            .register(Box::new(family.clone()))
            .expect("every family is registered once, under its own name");
        family
    }

    /// The series with these values, made when there is none yet.
    pub(super) fn of(&self, values: Values<N>) -> M {
        if let Some(series) = self.0.series.read().get(&values) {
            return series.clone();
        }
        self.0
            .series
            .write()
            .entry(values)
            .or_insert_with(|| M::fresh(self.0.buckets))
            .clone()
    }

    /// Ends every series whose values are not wanted any more.
    pub(super) fn retain(&self, wanted: impl Fn(&Values<N>) -> bool) {
        self.0.series.write().retain(|values, _| wanted(values));
    }

    /// Ends every series.
    pub(super) fn clear(&self) {
        self.0.series.write().clear();
    }
}

impl<M, const N: usize> Clone for Family<M, N> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M: Series, const N: usize> Collector for Family<M, N> {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.0.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let metrics = self
            .0
            .series
            .read()
            .iter()
            .map(|(values, series)| {
                let mut metric = series.metric();
                metric.set_label(pairs(&self.0.names, values));
                metric
            })
            .collect();
        let mut family = MetricFamily::default();
        family.set_name(self.0.desc.fq_name.clone());
        family.set_help(self.0.desc.help.clone());
        family.set_field_type(M::KIND);
        family.set_metric(metrics);
        vec![family]
    }
}

fn pairs<const N: usize>(names: &[&'static str; N], values: &Values<N>) -> Vec<LabelPair> {
    names
        .iter()
        .zip(values)
        .map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value(value.to_string());
            pair
        })
        .collect()
}

const NAMED_BY_FAMILY: &str = "a series has no name of its own, so that any will do";

impl Series for IntCounter {
    const KIND: MetricType = MetricType::COUNTER;

    fn fresh(_: &[f64]) -> Self {
        Self::new("series", "series").expect(NAMED_BY_FAMILY)
    }
}

impl Series for Counter {
    const KIND: MetricType = MetricType::COUNTER;

    fn fresh(_: &[f64]) -> Self {
        Self::new("series", "series").expect(NAMED_BY_FAMILY)
    }
}

impl Series for IntGauge {
    const KIND: MetricType = MetricType::GAUGE;

    fn fresh(_: &[f64]) -> Self {
        Self::new("series", "series").expect(NAMED_BY_FAMILY)
    }
}

impl Series for Histogram {
    const KIND: MetricType = MetricType::HISTOGRAM;

    fn fresh(buckets: &[f64]) -> Self {
        Self::with_opts(HistogramOpts::new("series", "series").buckets(buckets.to_vec()))
            .expect(NAMED_BY_FAMILY)
    }
}

#[cfg(test)]
mod tests {
    use prometheus::TextEncoder;

    use super::*;

    fn values<const N: usize>(words: [&str; N]) -> Values<N> {
        words.map(Arc::from)
    }

    #[test]
    fn values_that_join_to_the_same_text_stay_apart() {
        let registry = Registry::new();
        let family = Family::<IntCounter, 2>::register(&registry, "seen_total", ["a", "b"], "Seen.");

        family.of(values(["x", "yz"])).inc();
        family.of(values(["xy", "z"])).inc_by(2);

        let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        assert!(text.contains("seen_total{a=\"x\",b=\"yz\"} 1\n"), "{text}");
        assert!(text.contains("seen_total{a=\"xy\",b=\"z\"} 2\n"), "{text}");
    }

    #[test]
    fn the_same_values_are_the_same_series_until_it_ends() {
        let registry = Registry::new();
        let family = Family::<IntCounter, 1>::register(&registry, "seen_total", ["a"], "Seen.");

        family.of(values(["x"])).inc();
        family.of(values(["x"])).inc();
        assert_eq!(family.of(values(["x"])).get(), 2);

        family.retain(|[a]| &**a != "x");
        assert_eq!(family.of(values(["x"])).get(), 0);
    }
}
