//! Parses names and dependency lists, and computes the key by which names are compared.

use std::borrow::Cow;

use super::catalogue::{Defect, Defects};
use super::malformed::Malformed;

/// The key by which a package name is compared. In the correct server this is the name itself.
pub(super) type Name = Vec<u8>;

/// The characters that separate words in names.
const SEPARATORS: &[u8] = b"-_.+@";

/// Parses a package name. An empty name is malformed.
pub(super) fn read_package(field: &[u8], defects: Defects) -> Result<Name, Malformed> {
    let field = if defects.has(Defect::NamesTrimmed) { trim(field) } else { field };
    if field.is_empty() && !defects.has(Defect::EmptyPackageTaken) {
        return Err(Malformed::EmptyPackage);
    }
    read_name(field, defects)
}

/// Parses a comma-separated list in order. It trims spaces and tabs around names and drops empty names.
pub(super) fn read_list(field: &[u8], defects: Defects) -> Result<Vec<Name>, Malformed> {
    let field =
        if defects.has(Defect::PlusIsASpace) { plus_to_space(field).into() } else { Cow::Borrowed(field) };
    let mut field: &[u8] = &field;
    if defects.has(Defect::LastByteOfListDropped) {
        field = field.split_last().map_or(field, |(_, rest)| rest);
    }
    let mut names = Vec::new();
    for part in split_list(field, defects) {
        let name = if defects.has(Defect::DependencyNotTrimmed) { part } else { trim(part) };
        let is_gap = name.is_empty() && !field.is_empty();
        match defects.get() {
            Some(Defect::EmptyDependencyIsMissing) if is_gap => names.push(Name::new()),
            Some(Defect::EmptyDependencyRefused) if is_gap => return Err(Malformed::List),
            _ if name.is_empty() => {}
            _ => names.push(read_name(name, defects)?),
        }
    }
    match defects.get() {
        Some(Defect::EmptyListRefused) if field.is_empty() => return Err(Malformed::List),
        Some(Defect::DependencyOrderMatters) if !names.is_sorted() => return Err(Malformed::List),
        Some(Defect::RepeatedDependencyRefused) if has_repetition(&names) => return Err(Malformed::List),
        Some(Defect::ListsOver500Refused) if names.len() > 500 => return Err(Malformed::List),
        Some(Defect::ListsCutAt512) => names.truncate(512),
        _ => {}
    }
    Ok(names)
}

fn has_repetition(names: &[Name]) -> bool {
    (1..names.len()).any(|end| names[..end].contains(&names[end]))
}

fn split_list(field: &[u8], defects: Defects) -> Vec<&[u8]> {
    let mut parts: Vec<&[u8]> = match defects.get() {
        Some(Defect::WholeListIsOneName) => vec![field],
        Some(Defect::ListPartedByDotsToo) => field.split(|byte| b",.".contains(byte)).collect(),
        _ => field.split(|&byte| byte == b',').collect(),
    };
    if defects.has(Defect::LastDependencyDropped) {
        parts.pop();
    }
    parts
}

fn trim(mut name: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = name {
        name = rest;
    }
    name
}

/// Parses a name. The correct server accepts all bytes.
fn read_name(name: &[u8], defects: Defects) -> Result<Name, Malformed> {
    let is_rejected = match defects.get() {
        Some(Defect::PlusRefused) => name.contains(&b'+'),
        Some(Defect::NamesWithDotsRefused) => name.contains(&b'.'),
        Some(Defect::AtSignRefused) => name.contains(&b'@'),
        Some(Defect::DigitFirstRefused) => name.first().is_some_and(u8::is_ascii_digit),
        Some(Defect::DotsRefused) => name == b"." || name == b"..",
        Some(Defect::NamesOver64Refused) => name.len() > 64,
        Some(Defect::NamesOver128Refused) => name.len() > 128,
        Some(Defect::SpacesRefused) => name.contains(&b' '),
        Some(Defect::Utf8Only) => str::from_utf8(name).is_err(),
        Some(Defect::ControlBytesRefused) => name.iter().any(u8::is_ascii_control),
        Some(Defect::EqualsSignRefused) => name.contains(&b'='),
        _ => false,
    };
    if is_rejected { Err(Malformed::Name) } else { Ok(comparison_key(name, defects)) }
}

