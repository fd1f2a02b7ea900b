//! What is kept is what was counted, run after run; what is damaged is refused.

use super::*;
use aitrading_env::sim::MemFs;

const DIR: &str = "/client";

fn counted(values: &[(u64, u64)]) -> Histogram {
    let mut histogram = Histogram::default();
    for (value, times) in values {
        histogram.add(*value, *times);
    }
    histogram
}

#[test]
fn a_histogram_comes_back_as_it_was() {
    for values in [&[][..], &[(0, 1)], &[(7, 3), (1_000, 2), (u64::MAX, 1)], &[(5, u64::from(u32::MAX)), (311, 9)]] {
        let histogram = counted(values);
        let found = parse(&render(&histogram)).unwrap_or_else(|| panic!("{values:?} does not come back"));
        assert_eq!(found.percentiles(), histogram.percentiles(), "{values:?}");
        assert_eq!(render(&found), render(&histogram), "{values:?}");
    }
}

#[test]
fn even_a_full_histogram_fits_into_the_file() {
    let all: Vec<_> = (0..u64::BITS)
        .flat_map(|bit| (0..32).map(move |step| ((1 << bit) | (step << bit.saturating_sub(5)), 1 << 50)))
        .collect();
    let length = render(&counted(&all)).len() as u64;
    assert!(length < FILE_BYTES, "{length} bytes");
}

#[test]
fn merged_runs_count_as_one() {
    let (one, other) = ([(300, 1_000), (9_000, 3)], [(300, 500), (2_000_000, 1)]);
    let mut merged = counted(&one);
    merged.merge(&counted(&other));
    assert_eq!(merged.percentiles(), counted(&[one, other].concat()).percentiles());
}

#[test]
fn a_damaged_file_is_refused() {
    let good = "aitrading latencies 1\ntick_to_ack 7 3:2 7:1\n";
    assert!(parse(good).is_some());
    let bad = [
        ("another version", good.replace("latencies 1", "latencies 2")),
        ("a line too many", format!("{good}more\n")),
        ("cut", good.trim_end().to_owned()),
        ("cut in a count", good[..good.len() - 3].to_owned() + "\n"),
        ("another name", good.replace("tick_to_ack", "tick_to_act")),
        ("no number", good.replace(":2", ":x")),
        ("a count of zero", good.replace(":2", ":0")),
        ("out of order", good.replace("3:2 7:1", "7:1 3:2")),
        ("a bucket twice", good.replace("3:2", "7:2")),
        ("no such bucket", good.replace("7:1", "99999:1")),
        ("a largest value outside its bucket", good.replace(" 7 ", " 9 ")),
        ("more than can be counted", good.replace(":2", &format!(":{}", u64::MAX))),
    ];
    for (what, text) in bad {
        assert!(parse(&text).is_none(), "{what}: {text:?}");
    }
}

#[test]
fn absent_is_empty_and_damaged_is_an_error() {
    let fs = MemFs::new();
    fs.create_dir_all(Path::new(DIR)).unwrap();
    assert_eq!(load(&fs, Path::new(DIR)).unwrap().total(), 0);
    fs.write_atomic(&Path::new(DIR).join(FILE), b"garbage").unwrap();
    let error = load(&fs, Path::new(DIR)).unwrap_err();
    assert_eq!(error.dna().code, "LATENCIES_MALFORMED");
}
