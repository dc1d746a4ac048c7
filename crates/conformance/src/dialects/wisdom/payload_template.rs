//! Solutions of a WOW/1 client, valid and invalid, which depend on the received challenges.
//!
//! `{solution}` in the bytes of a case represents a SOLUTION of the last challenge. Words after it modify the
//! solution:
//!
//! | word | modification |
//! | --- | --- |
//! | a number | the challenge with this index, counted from the first |
//! | `next` | the oldest challenge that this word has not selected yet |
//! | `ahead` | sends nothing: solves all received challenges in advance |
//! | `forged` | the token: invented, different each time, with any counter |
//! | `more` | the counter: three more zero bits than required |
//! | `less` | the counter: exactly one zero bit fewer than required |
//! | `none` | the counter: no zero bit |
//! | `other` | the counter: the second one that suffices |
//! | `flip` | the token: its next bit is flipped; the counter solves the result |
//! | `flip=N` | the token: bit N is flipped |
//! | `number`, `upper`, `short`, `long` | the format of the counter: a JSON number, upper case, 15 digits, 17 digits |
//! | `spare`, `padded`, `cut`, `wide` | the format of the token: nonzero spare bits, padding, 63 bytes, 65 bytes |
//! | `twice`, `array`, `behind`, `beside` | the object: a duplicate key, an array, trailing bytes, unknown keys |
//! | `head`, `rest` | the frame: its first half, its second half |

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use driver::moves::Slot;
use driver::work::{Job, Work};
use protocol::wisdom::messages::Response;
use protocol::wisdom::proof::{DIFFICULTY_MAX, Search};
use protocol::wisdom::token::{TOKEN_BYTES, Token};

use crate::dialect::PayloadTemplate;

/// The beginning of a placeholder.
const PLACEHOLDER: &[u8] = b"{solution";

/// The highest difficulty for which a flipped token is solved; above it, any counter is sent.
const FLIPPED_BITS_MAX: u8 = 18;

/// The highest difficulty for which a solution has no more zero bits than required, which doubles the work. A server that
/// accepts only such solutions then violates W22 and nothing else.
const EXACT_BITS_MAX: u32 = 16;

/// The zero bits that `more` adds.
const EXTRA_BITS: u32 = 3;

/// The state of the client of one case.
#[derive(Debug, Default)]
pub(crate) struct SolutionTemplate {
    /// The challenges in the order in which they were received.
    tokens: Vec<[u8; TOKEN_BYTES]>,
    position: Position,
    /// The counters found so far, for clients that send the same solution and for solutions in advance.
    found: BTreeMap<CounterRequirements, u64>,
    /// The search for a missing counter.
    pending: Option<(CounterRequirements, Work<Option<u64>>)>,
}

/// The choices of the next placeholder.
#[derive(Clone, Copy, Debug, Default)]
struct Position {
    /// The bit that is flipped next.
    next_bit: usize,
    /// The challenge that `next` selects.
    next_token: usize,
    /// The number of forged tokens.
    forged: u64,
}

/// The requirements on a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct CounterRequirements {
    token: [u8; TOKEN_BYTES],
    bits: Bits,
    /// Whether its hexadecimal form must contain a letter.
    has_letter: bool,
    /// Whether it is the second counter that meets the other requirements.
    is_second: bool,
}

/// The number of zero bits that a counter must produce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Bits {
    AtLeast(u32),
    Exactly(u32),
}

impl Bits {
    /// Returns the zero bits of a plain solution of a challenge with this difficulty.
    const fn sufficient(difficulty: u32) -> Self {
        if difficulty <= EXACT_BITS_MAX { Self::Exactly(difficulty) } else { Self::AtLeast(difficulty) }
    }

    const fn least(self) -> u32 {
        let (Self::AtLeast(bits) | Self::Exactly(bits)) = self;
        bits
    }
}

