//! A value of a column or a parameter: what both databases have in common.

use std::fmt;

/// A value of a column or a parameter.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// No value.
    Null,
    /// A whole number; also a moment, in seconds since 1970, and a truth value, 0 or 1.
    Int(i64),
    /// Text without NUL, which PostgreSQL cannot store.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Value {
    /// True if both databases can store the value.
    pub(super) fn is_storable(&self) -> bool {
        !matches!(self, Self::Text(text) if text.contains('\0'))
    }
}

/// Without the content of texts and bytes, among which are hashes of passwords and tokens.
impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("Null"),
            Self::Int(number) => write!(formatter, "Int({number})"),
            Self::Text(text) => write!(formatter, "Text({} bytes)", text.len()),
            Self::Bytes(bytes) => write!(formatter, "Bytes({})", bytes.len()),
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Int(i64::from(truth))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_owned())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_printed_without_their_content() {
        let values = [Value::from("secret"), Value::from([7_u8; 3]), Value::from(5), Value::from(None::<i64>)];
        assert_eq!(format!("{values:?}"), "[Text(6 bytes), Bytes(3), Int(5), Null]");
    }

    #[test]
    fn text_with_nul_is_not_storable() {
        assert!(!Value::from("a\0b").is_storable());
        assert!(Value::from("ab").is_storable() && Value::from([0_u8; 2]).is_storable());
    }
}
