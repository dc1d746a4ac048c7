//! The keys of challenges: the first key signs, all keys verify, and removed keys verify for a grace period.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use protocol::wisdom::token::{DerivationError, Holder, Key, TOKEN_BYTES, Token};
use tracing::{info, warn};
use zeroize::Zeroizing;

use super::error::Error;
use super::key_file::{self, Content, InvalidKeyFile, Secret};

/// The settings of the keys.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The secret file.
    pub file: Option<PathBuf>,
    /// The only secret if there is no file. Without both, a random secret is used.
    pub secret: Option<Secret>,
    /// The servers that accept a token.
    pub scope: Scope,
    /// Time for which a removed key still verifies.
    pub grace: Duration,
}

/// The servers that accept a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// This process only.
    Boot,
    /// All servers with the same secret.
    Shared,
}

/// Removed keys that are kept during their grace period; beyond that the oldest are dropped.
const RETIRED_MAX: usize = 256;

/// All keys. Their debug output contains no secrets.
pub(super) struct Keys {
    file: Option<PathBuf>,
    salt: Option<[u8; 32]>,
    grace_ms: u64,
    ring: RwLock<Arc<Ring>>,
    observed: Mutex<Observed>,
}

/// The observed contents of the file.
#[derive(Default)]
struct Observed {
    /// The last content; none if the file could not be read.
    last: Option<Content>,
    /// The last content that two consecutive reads returned, valid or not.
    stable: Option<Content>,
}

/// The current keys, followed by the removed ones. The first key signs.
#[derive(Default)]
struct Ring {
    keys: Vec<HeldKey>,
}

#[derive(Clone)]
struct HeldKey {
    id: u8,
    secret: Secret,
    key: Key,
    /// The end of the grace period of a removed key, in milliseconds since 1970.
    ends_ms: Option<u64>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    /// Creates the keys of these settings.
    ///
    /// # Errors
    /// Fails if the file is invalid, no key can be derived, or the operating system returns no random bytes.
    pub(super) fn new(settings: &Settings) -> Result<Self, Error> {
        let mut observed = Observed::default();
        let secrets = if let Some(path) = &settings.file {
            let wrong = |problem| Error::SecretFile { path: path.clone(), problem };
            let content = key_file::read(path).map_err(wrong)?;
            let secrets = key_file::parse(&content.text).map_err(wrong)?;
            warn_if_exposed(path, &content);
            observed = Observed { last: Some(content.clone()), stable: Some(content) };
            secrets
        } else if let Some(secret) = &settings.secret {
            vec![(0, secret.clone())]
        } else {
            let random = Zeroizing::new(random_bytes::<32>()?);
            let random = Secret::new(random.to_vec());
            vec![(0, random.expect("32 bytes are more than the minimum of 16"))]
        };
        let keys = Self {
            file: settings.file.clone(),
            salt: if settings.scope == Scope::Boot { Some(random_bytes()?) } else { None },
            grace_ms: u64::try_from(settings.grace.as_millis()).unwrap_or(u64::MAX),
            ring: RwLock::default(),
            observed: Mutex::new(observed),
        };
        if settings.scope == Scope::Shared {
            // There is no set of spent challenges that several servers share.
            warn!(
                "with a shared secret each challenge can be solved once at every server, and once more after a restart, \
                 because each server stores the solved challenges for itself"
            );
        }
        keys.replace(secrets, 0)?;
        Ok(keys)
    }

    /// Signs a token for this holder.
    pub(super) fn sign(&self, mut token: Token, holder: &Holder) -> Token {
        if let Some(held) = self.ring().keys.first() {
            token.key_id = held.id;
            token.tag = held.key.sign(&token, holder);
        }
        token
    }

    /// Reports whether one of the keys signed this token for this holder.
    pub(super) fn have_signed(&self, token: &[u8; TOKEN_BYTES], holder: &Holder, now_ms: u64) -> bool {
        let id = Token::read(token).key_id;
        let ring = self.ring();
        let mut verifying = ring.keys.iter().filter(|held| held.id == id && held.verifies(now_ms));
        verifying.any(|held| held.key.has_signed(token, holder))
    }

