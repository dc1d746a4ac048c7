//! The mutants of WOW/1: name, violated clause, mark and wrong behaviour.

use protocol::wisdom::clauses;

use crate::table::{self, mutants};

/// The defect of a quotation server, or none.
pub(super) type Defects = table::Defects<Defect>;

mutants! {
    // Challenges.
    NoncesRepeat "nonces-repeat" W01: "only eight different nonces occur";
    DifficultyFieldDiffers "difficulty-field-differs" W01:
        "the field difficulty is one bit higher than the difficulty in the token";
    ExpiresFieldDiffers "expires-field-differs" W01:
        "the field expires_at_ms is one second later than the expiry in the token";

    // Quotations.
    QuoteTooLong "quote-too-long" W02: "a quotation has 2,500 bytes";
    StaysOpenAfterQuote "stays-open-after-quote" W02: "the connection stays open after a QUOTE";
    SwapsRepliesOfTwoConnections "swaps-replies-of-two-connections" W02 Race:
        "two concurrent requests may get each other's replies";
    ChallengeTiedToConnection "challenge-tied-to-connection" W03:
        "a challenge can be solved only on the connection that requested it";

    // Frames.
    FrameMustComeWhole "frame-must-come-whole" W04: "a frame that takes more than one read gets MALFORMED_FRAME";
    SecondFrameOfASegmentLost "second-frame-of-a-segment-lost" W05:
        "bytes that follow a frame in the same read are discarded";
    MagicNotLookedAt "magic-not-looked-at" W06: "the first two bytes of a frame are not checked";
    ClosesWithoutDraining "closes-without-draining" W06:
        "a connection is closed with unread bytes, so that a reset can destroy the error";
    VersionNotLookedAt "version-not-looked-at" W07: "the version of a frame is not checked";
    UnknownTypeClosesSilently "unknown-type-closes-silently" W08:
        "an unknown type closes the connection without an error";
    WaitsForTheAnnouncedPayload "waits-for-the-announced-payload" W09:
        "FRAME_TOO_LARGE is sent only after the whole payload has been received";
    AllocatesTheAnnouncedLength "allocates-the-announced-length" W09 Chaos:
        "a length beyond the limit is allocated (up to 64 MiB) until the connection closes";

    // Payloads.
    EmptyPayloadTaken "empty-payload-taken" W10: "an empty payload is accepted as a CHALLENGE_REQUEST";
    Latin1Taken "latin1-taken" W11: "a payload that is not UTF-8 is read as Latin-1";
    DuplicateKeysTaken "duplicate-keys-taken" W12: "a known key may occur twice; the last value counts";
    ArrayTaken "array-taken" W12: "an array of the values is accepted in place of the object";
    UnknownKeysRefused "unknown-keys-refused" W12: "an unknown key gets INVALID_PAYLOAD";
    BytesBehindTheObject "bytes-behind-the-object" W12: "bytes after the object are ignored";
    DiesOfNesting "dies-of-nesting" W13: "a payload nested more than 1,000 levels deep ends the server";
    ServerMessagesIgnored "server-messages-ignored" W14:
        "CHALLENGE, QUOTE and ERROR from a client get no reply";
    ThirdRequestAnswered "third-request-answered" W15:
        "the number of challenges for each connection is not limited";

    // Tokens.
    TagComparedInPart "tag-compared-in-part" W16: "only the first 8 bytes of the tag are compared";
    TagNotOverDifficulty "tag-not-over-difficulty" W16: "the tag does not cover the difficulty";
    TagNotOverIssued "tag-not-over-issued" W16: "the tag does not cover the time of issue";
    TagNotOverNonce "tag-not-over-nonce" W16: "the tag does not cover the nonce";
    TagNotOverTtl "tag-not-over-ttl" W16: "the tag does not cover the time to live";
    TagNotOverKeyId "tag-not-over-key-id" W16: "the key id is neither covered by the tag nor checked";
    Unsigned "unsigned" W16: "the tag is not checked";
    TagNotOverAddress "tag-not-over-address" W17: "a challenge can be solved from any address";
    // This mutant violates W18 only together with W02: if one client address is mapped, all are.
    MappedAddressDiffers "mapped-address-differs" W02:
        "a mapped address counts as IPv6 at the challenge and as IPv4 at the solution";
    Base64NotCanonical "base64-not-canonical" W19:
        "the unused bits of a challenge's last character are not checked";
    PaddedBase64 "padded-base64" W19: "a padded challenge is accepted";
    CounterAsNumber "counter-as-number" W20: "the counter may be a JSON number";
    UpperCaseCounter "upper-case-counter" W20: "the counter may have upper-case digits";
    ShortCounter "short-counter" W20: "the counter may have fewer than 16 digits";

    // Work.
    DifficultyInHexDigits "difficulty-in-hex-digits" W21:
        "the difficulty is rounded down to whole hexadecimal digits";
    AnyDigestTaken "any-digest-taken" W21: "the work is not checked";
    OneBitLess "one-bit-less" W21: "one zero bit less than the difficulty is accepted";
    InsufficientWorkCloses "insufficient-work-closes" W21: "INSUFFICIENT_WORK closes the connection";
    WorkSpendsFirst "work-spends-first" W21:
        "a challenge is spent before its work is checked, so that a second attempt is REPLAYED";
    ExactBitsRequired "exact-bits-required" W22: "more zero bits than the difficulty get INSUFFICIENT_WORK";
    AttemptsWithoutEnd "attempts-without-end" W23: "the number of insufficient solutions is not limited";

    // Time.
    ExpiryNotChecked "expiry-not-checked" W24 Slow: "a challenge never expires";
    ExpiresEarly "expires-early" W24 Slow: "a challenge expires after half of its time to live";
    ExpiresLate "expires-late" W24 Slow: "a challenge expires two seconds late";
    ExpiredCloses "expired-closes" W24 Slow: "CHALLENGE_EXPIRED closes the connection";

    // Replay.
    NoReplayCheck "no-replay-check" W25: "a challenge yields any number of quotations";
    SpentSetEvicts "spent-set-evicts" W25: "only the last 16 spent challenges are remembered";
    SpentNoncesPurgedEarly "spent-nonces-purged-early" W25 Slow:
        "a spent challenge is forgotten one to two seconds later, before it expires";
    ReplayKeptPerConnection "replay-kept-per-connection" W25:
        "a spent challenge is remembered only on its own connection";
    ReplayKeyedByCounter "replay-keyed-by-counter" W26:
        "a spent challenge is accepted again with another counter";
    ReplayCheckThenSet "replay-check-then-set" W27 Race:
        "a challenge is looked up and marked as spent in two steps";

    // Keys.
    RetiredKeyDroppedAtOnce "retired-key-dropped-at-once" W28 Slow: "a retired key has no grace period";
    RetiredKeyKeptForEver "retired-key-kept-for-ever" W28 Slow: "a retired key is accepted forever";

    // Limits.
    NoFirstByteDeadline "no-first-byte-deadline" W29 Slow: "a silent client is kept until the connection limit";
    TimeoutClosesSilently "timeout-closes-silently" W29 Slow:
        "a client that exceeds a time limit is disconnected without an error";
    DeadlinePerRead "deadline-per-read" W29 Slow: "each byte of a frame extends the deadline by 5 s";
    BusyClosesSilently "busy-closes-silently" W30:
        "a connection beyond the limit is closed without an error";
    BusyResets "busy-resets" W30: "a connection beyond the limit is reset";

    // Resource leaks.
    LeaksDescriptors "leaks-descriptors" W32 Chaos: "file descriptors of connections are never closed";
    LeaksMemory "leaks-memory" W32 Chaos: "512 KiB of memory leak for each connection";

    // Faults of clients and of the process.
    // hyper and Node: servers that unwrap the peer's address.
    DiesOfAClientGoneBeforeAccept "dies-of-a-client-gone-before-accept" W31 Chaos:
        "a client that resets its connection before it is accepted ends the server";
    // HAProxy and nginx's limit_conn: counts that an error path does not decrement.
    SlotsOfResetClientsKept "slots-of-reset-clients-kept" W31 Chaos:
        "a reset connection still counts as one of its address";
    // Apache's lingering close before it had a thread of its own.
    RefusalsBlockAccept "refusals-block-accept" W31 Chaos:
        "no client is accepted during the lingering close of a refused one, which takes up to 250 ms";
    // memcached: after a jump of the clock, all items have expired.
    PauseForgetsSpentChallenges "pause-forgets-spent-challenges" W25 Chaos:
        "all spent challenges are forgotten after a pause of the process of more than 1 s";
    // LibreSSL's getentropy: what to do if /dev/urandom cannot be opened for lack of descriptors.
    NoncesRepeatWithoutDescriptors "nonces-repeat-without-descriptors" W01 Chaos:
        "while no file descriptor is free, all nonces are equal";
}
