//! What can be set about logging.

use aitrading_config::{Collector, Provenance, Violations};
use serde::Deserialize;
use tracing_subscriber::EnvFilter;

/// Level and module filter if nothing is set.
const DEFAULT_FILTER: &str = "info";

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The section as it stands in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawLog {
    /// `text` or `json`.
    pub format: Option<Format>,
    /// Levels, per module if wanted: `info,aitrading_http=debug`.
    pub filter: Option<String>,
}

/// How to log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// How a line looks.
    pub format: Format,
    /// Levels; parsed once when resolved, so it is known to be good.
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: Format::Text, filter: DEFAULT_FILTER.to_owned() }
    }
}

impl RawLog {
    /// Checks the section, which stands under `section` in the whole configuration.
    ///
    /// # Errors
    /// All violations.
    pub fn resolve(&self, section: &str, provenance: &Provenance) -> Result<LogConfig, Violations> {
        let mut check = Collector::new(provenance);
        let filter = self.filter.clone().unwrap_or_else(|| DEFAULT_FILTER.to_owned());
        let config = check.section(section, |check| {
            if let Err(error) = EnvFilter::try_new(&filter) {
                let cure = "write a level (error, warn, info, debug, trace) or module=level, separated by commas";
                check.refuse("filter", &filter, error.to_string(), cure);
                return None;
            }
            Some(LogConfig { format: self.format.unwrap_or_default(), filter })
        });
        check.finish(config)
    }
}
