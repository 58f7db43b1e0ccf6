//! The user's place in a folder, as text for the state of a history entry. Pure.

use shared::path::encode_segment;

/// The user's place in a folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewState {
    /// How many rows are scrolled away above; `None` to scroll to the focused row.
    pub top: Option<f64>,
    /// The raw name of the focused row.
    pub focus: Option<Vec<u8>>,
}

impl ViewState {
    /// At a row, which the list scrolls to.
    pub fn at(name: &[u8]) -> Self {
        Self { top: None, focus: Some(name.to_vec()) }
    }

    /// The text for the history.
    pub fn to_text(&self) -> String {
        // Whole numbers, because the code that parses and formats fractions is 5 % of the page's program.
        let thousandths = (self.top.unwrap_or(0.0) * 1_000.0).round() as u64;
        format!("{thousandths}|{}", self.focus.as_deref().map(encode_segment).unwrap_or_default())
    }

    /// Parses [`Self::to_text`]; `None` for any other text.
    pub fn from_text(text: &str) -> Option<Self> {
        let (top, focus) = text.split_once('|')?;
        let thousandths: u64 = top.parse().ok()?;
        let focus = shared::VPath::parse(focus).ok()?;
        Some(Self { top: Some(thousandths as f64 / 1_000.0), focus: (!focus.is_root()).then(|| focus.name().to_vec()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_state_survives_the_history() {
        for place in [
            ViewState { top: Some(12.25), focus: Some(b"latin\xe9|x\n".to_vec()) },
            ViewState { top: Some(0.0), focus: None },
        ] {
            assert_eq!(ViewState::from_text(&place.to_text()), Some(place));
        }
        assert_eq!(ViewState::from_text("elsewhere"), None);
        assert_eq!(ViewState::from_text("x|y"), None);
        assert_eq!(ViewState::from_text("-1|y"), None);
    }
}