    /// The secret file, if there is one.
    pub(super) fn file(&self) -> Option<&PathBuf> {
        self.file.as_ref()
    }

    /// Takes the result of reading the file, and replaces the keys if its content is new and valid. Two consecutive
    /// reads must return the same content, so that a partly written file is not used.
    pub(super) fn observe_file(&self, read: Result<Content, InvalidKeyFile>, now_ms: u64) {
        let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        let (content, problem) = match read {
            Ok(content) => (Some(content), None),
            Err(problem) => (None, Some(problem)),
        };
        let is_stable = content == observed.last;
        observed.last.clone_from(&content);
        if !is_stable || content == observed.stable {
            return;
        }
        observed.stable.clone_from(&content);
        drop(observed);
        let keys = match (&content, problem) {
            (Some(content), _) => key_file::parse(&content.text),
            (None, Some(problem)) => Err(problem),
            (None, None) => return,
        };
        if let (Some(path), Some(content)) = (&self.file, &content) {
            warn_if_exposed(path, content);
        }
        match keys {
            Ok(secrets) => self.change(secrets, now_ms),
            Err(problem) => warn!(%problem, "the secret file is invalid; the keys are unchanged"),
        }
    }

    /// Replaces the keys, and logs the outcome.
    fn change(&self, secrets: Vec<(u8, Secret)>, now_ms: u64) {
        let (keys, signing) = (secrets.len(), secrets[0].0);
        match self.replace(secrets, now_ms) {
            Ok(()) => info!(keys, signing, "the keys have changed"),
            Err(problem) => warn!(%problem, "the keys are unchanged"),
        }
    }