impl PayloadTemplate for SolutionTemplate {
    fn fill(&mut self, _: Slot, bytes: &[u8], out: &mut Vec<u8>) -> Option<&Job> {
        if let Some((requirements, work)) = self.pending.take() {
            // Work without a result was cancelled, or no counter fits.
            self.found.insert(requirements, work.result().copied().flatten().unwrap_or(0));
        }
        let (before, begin) = (self.position, out.len());
        self.append(bytes, out);
        if self.pending.is_some() {
            // The next call fills the same bytes from the beginning.
            self.position = before;
            out.truncate(begin);
        }
        self.pending.as_ref().map(|(_, work)| work.job())
    }

    fn note(&mut self, _: Slot, reply: &[u8]) {
        if let Ok(Response::Challenge(challenge)) = Response::decode(reply) {
            self.tokens.push(challenge.token);
        }
    }
}

impl SolutionTemplate {
    /// Appends `bytes` with their placeholders filled, unless a counter is missing.
    fn append(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut rest = bytes;
        while let Some(begin) = rest.windows(PLACEHOLDER.len()).position(|window| window == PLACEHOLDER) {
            let Some(length) = rest[begin..].iter().position(|&byte| byte == b'}') else { break };
            out.extend_from_slice(&rest[..begin]);
            let words =
                String::from_utf8_lossy(&rest[begin + PLACEHOLDER.len()..begin + length]).into_owned();
            let Some(solution) = self.solution(&words) else { return };
            out.extend(solution);
            rest = &rest[begin + length + 1..];
        }
        out.extend_from_slice(rest);
    }

