//! One line of the result: what was measured, beside what the machine allows and what the operator must reach.

use serde::Serialize;

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) scenario: &'static str,
    pub(crate) name: String,
    pub(crate) figure: f64,
    pub(crate) unit: &'static str,
    /// What a client that does only the necessary needed, in the same run.
    pub(crate) floor: Option<f64>,
    /// The most that is allowed.
    pub(crate) most: Option<f64>,
    /// What belongs to the figure and is no number.
    pub(crate) note: String,
}

impl Row {
    pub(crate) fn new(
        scenario: &'static str,
        name: impl Into<String>,
        figure: f64,
        unit: &'static str,
    ) -> Self {
        Self {
            scenario,
            name: name.into(),
            figure,
            unit,
            floor: None,
            most: None,
            note: String::new(),
        }
    }

    #[must_use]
    pub(crate) fn floor(self, floor: f64) -> Self {
        Self {
            floor: Some(floor),
            ..self
        }
    }

    #[must_use]
    pub(crate) fn most(self, most: f64) -> Self {
        Self {
            most: Some(most),
            ..self
        }
    }

    #[must_use]
    pub(crate) fn note(self, note: impl Into<String>) -> Self {
        Self {
            note: note.into(),
            ..self
        }
    }

    /// Whether it is within what is allowed; nothing where nothing is demanded.
    pub(crate) fn is_reached(&self) -> Option<bool> {
        self.most.map(|most| self.figure <= most)
    }
}
