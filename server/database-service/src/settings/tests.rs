use super::Settings;
use aitrading_config::{Collector, Provenance};

#[test]
fn every_bad_value_is_named() {
    let provenance = Provenance::default();
    let mut collector = Collector::new(&provenance);
    assert!(Settings::default().resolve(&mut collector).is_some());
    let bad = Settings { readers: 0, file_ticks_max: u32::MAX, ..Settings::default() };
    let resolved = bad.resolve(&mut collector);
    let told = collector.finish(resolved).unwrap_err().to_string();
    assert!(told.contains("readers") && told.contains("file_ticks_max") && !told.contains("cache_kib"), "{told}");
}
