//! Where something goes that opens beside a point or an element: wholly in sight.

/// What stays free between it and the edge of the window, in pixels.
const EDGE: f64 = 8.0;

/// Where it may begin along one axis, and where it ends if it opens the other way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ways {
    /// It begins here.
    pub onward: f64,
    /// Or else it ends here.
    pub back: f64,
}

impl Ways {
    /// From a point, either way.
    pub fn from(point: f64) -> Self {
        Self { onward: point, back: point }
    }

    /// Where something of that length begins: onward if it fits, or else back, or else as far along as there is room.
    pub fn place(self, length: f64, room: f64) -> f64 {
        let (first, last) = (EDGE, room - EDGE - length);
        match self.back - length {
            _ if self.onward <= last => self.onward.max(first),
            back if back >= first && back <= last => back,
            _ => last.max(first),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_onward_where_there_is_room() {
        assert_eq!(Ways::from(100.0).place(200.0, 800.0), 100.0);
        assert_eq!(Ways::from(592.0).place(200.0, 800.0), 592.0);
        assert_eq!(Ways::from(2.0).place(200.0, 800.0), 8.0, "not at the very edge");
    }

    #[test]
    fn it_opens_back_near_the_end() {
        assert_eq!(Ways::from(593.0).place(200.0, 800.0), 393.0);
        assert_eq!(Ways { onward: 700.0, back: 660.0 }.place(200.0, 800.0), 460.0, "not over what it belongs to");
    }

    #[test]
    fn it_is_shifted_where_neither_way_has_room_and_begins_in_sight_even_if_it_is_too_long() {
        assert_eq!(Ways::from(400.0).place(600.0, 800.0), 192.0);
        assert_eq!(Ways::from(900.0).place(100.0, 800.0), 692.0, "a point out of sight");
        assert_eq!(Ways::from(400.0).place(900.0, 800.0), 8.0);
    }
}
