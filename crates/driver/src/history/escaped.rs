//! The serde form of bytes: text in which every byte that is not printable ASCII is escaped.

use std::borrow::Cow;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

use protocol::text::unescape;

pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&bytes.escape_ascii())
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Cow<'static, [u8]>, D::Error> {
    let text = String::deserialize(deserializer)?;
    unescape(text.as_bytes()).map(Cow::Owned).ok_or_else(|| D::Error::custom("an invalid escape"))
}
