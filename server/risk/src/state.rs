//! Whether trading is allowed at all.

/// From free to stopped; the strictest of all levels counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TradingState {
    /// Orders may open and close.
    #[default]
    Active,
    /// Orders may only close.
    Reducing,
    /// Nothing leaves.
    Halted,
}

impl TradingState {
    /// The strictest of several levels; [`TradingState::Active`] if there are none.
    #[must_use]
    pub fn strictest(levels: impl IntoIterator<Item = Self>) -> Self {
        levels.into_iter().max().unwrap_or_default()
    }

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Reducing => "REDUCING",
            Self::Halted => "HALTED",
        }
    }
}
