//! Tokens: signed challenges that a server verifies without storing them.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The length of a token, in bytes: one block of SHA-256.
pub const TOKEN_BYTES: usize = 64;

/// The number of bytes that the tag covers.
const SIGNED_BYTES: usize = 32;

/// The version of the token format.
pub const VERSION: u8 = 1;

/// The only supported algorithm: leading zero bits of SHA-256.
pub const ALGORITHM: u8 = 1;

/// The maximum time by which a token may have been issued after the current time of the server, in milliseconds. It
/// allows servers that share a secret to have different clocks.
pub const CLOCK_SKEW_MS_MAX: u64 = 2_000;

/// The prefix of the signed bytes. It separates these tags from other uses of the key.
const TAG_CONTEXT: &[u8] = b"wow/pow/v1\0";

/// The context of key derivation.
const KEY_CONTEXT: &[u8] = b"wow/pow/v1/key";

/// The fields of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// The version of the format, [`VERSION`].
    pub version: u8,
    /// The algorithm, [`ALGORITHM`].
    pub algorithm: u8,
    /// The number of zero bits that a proof requires.
    pub difficulty: u8,
    /// The id of the key that signed the token.
    pub key_id: u8,
    /// The time of issue, in milliseconds since the Unix epoch.
    pub issued_ms: u64,
    /// The time to live, in milliseconds.
    pub ttl_ms: u32,
    /// A random value that makes the token unique.
    pub nonce: [u8; 16],
    /// The signature.
    pub tag: [u8; 32],
}

impl Token {
    /// Decodes a token. Every sequence of bytes is a token.
    #[must_use]
    pub fn read(bytes: &[u8; TOKEN_BYTES]) -> Self {
        let mut rest = &bytes[..];
        let version = take::<1>(&mut rest)[0];
        let algorithm = take::<1>(&mut rest)[0];
        let difficulty = take::<1>(&mut rest)[0];
        let key_id = take::<1>(&mut rest)[0];
        Self {
            version,
            algorithm,
            difficulty,
            key_id,
            issued_ms: u64::from_be_bytes(take(&mut rest)),
            ttl_ms: u32::from_be_bytes(take(&mut rest)),
            nonce: take(&mut rest),
            tag: take(&mut rest),
        }
    }

    /// Encodes the token.
    #[must_use]
    pub fn bytes(&self) -> [u8; TOKEN_BYTES] {
        let mut bytes = [0; TOKEN_BYTES];
        bytes[..4].copy_from_slice(&[self.version, self.algorithm, self.difficulty, self.key_id]);
        bytes[4..12].copy_from_slice(&self.issued_ms.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.ttl_ms.to_be_bytes());
        bytes[16..32].copy_from_slice(&self.nonce);
        bytes[32..].copy_from_slice(&self.tag);
        bytes
    }

    /// Returns whether the token has the version and the algorithm of this protocol. A valid signature does not imply it:
    /// servers of several versions may share a secret.
    #[must_use]
    pub fn is_supported(&self) -> bool {
        self.version == VERSION && self.algorithm == ALGORITHM
    }

    /// Returns the time from which the token can no longer be solved, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn expires_ms(&self) -> u64 {
        self.issued_ms.saturating_add(self.ttl_ms.into())
    }

    /// Returns whether the token can be solved at the given time, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn is_current(&self, now_ms: u64) -> bool {
        self.issued_ms <= now_ms.saturating_add(CLOCK_SKEW_MS_MAX) && now_ms < self.expires_ms()
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let mut taken = [0; N];
    let (head, tail) = rest.split_at(N);
    taken.copy_from_slice(head);
    *rest = tail;
    taken
}

/// Encodes bytes as base64url without padding.
#[must_use]
pub fn to_base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes the 86 characters of a token; returns `None` if they are not canonical base64url.
#[must_use]
pub fn from_base64url(text: &str) -> Option<[u8; TOKEN_BYTES]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// The client to which a token is bound: an address family with an address, or any client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    family: u8,
    address: [u8; 16],
}

impl Holder {
    /// Any client.
    pub const ANYBODY: Self = Self { family: 0, address: [0; 16] };

    /// The client at an address. An IPv4-mapped IPv6 address counts as IPv4; of other IPv6 addresses, the /64 prefix
    /// counts.
    #[must_use]
    pub fn at(address: IpAddr) -> Self {
        let mut holder = Self::ANYBODY;
        match address.to_canonical() {
            IpAddr::V4(address) => {
                holder.family = 4;
                holder.address[..4].copy_from_slice(&address.octets());
            }
            IpAddr::V6(address) => {
                holder.family = 6;
                holder.address[..8].copy_from_slice(&address.octets()[..8]);
            }
        }
        holder
    }
}

/// The failure of a key derivation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("HKDF cannot derive a key of {key_bytes} bytes")]
pub struct DerivationError {
    /// The length of the key.
    pub key_bytes: usize,
}

/// Fills `key` with bytes derived from a secret.
fn expand(secret: &[u8], salt: Option<&[u8]>, key_id: u8, key: &mut [u8]) -> Result<(), DerivationError> {
    let context = [KEY_CONTEXT, &[key_id]].concat();
    let expanded = Hkdf::<Sha256>::new(salt, secret).expand(&context, key);
    expanded.map_err(|hkdf::InvalidLength| DerivationError { key_bytes: key.len() })
}

