//! The figures: their samples, the bar that each is held against, and how they are shown.

use crate::machine::{cores, load, median};
use serde_json::{Map, Value, json};

/// What a figure has to reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bar {
    AtLeast(f64),
    AtMost(f64),
    Below(f64),
    /// Shown for comparison; nothing depends on it.
    None,
}

impl Bar {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bar) => value >= bar,
            Self::AtMost(bar) => value <= bar,
            Self::Below(bar) => value < bar,
            Self::None => true,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(bar) => format!(">= {}", shown(bar)),
            Self::AtMost(bar) => format!("<= {}", shown(bar)),
            Self::Below(bar) => format!("< {}", shown(bar)),
            Self::None => String::new(),
        }
    }
}

/// One figure with all its samples.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    /// Its name in JSON; with a dot, a member of an object.
    pub(crate) key: &'static str,
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) bar: Bar,
    pub(crate) samples: Vec<f64>,
}

impl Figure {
    pub(crate) fn median(&self) -> f64 {
        median(&self.samples)
    }

    fn holds(&self) -> bool {
        self.bar.holds(self.median())
    }

    fn verdict(&self) -> &'static str {
        match (self.bar, self.holds()) {
            (Bar::None, _) => "",
            (_, true) => "pass",
            (_, false) => "MISS",
        }
    }
}

/// Everything that was measured, and what could not be.
#[derive(Debug)]
pub(crate) struct Report {
    figures: Vec<Figure>,
    skipped: Vec<String>,
    quick: bool,
    load_before: String,
}

impl Report {
    pub(crate) fn new(quick: bool) -> Self {
        Self { figures: Vec::new(), skipped: Vec::new(), quick, load_before: load() }
    }

    /// Takes a figure, and says so.
    pub(crate) fn add(&mut self, key: &'static str, name: &'static str, unit: &'static str, bar: Bar, samples: &[f64]) {
        let figure = Figure { key, name, unit, bar, samples: samples.to_vec() };
        eprintln!("  {name}: {} {unit} {} {} (load {})", shown(figure.median()), bar.text(), figure.verdict(), load());
        self.figures.push(figure);
    }

    /// Says why something is not there.
    pub(crate) fn skip(&mut self, why: String) {
        eprintln!("  skipped: {why}");
        self.skipped.push(why);
    }

    /// Only if everything was measured: what was skipped is not known to hold.
    pub(crate) fn holds(&self) -> bool {
        self.skipped.is_empty() && self.figures.iter().all(Figure::holds)
    }

    /// One object: a member for each figure, the bars, and what was skipped.
    pub(crate) fn json(&self) -> Value {
        let mut all = Map::new();
        all.insert("cores".to_owned(), json!(cores()));
        all.insert("load".to_owned(), json!({"before": self.load_before, "after": load()}));
        all.insert("quick".to_owned(), json!(self.quick));
        for figure in &self.figures {
            put(&mut all, figure.key, json!(figure.median()));
        }
        let bar = |figure: &Figure| {
            json!({"key": figure.key, "name": figure.name, "unit": figure.unit, "median": figure.median(),
                "samples": figure.samples, "bar": figure.bar.text(), "holds": figure.holds()})
        };
        let barred = self.figures.iter().filter(|figure| figure.bar != Bar::None);
        all.insert("bars".to_owned(), barred.map(bar).collect());
        all.insert("skipped".to_owned(), json!(self.skipped));
        all.insert("holds".to_owned(), json!(self.holds()));
        Value::Object(all)
    }

    pub(crate) fn print(&self) {
        println!("{:<58} {:>12} {:<8} {:>12}", "FIGURE (median)", "", "", "BAR");
        for figure in &self.figures {
            let (value, bar) = (shown(figure.median()), figure.bar.text());
            println!("{:<58} {value:>12} {:<8} {bar:>12} {}", figure.name, figure.unit, figure.verdict());
        }
        for why in &self.skipped {
            println!("skipped: {why}");
        }
        let quick = if self.quick { "; --quick: nothing here is worth quoting" } else { "" };
        println!("{} cores, load {} before and {} now{quick}", cores(), self.load_before, load());
        let verdict = match (self.figures.iter().all(Figure::holds), self.skipped.is_empty()) {
            (true, true) => "every bar is held",
            (true, false) => "every bar that was measured is held; what was skipped is not known to hold",
            (false, _) => "a bar is missed",
        };
        println!("{verdict}");
    }
}

fn put(into: &mut Map<String, Value>, key: &str, value: Value) {
    match key.split_once('.') {
        None => drop(into.insert(key.to_owned(), value)),
        Some((outer, inner)) => {
            let below = into.entry(outer).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(below) = below {
                put(below, inner, value);
            }
        }
    }
}

/// Thousands apart above a thousand, three digits behind the point below ten.
fn shown(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = String::new();
    for (place, letter) in whole.chars().enumerate() {
        let left = whole.len().saturating_sub(place);
        if place > 0 && left.is_multiple_of(3) && !out.ends_with('-') {
            out.push(',');
        }
        out.push(letter);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::{Bar, Report, shown};

    #[test]
    fn numbers_read_easily() {
        for (value, text) in [(3_000_000.0, "3,000,000"), (999.6, "1,000"), (12.34, "12.3"), (2.6512, "2.651")] {
            assert_eq!(shown(value), text);
        }
        assert_eq!(shown(-1234.0), "-1,234");
    }

    #[test]
    fn a_missed_bar_and_a_member_of_an_object_show_in_json() {
        let mut report = Report::new(true);
        report.add("pgbench.persistent", "a", "/s", Bar::None, &[3.0, 1.0, 2.0]);
        report.add("scan_day_ms", "b", "ms", Bar::Below(20.0), &[20.0]);
        assert!(!report.holds(), "20 is not below 20");
        let json = report.json();
        assert_eq!(json["pgbench"]["persistent"], 2.0);
        assert_eq!(json["scan_day_ms"], 20.0);
        assert_eq!(json["bars"][0]["holds"], false);
        assert_eq!(json["bars"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn what_was_skipped_is_not_held() {
        let mut report = Report::new(true);
        report.add("scan_day_ms", "b", "ms", Bar::Below(20.0), &[10.0]);
        assert!(report.holds() && report.json()["holds"] == true);
        report.skip("Redis is not installed".to_owned());
        assert!(!report.holds() && report.json()["holds"] == false);
    }
}
