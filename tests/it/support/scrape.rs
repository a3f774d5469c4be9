//! Understudy's metrics at one moment.

use std::collections::BTreeMap;

/// A scrape.
#[derive(Clone, Default)]
pub struct Scrape {
    series: Vec<Series>,
}

#[derive(Clone, Debug)]
struct Series {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl std::fmt::Debug for Scrape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let zeroless = self.series.iter().filter(|series| series.value != 0.0);
        let lines = zeroless.map(|series| format!("{}{:?} {}", series.name, series.labels, series.value));
        f.debug_list().entries(lines).finish()
    }
}

impl Scrape {
    /// Reads the text form.
    pub fn parse(text: &str) -> Self {
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self {
            series: lines.map(series).collect(),
        }
    }

    /// The series of a metric, to be narrowed by labels.
    pub fn metric(&self, name: &str) -> Selection<'_> {
        Selection(self.series.iter().filter(|series| series.name == name).collect())
    }
}

/// Some series of one metric.
#[derive(Clone, Debug)]
pub struct Selection<'s>(Vec<&'s Series>);

impl Selection<'_> {
    /// Those with this label.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.0
            .retain(|series| series.labels.get(name).is_some_and(|found| found == value));
        self
    }

    /// The sum of what is left; 0 when that is nothing.
    pub fn value(&self) -> f64 {
        self.0.iter().map(|series| series.value).sum()
    }

    /// How many series are left.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

fn series(line: &str) -> Series {
    let (head, value) = line
        .rsplit_once(' ')
        .unwrap_or_else(|| panic!("odd metric line: {line}"));
    let (name, labels) = head.split_once('{').unwrap_or((head, "}"));
    Series {
        name: name.to_owned(),
        labels: pairs(
            labels
                .strip_suffix('}')
                .unwrap_or_else(|| panic!("odd labels: {line}")),
        ),
        value: value.parse().unwrap_or_else(|_| panic!("odd value: {line}")),
    }
}

fn pairs(mut text: &str) -> BTreeMap<String, String> {
    let mut pairs = BTreeMap::new();
    while let Some((name, rest)) = text.split_once("=\"") {
        let mut value = String::new();
        let mut chars = rest.char_indices();
        let mut end = rest.len();
        while let Some((position, char)) = chars.next() {
            match char {
                '\\' => match chars.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, escaped)) => value.push(escaped),
                    None => {}
                },
                '"' => {
                    end = position + 1;
                    break;
                }
                other => value.push(other),
            }
        }
        pairs.insert(name.to_owned(), value);
        text = rest[end..].trim_start_matches(',');
    }
    pairs
}

#[test]
fn a_scrape_is_narrowed_by_labels_and_summed() {
    let text = "# HELP a b\na_total{x=\"1\",y=\"q\\\"}, \"} 2\na_total{x=\"2\",y=\"z\"} 3\nb 4.5\n";

    let scrape = Scrape::parse(text);

    assert_eq!(scrape.metric("a_total").value(), 5.0);
    assert_eq!(scrape.metric("a_total").label("y", "q\"}, ").value(), 2.0);
    assert_eq!(
        scrape.metric("a_total").label("x", "2").label("y", "q").count(),
        0
    );
    assert_eq!(scrape.metric("b").value(), 4.5);
}