/// A key that signs tokens, cleared when it is dropped. Its `Debug` output does not contain the key.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// Derives a key from a secret (HKDF, RFC 5869). A random salt at each start makes tokens invalid after a
    /// restart. Without a salt, servers that share the secret accept each other's tokens.
    ///
    /// # Errors
    /// Returns [`DerivationError`] if HKDF fails. A key of zeros would let anybody sign tokens.
    pub fn derive(secret: &[u8], salt: Option<&[u8]>, key_id: u8) -> Result<Self, DerivationError> {
        // HMAC uses a key of exactly one block as it is.
        let mut key = Zeroizing::new([0; 64]);
        expand(secret, salt, key_id, &mut key[..])?;
        // Reading from the slice leaves no copy of the key on the stack.
        let key_bytes = key.len();
        Hmac::new_from_slice(&key[..]).map(Self).map_err(|_| DerivationError { key_bytes })
    }

    /// Signs a token for a holder.
    #[must_use]
    pub fn sign(&self, token: &Token, holder: &Holder) -> [u8; 32] {
        self.tag_of(&token.bytes(), holder).finalize().into_bytes().into()
    }

    /// Returns whether this key has signed the token for this holder. The time does not depend on the tag.
    #[must_use]
    pub fn has_signed(&self, token: &[u8; TOKEN_BYTES], holder: &Holder) -> bool {
        self.tag_of(token, holder).verify_slice(&token[SIGNED_BYTES..]).is_ok()
    }

    fn tag_of(&self, token: &[u8; TOKEN_BYTES], holder: &Holder) -> Hmac<Sha256> {
        let mut tag = self.0.clone();
        tag.update(TAG_CONTEXT);
        tag.update(&token[..SIGNED_BYTES]);
        tag.update(&[holder.family]);
        tag.update(&holder.address);
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        Token {
            version: VERSION,
            algorithm: ALGORITHM,
            difficulty: 20,
            key_id: 3,
            issued_ms: 1_000_000,
            ttl_ms: 60_000,
            nonce: *b"0123456789abcdef",
            tag: [7; 32],
        }
    }

    #[test]
    fn encoding_reverses_decoding() {
        let bytes = token().bytes();
        assert_eq!(Token::read(&bytes), token());
        assert_eq!(bytes[..4], [1, 1, 20, 3]);
        let text = to_base64url(&bytes);
        assert_eq!(text.len(), 86);
        assert_eq!(from_base64url(&text), Some(bytes));
    }

    #[test]
    fn base64url_has_one_canonical_form() {
        let text = to_base64url(&token().bytes());
        // Four bits of the last character must be zero.
        let other_last = text[..85].to_owned() + "B";
        assert_eq!(from_base64url(&other_last), None);
        assert_eq!(from_base64url(&format!("{text}==")), None);
        assert_eq!(from_base64url(&to_base64url(&[0; 63])), None);
        assert_eq!(from_base64url(&to_base64url(&[0; 65])), None);
    }

    #[test]
    fn a_signature_covers_every_signed_bit_and_the_holder() {
        let key = Key::derive(b"secret", None, 3).unwrap();
        let holder = Holder::at([127, 0, 0, 1].into());
        let mut signed = token();
        signed.tag = key.sign(&signed, &holder);
        let bytes = signed.bytes();
        assert!(key.has_signed(&bytes, &holder));
        for bit in 0..512 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.has_signed(&flipped, &holder), "bit {bit}");
        }
        for other in [Holder::at([127, 0, 0, 2].into()), Holder::ANYBODY] {
            assert!(!key.has_signed(&bytes, &other), "{other:?}");
        }
        assert!(!Key::derive(b"secret", None, 4).unwrap().has_signed(&bytes, &holder));
        assert!(!Key::derive(b"secret", Some(b"boot"), 3).unwrap().has_signed(&bytes, &holder));
        assert_eq!(format!("{key:?}"), "Key");
    }

    #[test]
    fn a_key_that_hkdf_cannot_derive_is_an_error() {
        let mut key = vec![0; 255 * 32 + 1];
        assert_eq!(expand(b"secret", None, 3, &mut key), Err(DerivationError { key_bytes: 8161 }));
        key.pop();
        assert_eq!(expand(b"secret", None, 3, &mut key), Ok(()));
    }

    #[test]
    fn only_this_version_and_algorithm_are_supported() {
        assert!(token().is_supported());
        assert!(!Token { version: 2, ..token() }.is_supported());
        assert!(!Token { algorithm: 0, ..token() }.is_supported());
    }

    #[test]
    fn a_holder_is_an_ipv4_address_or_an_ipv6_prefix() {
        let at = |text: &str| Holder::at(text.parse().unwrap());
        assert_eq!(at("::ffff:192.0.2.7"), at("192.0.2.7"));
        assert_eq!(at("2001:db8:1:2::1"), at("2001:db8:1:2:ffff::"));
        assert_ne!(at("2001:db8:1:2::1"), at("2001:db8:1:3::1"));
        assert_ne!(at("127.0.0.1"), at("7f00:1::"));
    }

    #[test]
    fn a_token_is_current_from_shortly_before_its_issue_until_its_expiry() {
        let token = token();
        for (now_ms, is_current) in [(997_999, false), (998_000, true), (1_059_999, true), (1_060_000, false)]
        {
            assert_eq!(token.is_current(now_ms), is_current, "{now_ms}");
        }
    }
}