    /// Returns the bytes of a placeholder, or `None` if a counter is missing, which is then pending.
    fn solution(&mut self, words: &str) -> Option<Vec<u8>> {
        let has = |word: &str| words.split(' ').any(|other| other == word);
        if has("ahead") {
            return self.solve_all().map(|()| Vec::new());
        }
        let mut number = words.split(' ').find_map(|word| word.parse::<usize>().ok());
        if has("next") {
            number = Some(self.position.next_token);
            self.position.next_token += 1;
        }
        let token = number.map_or(self.tokens.last(), |number| self.tokens.get(number));
        // A missing challenge is a finding already; a token of zeros lets the case continue.
        let mut token = token.copied().unwrap_or([0; TOKEN_BYTES]);
        if has("forged") {
            self.position.forged += 1;
            token = forged(self.position.forged);
        }
        if let Some(bit) = self.bit_to_flip(words) {
            token[bit / 8] ^= 0x80 >> (bit % 8);
        }
        let difficulty = u32::from(Token::read(&token).difficulty);
        let bits = match difficulty {
            _ if has("more") => Bits::AtLeast(difficulty + EXTRA_BITS),
            _ if has("less") => Bits::Exactly(difficulty.saturating_sub(1)),
            _ if has("none") => Bits::Exactly(0),
            _ if has("forged") => Bits::AtLeast(0),
            _ if words.contains("flip") && difficulty > FLIPPED_BITS_MAX.into() => Bits::AtLeast(0),
            _ => Bits::sufficient(difficulty),
        };
        let (has_letter, is_second) = (has("upper"), has("other"));
        let counter = self.counter(CounterRequirements { token, bits, has_letter, is_second })?;
        let challenge = match () {
            () if has("spare") => with_spare_bits(&URL_SAFE_NO_PAD.encode(token)),
            () if has("padded") => URL_SAFE_NO_PAD.encode(token) + "==",
            () if has("cut") => URL_SAFE_NO_PAD.encode(&token[..63]),
            () if has("wide") => URL_SAFE_NO_PAD.encode([&token[..], &[0]].concat()),
            () => URL_SAFE_NO_PAD.encode(token),
        };
        let counter = match () {
            () if has("number") => format!("{counter}"),
            () if has("upper") => format!("\"{counter:016X}\""),
            () if has("short") => format!("\"{counter:015x}\""),
            () if has("long") => format!("\"{counter:017x}\""),
            () => format!("\"{counter:016x}\""),
        };
        let payload = match () {
            () if has("twice") => {
                format!(r#"{{"challenge":"{challenge}","counter":{counter},"counter":{counter}}}"#)
            }
            () if has("array") => format!(r#"["{challenge}",{counter}]"#),
            () if has("behind") => format!(r#"{{"challenge":"{challenge}","counter":{counter}}} {{}}"#),
            () if has("beside") => {
                format!(r#"{{"a":1,"challenge":"{challenge}","b":[{{}}],"counter":{counter},"a":null}}"#)
            }
            () => format!(r#"{{"challenge":"{challenge}","counter":{counter}}}"#),
        };
        let frame = frame(3, payload.as_bytes());
        let half = frame.len() / 2;
        Some(match () {
            () if has("head") => frame[..half].to_vec(),
            () if has("rest") => frame[half..].to_vec(),
            () => frame,
        })
    }

    fn solve_all(&mut self) -> Option<()> {
        for token in self.tokens.clone() {
            let bits = Bits::sufficient(Token::read(&token).difficulty.into());
            self.counter(CounterRequirements { token, bits, has_letter: false, is_second: false })?;
        }
        Some(())
    }

    fn bit_to_flip(&mut self, words: &str) -> Option<usize> {
        for word in words.split(' ') {
            if let Some(number) = word.strip_prefix("flip=") {
                return number.parse().ok();
            }
            if word == "flip" {
                self.position.next_bit += 1;
                return Some((self.position.next_bit - 1) % (8 * TOKEN_BYTES));
            }
        }
        None
    }

    /// Returns a counter, or `None` if it must be searched first, which is then pending.
    fn counter(&mut self, requirements: CounterRequirements) -> Option<u64> {
        if let Some(counter) = self.found.get(&requirements) {
            return Some(*counter);
        }
        if requirements.bits.least() > u32::from(DIFFICULTY_MAX) + EXTRA_BITS {
            // The judge accuses the target of its difficulty. Any counter lets the case continue.
            return Some(0);
        }
        self.pending = Some((requirements, Work::new(move |is_cancelled| requirements.search(is_cancelled))));
        None
    }
}

impl CounterRequirements {
    fn search(self, is_cancelled: &AtomicBool) -> Option<u64> {
        let mut passed_over = u32::from(self.is_second);
        Search::new(&self.token).find_fitting(is_cancelled, |counter, bits| {
            let is_enough = match self.bits {
                Bits::AtLeast(least) => bits >= least,
                Bits::Exactly(wanted) => bits == wanted,
            };
            let fits =
                is_enough && (!self.has_letter || format!("{counter:x}").bytes().any(|digit| digit > b'9'));
            if fits && passed_over > 0 {
                passed_over -= 1;
                return false;
            }
            fits
        })
    }
}

/// Returns a plausible token without a valid signature.
fn forged(number: u64) -> [u8; TOKEN_BYTES] {
    let mut token = Token::read(&[0x5a; TOKEN_BYTES]);
    (token.version, token.algorithm, token.difficulty, token.key_id) = (1, 1, 1, 1);
    // The year 2100, so that no server considers it expired.
    (token.issued_ms, token.ttl_ms) = (4_102_444_800_000, 60_000);
    token.nonce[..8].copy_from_slice(&number.to_be_bytes());
    token.bytes()
}

/// Changes the last character so that its four lowest bits, which encode nothing and must be zero, are not zero.
fn with_spare_bits(text: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (head, last) = text.split_at(text.len() - 1);
    let value = ALPHABET.find(last).unwrap_or(0);
    format!("{head}{}", &ALPHABET[value + 1..value + 2])
}

/// Returns a frame. It is encoded here so that the decoder of the kit does not check its own encoder.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    [&[b'W', b'W', 1, kind][..], &length.to_be_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use protocol::wisdom::messages::{Challenge, Request, Solution};
    use protocol::wisdom::proof::zero_bits;

    use super::*;

    fn challenged() -> (SolutionTemplate, [u8; TOKEN_BYTES]) {
        challenged_with(6)
    }

    fn challenged_with(difficulty: u8) -> (SolutionTemplate, [u8; TOKEN_BYTES]) {
        let mut token = Token::read(&[3; TOKEN_BYTES]);
        (token.version, token.algorithm, token.difficulty) = (1, 1, difficulty);
        let mut reply = Vec::new();
        Response::Challenge(Challenge::of(&token)).encode(&mut reply);
        let mut template = SolutionTemplate::default();
        template.note(0, &reply);
        (template, token.bytes())
    }

    fn filled(template: &mut SolutionTemplate, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        while let Some(job) = template.fill(0, bytes, &mut out) {
            job.run();
        }
        out
    }

    #[test]
    fn a_challenge_above_the_maximum_is_not_solved() {
        let (mut template, _) = challenged_with(60);
        let mut out = Vec::new();
        assert!(template.fill(0, b"{solution}", &mut out).is_none() && !out.is_empty());
    }

    fn solution(template: &mut SolutionTemplate, bytes: &[u8]) -> Option<Solution> {
        match Request::decode(&filled(template, bytes)) {
            Ok(Request::Solution(solution)) => Some(solution),
            _ => None,
        }
    }

    #[test]
    fn a_counter_produces_the_required_bits() {
        let (mut template, token) = challenged();
        let mut bits = |place: &[u8]| {
            let solution = solution(&mut template, place).unwrap();
            assert_eq!(solution.token, token);
            (solution.counter, zero_bits(&token, solution.counter))
        };
        let (first, enough) = bits(b"{solution}");
        assert_eq!(enough, 6);
        assert!(bits(b"{solution more}").1 >= 9);
        assert_eq!(bits(b"{solution 0 less}").1, 5);
        assert_eq!(bits(b"{solution none}").1, 0);
        let (second, enough) = bits(b"{solution other}");
        assert!(enough == 6 && second > first);
    }

    #[test]
    fn each_bit_is_flipped_in_turn_and_the_result_is_solved() {
        let (mut template, token) = challenged();
        for bit in 0..8 * TOKEN_BYTES {
            let solution = solution(&mut template, b"{solution flip}").unwrap();
            let flipped: u32 =
                solution.token.iter().zip(&token).map(|(one, other)| (one ^ other).count_ones()).sum();
            assert_eq!(flipped, 1, "bit {bit}");
            let difficulty = solution.token[2];
            if difficulty <= FLIPPED_BITS_MAX {
                assert!(zero_bits(&solution.token, solution.counter) >= difficulty.into(), "bit {bit}");
            }
        }
    }

    #[test]
    fn challenges_are_solved_in_order_and_in_advance_and_forged_tokens_differ() {
        let (mut template, first) = challenged();
        let mut token = Token::read(&first);
        token.nonce[0] = 1;
        let mut reply = Vec::new();
        Response::Challenge(Challenge::of(&token)).encode(&mut reply);
        template.note(7, &reply);
        assert_eq!(filled(&mut template, b"{solution ahead}"), b"");
        assert_eq!(template.found.len(), 2);
        for token in [first, token.bytes()] {
            let solution = solution(&mut template, b"{solution next}").unwrap();
            assert_eq!(solution.token, token);
            assert!(zero_bits(&token, solution.counter) >= 6);
        }
        let forged: Vec<Solution> =
            (0..2).map(|_| solution(&mut template, b"{solution forged}").unwrap()).collect();
        assert!(forged[0].token != forged[1].token && forged[0].token != first);
    }

    #[test]
    fn invalid_formats_are_invalid() {
        let (mut template, _) = challenged();
        for word in
            ["number", "upper", "short", "long", "spare", "padded", "cut", "wide", "twice", "array", "behind"]
        {
            let place = format!("{{solution {word}}}");
            assert_eq!(solution(&mut template, place.as_bytes()), None, "{word}");
        }
        assert!(solution(&mut template, b"{solution beside}").is_some());
    }

    #[test]
    fn two_halves_form_a_frame_and_other_bytes_are_unchanged() {
        let (mut template, _) = challenged();
        let whole = filled(&mut template, b"{solution}");
        assert_eq!(filled(&mut template, b"{solution head}{solution rest}"), whole);
        assert_eq!(filled(&mut template, b"a{}b"), b"a{}b");
    }
}