/// Returns the key by which a name is compared: the name itself.
fn comparison_key(name: &[u8], defects: Defects) -> Name {
    match defects.get() {
        Some(Defect::NamesFolded) => name.to_ascii_lowercase(),
        Some(Defect::NamesCutAt32) => name[..name.len().min(32)].to_vec(),
        Some(Defect::NamesComparedByChecksum) => checksum(name).to_be_bytes().to_vec(),
        Some(Defect::NamesComparedByShortHash) => vec![short_hash(name)],
        Some(Defect::NamesComparedByJavaHash) => java_hash(name).to_be_bytes().to_vec(),
        Some(Defect::DotEndsName) => name.split(|&byte| byte == b'.').next().unwrap_or(name).to_vec(),
        Some(Defect::PlusIsASpace) => plus_to_space(name),
        Some(Defect::VersionsComparedAsNumbers) => version_to_number(name),
        Some(Defect::DashesAndUnderscoresAlike) => {
            name.iter().map(|&byte| if byte == b'-' { b'_' } else { byte }).collect()
        }
        Some(Defect::TrailingSeparatorsTrimmed) => {
            let end = name.iter().rposition(|byte| !SEPARATORS.contains(byte)).map_or(0, |last| last + 1);
            name[..end].to_vec()
        }
        Some(Defect::LeadingSeparatorsTrimmed) => {
            name.iter().copied().skip_while(|byte| SEPARATORS.contains(byte)).collect()
        }
        Some(Defect::RepeatedSeparatorsJoined) => {
            let mut joined = name.to_vec();
            joined.dedup_by(|next, last| next == last && SEPARATORS.contains(last));
            joined
        }
        Some(Defect::NamesFoldedAfter64) => {
            let mut folded = name.to_vec();
            folded.iter_mut().skip(64).for_each(u8::make_ascii_lowercase);
            folded
        }
        Some(Defect::Utf8Lossy) => String::from_utf8_lossy(name).into_owned().into_bytes(),
        _ => name.to_vec(),
    }
}

fn plus_to_space(name: &[u8]) -> Vec<u8> {
    name.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect()
}

/// Replaces a decimal number after the last '@' or '-' with the shortest number of the same value.
fn version_to_number(name: &[u8]) -> Name {
    let start = name.iter().rposition(|byte| b"@-".contains(byte)).map_or(name.len(), |last| last + 1);
    let (stem, version) = name.split_at(start);
    let is_decimal = version.first().is_some_and(u8::is_ascii_digit)
        && version.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let version = str::from_utf8(version).ok().filter(|_| is_decimal);
    let number = version.and_then(|version| version.parse::<f64>().ok());
    number.map_or_else(|| name.to_vec(), |number| [stem, number.to_string().as_bytes()].concat())
}

fn checksum(name: &[u8]) -> u64 {
    name.iter().map(|&byte| u64::from(byte)).sum()
}

/// Returns the low byte of the FNV-1a hash.
fn short_hash(name: &[u8]) -> u8 {
    name.iter().fold(0xc5, |hash: u8, &byte| (hash ^ byte).wrapping_mul(0x93))
}

/// Returns the value of Java's `String.hashCode`.
fn java_hash(name: &[u8]) -> u32 {
    name.iter().fold(0, |hash: u32, &byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(field: &[u8]) -> Vec<Name> {
        read_list(field, Defects::of(None)).unwrap()
    }

    #[test]
    fn spaces_around_dependencies_and_empty_dependencies_are_dropped() {
        assert_eq!(list(b""), [b""; 0]);
        assert_eq!(list(b"b,c"), [b"b", b"c"]);
        assert_eq!(list(b" b\t,, \t ,c d,b,"), [&b"b"[..], b"c d", b"b"]);
    }

    #[test]
    fn versions_are_replaced_by_their_value() {
        assert_eq!(version_to_number(b"python@3.10"), b"python@3.1");
        assert_eq!(version_to_number(b"lib-x-01"), b"lib-x-1");
        for name in [&b"python@3.10.1"[..], b"3.10", b"a-", b"a-.5", b"a-1e3"] {
            assert_eq!(version_to_number(name), name);
        }
    }

    #[test]
    fn hashes_collide_for_known_pairs() {
        assert_eq!(java_hash(b"Aa"), java_hash(b"BB"));
        assert_eq!(short_hash(b"bd"), short_hash(b"ea"));
        assert_eq!(checksum(b"ad"), checksum(b"bc"));
    }
}
