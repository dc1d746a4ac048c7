//! The serde form of bytes: text with an escape for each byte that is not printable ASCII.

use std::borrow::Cow;

use protocol::text::unescape;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&bytes.escape_ascii())
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Cow<'static, [u8]>, D::Error> {
    let text = String::deserialize(deserializer)?;
    unescape(text.as_bytes()).map(Cow::Owned).ok_or_else(|| D::Error::custom("an invalid escape"))
}
