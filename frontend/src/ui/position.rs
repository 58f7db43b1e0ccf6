//! The position of a popup beside a point or an element, within the viewport.

/// Least distance from the edge of the viewport, in pixels.
const MARGIN_PX: f64 = 8.0;

/// The anchor of a popup along one axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AxisAnchor {
    /// Start of a popup that opens forward.
    pub forward: f64,
    /// End of a popup that opens backward.
    pub backward: f64,
}

impl AxisAnchor {
    /// The anchor at a point.
    pub fn from(point: f64) -> Self {
        Self { forward: point, backward: point }
    }

    /// The start of a popup of that length: forward if it fits, else backward, else as far forward as the viewport
    /// allows.
    pub fn start(self, length: f64, viewport: f64) -> f64 {
        let (first, last) = (MARGIN_PX, viewport - MARGIN_PX - length);
        match self.backward - length {
            _ if self.forward <= last => self.forward.max(first),
            back if back >= first && back <= last => back,
            _ => last.max(first),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_opens_forward_if_the_popup_fits() {
        assert_eq!(AxisAnchor::from(100.0).start(200.0, 800.0), 100.0);
        assert_eq!(AxisAnchor::from(592.0).start(200.0, 800.0), 592.0);
        assert_eq!(AxisAnchor::from(2.0).start(200.0, 800.0), 8.0, "keeps the margin");
    }

    #[test]
    fn start_opens_backward_near_the_end() {
        assert_eq!(AxisAnchor::from(593.0).start(200.0, 800.0), 393.0);
        assert_eq!(
            AxisAnchor { forward: 700.0, backward: 660.0 }.start(200.0, 800.0),
            460.0,
            "does not cover its element"
        );
    }

    #[test]
    fn start_shifts_a_popup_that_fits_neither_way_and_shows_the_start_of_one_that_is_too_long() {
        assert_eq!(AxisAnchor::from(400.0).start(600.0, 800.0), 192.0);
        assert_eq!(AxisAnchor::from(900.0).start(100.0, 800.0), 692.0, "the point is outside the viewport");
        assert_eq!(AxisAnchor::from(400.0).start(900.0, 800.0), 8.0);
    }
}
