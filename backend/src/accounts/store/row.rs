//! A row of an answer, whose columns are read by their position and type.

use super::error::StoreError;
use super::value::Value;

/// A row of an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// A whole number.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the column has another type, as for every method of a row.
    pub fn int(&self, column: usize) -> Result<i64, StoreError> {
        self.optional_int(column)?.ok_or(StoreError::Damaged)
    }

    /// A whole number or `NULL`.
    ///
    /// # Errors
    /// As [`Row::int`].
    pub fn optional_int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        match self.0.get(column) {
            Some(Value::Int(number)) => Ok(Some(*number)),
            Some(Value::Null) => Ok(None),
            _ => Err(StoreError::Damaged),
        }
    }

    /// A truth value: 0 is false.
    ///
    /// # Errors
    /// As [`Row::int`].
    pub fn is_true(&self, column: usize) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    /// A text.
    ///
    /// # Errors
    /// As [`Row::int`].
    pub fn text(&self, column: usize) -> Result<&str, StoreError> {
        self.optional_text(column)?.ok_or(StoreError::Damaged)
    }

    /// A text or `NULL`.
    ///
    /// # Errors
    /// As [`Row::int`].
    pub fn optional_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Null) => Ok(None),
            _ => Err(StoreError::Damaged),
        }
    }

    /// Bytes.
    ///
    /// # Errors
    /// As [`Row::int`].
    pub fn bytes(&self, column: usize) -> Result<&[u8], StoreError> {
        self.optional_bytes(column)?.ok_or(StoreError::Damaged)
    }

    /// Bytes or `NULL`.
    ///
    /// # Errors
    /// As [`Row::int`].
    pub fn optional_bytes(&self, column: usize) -> Result<Option<&[u8]>, StoreError> {
        match self.0.get(column) {
            Some(Value::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Value::Null) => Ok(None),
            _ => Err(StoreError::Damaged),
        }
    }

    /// `N` bytes: an id or a digest.
    ///
    /// # Errors
    /// As [`Row::int`], and for another number of bytes.
    pub fn array<const N: usize>(&self, column: usize) -> Result<[u8; N], StoreError> {
        self.bytes(column)?.try_into().map_err(|_| StoreError::Damaged)
    }

    /// `N` bytes or `NULL`.
    ///
    /// # Errors
    /// As [`Row::array`].
    pub fn optional_array<const N: usize>(&self, column: usize) -> Result<Option<[u8; N]>, StoreError> {
        let bytes = self.optional_bytes(column)?;
        bytes.map(|bytes| bytes.try_into().map_err(|_| StoreError::Damaged)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_another_type_is_damage() {
        let row = Row(vec![Value::from(7), Value::from("a"), Value::from([1_u8, 2]), Value::Null]);
        assert_eq!((row.int(0), row.text(1), row.array(2)), (Ok(7), Ok("a"), Ok([1, 2])));
        assert_eq!((row.optional_int(3), row.optional_text(3), row.optional_bytes(3)), (Ok(None), Ok(None), Ok(None)));
        for column in [1, 2, 3, 4] {
            assert_eq!(row.int(column), Err(StoreError::Damaged));
        }
        assert_eq!((row.text(0), row.bytes(1)), (Err(StoreError::Damaged), Err(StoreError::Damaged)));
        assert_eq!(row.array::<3>(2), Err(StoreError::Damaged));
    }
}