    /// Replaces the keys. Keys that are no longer among them keep verifying for the grace period.
    ///
    /// # Errors
    /// Fails, and changes nothing, if a key cannot be derived.
    fn replace(&self, secrets: Vec<(u8, Secret)>, now_ms: u64) -> Result<(), DerivationError> {
        let derive = |(id, secret): (u8, Secret)| {
            let key = Key::derive(secret.bytes(), self.salt.as_ref().map(|salt| &salt[..]), id)?;
            Ok(HeldKey { id, secret, key, ends_ms: None })
        };
        let live = secrets.into_iter().map(derive).collect::<Result<Vec<HeldKey>, DerivationError>>()?;
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        let is_kept =
            |held: &HeldKey| live.iter().any(|live| live.id == held.id && live.secret == held.secret);
        let ends_ms = now_ms.saturating_add(self.grace_ms);
        let retired = ring.keys.iter().filter(|held| !is_kept(held) && held.verifies(now_ms)).cloned();
        let retired: Vec<HeldKey> = retired
            .map(|held| HeldKey { ends_ms: held.ends_ms.or(Some(ends_ms)), ..held })
            .take(RETIRED_MAX)
            .collect();
        *ring = Arc::new(Ring { keys: live.into_iter().chain(retired).collect() });
        Ok(())
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HeldKey {
    fn verifies(&self, now_ms: u64) -> bool {
        self.ends_ms.is_none_or(|ends_ms| now_ms < ends_ms)
    }
}

/// Warns of a secret file that other users of this host can access. The server starts nevertheless: container platforms
/// mount secrets with such permissions.
fn warn_if_exposed(path: &Path, content: &Content) {
    if let Some(mode) = content.exposed_mode() {
        let (path, mode) = (path.display(), format_args!("{mode:04o}"));
        warn!(%path, %mode, "other users can access the secret file; deny it with `chmod 600`");
    }
}

/// Returns random bytes of the operating system.
///
/// # Errors
/// Returns [`Error::Randomness`] if there are none.
pub(super) fn random_bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::Randomness(error.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &[u8] = b"1 the first secret of all";
    const NEW: &[u8] = b"2 the second secret of all";

    fn keys(file: &[u8], grace: Duration) -> Keys {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys");
        std::fs::write(&path, file).unwrap();
        Keys::new(&Settings { file: Some(path), secret: None, scope: Scope::Boot, grace }).unwrap()
    }

    fn content(text: &[u8]) -> Content {
        Content { text: Zeroizing::new(text.to_vec()), mode: 0o600 }
    }

    fn signed_by(keys: &Keys) -> [u8; TOKEN_BYTES] {
        keys.sign(Token::read(&[1; TOKEN_BYTES]), &Holder::ANYBODY).bytes()
    }

    fn observe_twice(keys: &Keys, text: &[u8], now_ms: u64) {
        for _ in 0..2 {
            keys.observe_file(Ok(content(text)), now_ms);
        }
    }

    #[test]
    fn w28_a_removed_key_verifies_until_the_end_of_its_grace_period() {
        let keys = keys(OLD, Duration::from_mins(1));
        let token = signed_by(&keys);
        assert_eq!(Token::read(&token).key_id, 1);
        let is_accepted = |now_ms| keys.have_signed(&token, &Holder::ANYBODY, now_ms);
        observe_twice(&keys, NEW, 1_000);
        assert_eq!(Token::read(&signed_by(&keys)).key_id, 2);
        // A second change does not extend the grace period.
        observe_twice(&keys, b"3 the third secret of all", 30_000);
        assert!(is_accepted(60_999));
        assert!(!is_accepted(61_000));
        // A key that returns to the file verifies without a limit.
        observe_twice(&keys, OLD, 70_000);
        assert!(is_accepted(1_000_000));
    }

    #[test]
    fn another_secret_with_the_same_number_is_another_key() {
        let keys = keys(OLD, Duration::from_mins(1));
        let token = signed_by(&keys);
        observe_twice(&keys, b"1 quite another secret", 0);
        assert!(keys.have_signed(&token, &Holder::ANYBODY, 59_999));
        assert!(!keys.have_signed(&token, &Holder::ANYBODY, 60_000));
        assert!(keys.have_signed(&signed_by(&keys), &Holder::ANYBODY, 60_000));
    }

    #[test]
    fn an_invalid_or_partly_written_file_changes_nothing() {
        let keys = keys(OLD, Duration::ZERO);
        let token = signed_by(&keys);
        observe_twice(&keys, b"", 0);
        observe_twice(&keys, b"2 short", 0);
        for _ in 0..3 {
            keys.observe_file(Err(InvalidKeyFile::Empty), 0);
        }
        keys.observe_file(Ok(content(&NEW[..20])), 0);
        keys.observe_file(Ok(content(NEW)), 0);
        assert!(keys.have_signed(&token, &Holder::ANYBODY, 0));
        assert_eq!(signed_by(&keys), token);
        keys.observe_file(Ok(content(NEW)), 0);
        assert!(!keys.have_signed(&token, &Holder::ANYBODY, 0));
    }

    #[test]
    fn the_scope_determines_whether_tokens_survive_a_restart() {
        let of = |scope| {
            let secret = Secret::new(b"a secret that is shared".to_vec());
            Keys::new(&Settings { file: None, secret, scope, grace: Duration::ZERO }).unwrap()
        };
        let is_accepted = |scope| of(scope).have_signed(&signed_by(&of(scope)), &Holder::ANYBODY, 0);
        assert!(is_accepted(Scope::Shared));
        assert!(!is_accepted(Scope::Boot));
    }

    #[test]
    fn debug_output_contains_no_secret() {
        assert_eq!(format!("{:?}", keys(OLD, Duration::ZERO)), "Keys");
        let secret = Secret::new(OLD.to_vec());
        let settings = Settings { file: None, secret, scope: Scope::Boot, grace: Duration::ZERO };
        let printed = format!("{settings:?}");
        assert!(printed.contains("Some(Secret)"), "{printed}");
    }
}
