//! A person's place in a folder, as the browser's history keeps it: how far down, and at which row.

use shared::path::encode_segment;

/// Where somebody was in a folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewState {
    /// How many rows were scrolled away above; none for "wherever the focus is".
    pub top: Option<f64>,
    /// The raw name of the focused row.
    pub focus: Option<Vec<u8>>,
}

impl ViewState {
    /// At a row, which is to be scrolled to.
    pub fn at(name: &[u8]) -> Self {
        Self { top: None, focus: Some(name.to_vec()) }
    }

    /// The text to keep.
    pub fn to_text(&self) -> String {
        // Whole numbers: what reads and writes fractions would be 5 % of the page's program.
        let thousandths = (self.top.unwrap_or(0.0) * 1_000.0).round() as u64;
        format!("{thousandths}|{}", self.focus.as_deref().map(encode_segment).unwrap_or_default())
    }

    /// Reads the text again; whatever else the history holds is no place.
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
    fn a_place_survives_the_history() {
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
