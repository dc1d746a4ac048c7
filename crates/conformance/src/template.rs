//! Templates of bytes: `{…}` represents parts that depend on the seed or would be long to write.
//!
//! | placeholder | meaning |
//! | --- | --- |
//! | `{a}` … `{f}` | a name that only this case uses under this seed |
//! | `{a:100}` | the name, padded to 100 bytes with `x` |
//! | `{a*30}` | a list of 30 names, `{a}n0,{a}n1,…` |
//! | `{a*30:99}` | a list of 30 names, each padded to 99 bytes with `x` |
//! | `{x*4096}` | the byte `x`, 4,096 times; any byte except `a` … `f` can be repeated |
//! | `{n}` | the number of a request among those of a crowd |
//! | `{n~99}` | 99 minus that number |
//! | `{r}` | eight digits that are derived from that number and show no pattern |

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use driver::moves::Source;
use protocol::text::hex;

/// The names of one case under one seed.
#[derive(Clone, Debug)]
pub struct Names {
    stem: String,
    /// The key for draws other than the names.
    key: u32,
}

impl Names {
    /// Draws names that no other case and no other seed uses.
    #[must_use]
    pub fn draw(seed: u64, case_id: &str) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let digest = Sha256::digest(case_id.as_bytes());
        // Each case has its own stream, keyed by its id, so that a new case changes no other.
        random.set_stream(digest.iter().take(8).fold(0, |key, byte| key << 8 | u64::from(*byte)));
        let key = random.next_u32();
        Self { stem: format!("gt{key:08x}"), key }
    }

    /// Returns a source address that hardly any other case uses.
    #[must_use]
    pub fn own_source(&self) -> Source {
        Source::Own(self.key)
    }

    /// Returns a name of letters and digits, so that only the cases of R9 depend on other characters. All stems have the same
    /// length, so that the names of two cases differ.
    fn name(&self, letter: u8) -> String {
        format!("{}{}", self.stem, char::from(letter))
    }

    /// Returns whether the expansion of a template depends on the number of the request.
    pub(crate) fn depends_on_number(template: &[u8]) -> bool {
        [b"{n", b"{r"].iter().any(|begin| template.windows(2).any(|window| window == *begin))
    }

    /// Expands a template; `number` is the value of `{n}`.
    #[must_use]
    pub fn expand(&self, template: &[u8], number: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = template;
        while let Some(begin) = rest.iter().position(|&byte| byte == b'{') {
            let Some(length) = rest[begin..].iter().position(|&byte| byte == b'}') else { break };
            bytes.extend_from_slice(&rest[..begin]);
            self.expand_placeholder(&rest[begin + 1..begin + length], number, &mut bytes);
            rest = &rest[begin + length + 1..];
        }
        bytes.extend_from_slice(rest);
        bytes
    }

    fn expand_placeholder(&self, place: &[u8], number: usize, bytes: &mut Vec<u8>) {
        let count = |digits: &[u8]| -> usize {
            std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0)
        };
        match place {
            b"r" => {
                let digest = Sha256::digest(format!("{} {number}", self.stem));
                bytes.extend_from_slice(&hex(&digest).as_bytes()[..8]);
            }
            [b'n', b'~', digits @ ..] => {
                bytes.extend_from_slice(count(digits).saturating_sub(number).to_string().as_bytes());
            }
            b"n" => bytes.extend_from_slice(number.to_string().as_bytes()),
            [letter @ b'a'..=b'f'] => bytes.extend_from_slice(self.name(*letter).as_bytes()),
            [letter @ b'a'..=b'f', b':', digits @ ..] => {
                let mut name = self.name(*letter).into_bytes();
                name.resize(count(digits), b'x');
                bytes.append(&mut name);
            }
            [letter @ b'a'..=b'f', b'*', digits @ ..] => {
                let name = self.name(*letter);
                let mut parts = digits.split(|&byte| byte == b':').map(count);
                let (names, width) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
                let names: Vec<String> =
                    (0..names).map(|number| format!("{:x<width$}", format!("{name}n{number}"))).collect();
                bytes.extend_from_slice(names.join(",").as_bytes());
            }
            [byte, b'*', digits @ ..] => bytes.resize(bytes.len() + count(digits), *byte),
            other => {
                bytes.push(b'{');
                bytes.extend_from_slice(other);
                bytes.push(b'}');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_expanded_and_other_bytes_are_unchanged() {
        let names = Names { stem: "s".to_owned(), key: 0 };
        let expand = |template: &[u8]| String::from_utf8_lossy(&names.expand(template, 7)).into_owned();
        assert_eq!(expand(b"INDEX|{a}|{b}.x\n"), "INDEX|sa|sb.x\n");
        assert_eq!(expand(b"{a:6}|{c*3}|{,*4}|{n}"), "saxxxx|scn0,scn1,scn2|,,,,|7");
        assert_eq!(expand(b"{c*2:7}{n~9}"), "scn0xxx,scn1xxx2");
        assert_eq!(expand(b"{q}{"), "{q}{");
        assert_eq!(expand(b"{a}|x{"), "sa|x{");
    }

    #[test]
    fn names_are_ordinary_and_depend_on_seed_and_case() {
        let name = |seed, id| Names::draw(seed, id).name(b'a');
        assert_eq!(name(1, "index/S1/1"), name(1, "index/S1/1"));
        assert_ne!(name(1, "index/S1/1"), name(2, "index/S1/1"));
        assert_ne!(name(1, "index/S1/1"), name(1, "index/S1/2"));
        assert!(name(1, "index/S1/1").chars().all(|letter| letter.is_ascii_alphanumeric()));
    }
}
