//! The wire format of protocol buffers, as far as ONNX needs it: fields are looked at where they lie in the bytes, so that a
//! hostile file cannot make more of itself than it is long. Never copies a message it was not asked for.

use super::OnnxError;

/// What stands in a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    /// A whole number.
    Varint(u64),
    /// Eight bytes nobody here needs.
    Fixed64,
    /// A text, a message or a packed list.
    Bytes(&'a [u8]),
    /// Four bytes: a float.
    Fixed32([u8; 4]),
}

impl<'a> Value<'a> {
    pub(super) fn bytes(self) -> Result<&'a [u8], OnnxError> {
        match self {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(OnnxError::Broken),
        }
    }

    pub(super) fn text(self) -> Result<&'a str, OnnxError> {
        match std::str::from_utf8(self.bytes()?) {
            Ok(text) => Ok(text),
            Err(_) => Err(OnnxError::Broken),
        }
    }

    pub(super) fn int(self) -> Result<i64, OnnxError> {
        match self {
            Value::Varint(value) => Ok(value.cast_signed()),
            _ => Err(OnnxError::Broken),
        }
    }

    /// Adds one float, or a packed list of them.
    pub(super) fn floats(self, list: &mut Vec<f32>, most: usize) -> Result<(), OnnxError> {
        match self {
            Value::Fixed32(bytes) => list.push(f32::from_le_bytes(bytes)),
            Value::Bytes(bytes) => {
                let (numbers, []) = bytes.as_chunks::<4>() else {
                    return Err(OnnxError::Broken);
                };
                list.extend(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)));
            }
            _ => return Err(OnnxError::Broken),
        }
        within(list, most)
    }

    /// Adds one whole number, or a packed list of them.
    pub(super) fn ints(self, list: &mut Vec<i64>, most: usize) -> Result<(), OnnxError> {
        match self {
            Value::Varint(value) => list.push(value.cast_signed()),
            Value::Bytes(bytes) => {
                let mut rest = bytes;
                while !rest.is_empty() {
                    list.push(varint(&mut rest).ok_or(OnnxError::Broken)?.cast_signed());
                    within(list, most)?;
                }
            }
            _ => return Err(OnnxError::Broken),
        }
        within(list, most)
    }
}

fn within<T>(list: &[T], most: usize) -> Result<(), OnnxError> {
    if list.len() > most {
        return Err(OnnxError::TooLarge);
    }
    Ok(())
}

/// The fields of a message, in their order. Ends after the first broken one.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

/// Looks at a message.
pub(super) const fn fields(message: &[u8]) -> Fields<'_> {
    Fields { rest: message }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), OnnxError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = field(&mut self.rest);
        if field.is_none() {
            self.rest = &[];
        }
        Some(field.ok_or(OnnxError::Broken))
    }
}

fn field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Value<'a>)> {
    let key = varint(rest)?;
    let value = match key & 7 {
        0 => Value::Varint(varint(rest)?),
        1 => {
            let (_, behind) = rest.split_first_chunk::<8>()?;
            *rest = behind;
            Value::Fixed64
        }
        2 => {
            let length = usize::try_from(varint(rest)?).ok()?;
            let (bytes, behind) = rest.split_at_checked(length)?;
            *rest = behind;
            Value::Bytes(bytes)
        }
        5 => {
            let (bytes, behind) = rest.split_first_chunk::<4>()?;
            *rest = behind;
            Value::Fixed32(*bytes)
        }
        _ => return None,
    };
    Some((key >> 3, value))
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// A message being written.
#[derive(Debug, Default)]
pub(super) struct Message {
    bytes: Vec<u8>,
}

impl Message {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn int(&mut self, field: u64, value: i64) -> &mut Self {
        self.varint(field << 3);
        self.varint(value.cast_unsigned());
        self
    }

    pub(super) fn float(&mut self, field: u64, value: f32) -> &mut Self {
        self.varint(field << 3 | 5);
        self.bytes.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(super) fn bytes(&mut self, field: u64, bytes: &[u8]) -> &mut Self {
        self.varint(field << 3 | 2);
        self.varint(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.bytes.extend_from_slice(bytes);
        self
    }

    pub(super) fn text(&mut self, field: u64, text: &str) -> &mut Self {
        self.bytes(field, text.as_bytes())
    }

    pub(super) fn message(&mut self, field: u64, message: &Self) -> &mut Self {
        self.bytes(field, &message.bytes)
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes
                .push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
            value >>= 7;
        }
        self.bytes.push(u8::try_from(value).unwrap_or(0));
    }
}
