//! The keys that sign challenges: one signs, all verify, and those that were taken away verify a little longer.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use protocol::wisdom::token::{Holder, Key, TOKEN_BYTES, Token};
use tracing::{info, warn};

use super::Error;
use super::key_file::{self, Secret, WrongFile};

/// Where keys come from.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file that holds the secrets.
    pub file: Option<PathBuf>,
    /// The only secret, where there is no file; without either one is drawn.
    pub secret: Option<Secret>,
    /// Whether other servers, and this one when it has started again, honour a token.
    pub scope: Scope,
    /// How long a key verifies that was taken away.
    pub grace: Duration,
}

/// Where a token is honoured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// By this server, until it ends.
    Boot,
    /// By all servers with the same secret.
    Shared,
}

/// So many keys that were taken away are remembered; of more the oldest are forgotten.
const RETIRED_MAX: usize = 256;

/// All keys. They say nothing of themselves when they are printed.
pub(super) struct Keys {
    file: Option<PathBuf>,
    salt: Option<[u8; 32]>,
    grace_ms: u64,
    ring: RwLock<Arc<Ring>>,
    looks: Mutex<Looks>,
}

/// What was seen of the file.
#[derive(Default)]
struct Looks {
    /// At the last look; nothing if it could not be read.
    last: Option<Vec<u8>>,
    /// When it last stayed as it was for two looks, right or wrong.
    settled: Option<Vec<u8>>,
}

/// The first of those that are not retired signs.
#[derive(Default)]
struct Ring {
    keys: Vec<Held>,
}

#[derive(Clone)]
struct Held {
    id: u8,
    secret: Secret,
    key: Key,
    /// When it verifies no more, if it was taken away.
    ends_ms: Option<u64>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    /// The keys of these settings.
    ///
    /// # Errors
    /// The file is wrong, or the system draws nothing.
    pub(super) fn new(settings: &Settings) -> Result<Self, Error> {
        let mut looks = Looks::default();
        let secrets = if let Some(path) = &settings.file {
            let wrong = |problem| Error::SecretFile { path: path.clone(), problem };
            let text = key_file::read(path).map_err(wrong)?;
            looks = Looks { last: Some(text.clone()), settled: Some(text.clone()) };
            key_file::parse(&text).map_err(wrong)?
        } else if let Some(secret) = &settings.secret {
            vec![(0, secret.clone())]
        } else {
            let drawn = Secret::new(draw::<32>()?.to_vec());
            vec![(0, drawn.expect("32 bytes are more than 16"))]
        };
        let keys = Self {
            file: settings.file.clone(),
            salt: if settings.scope == Scope::Boot { Some(draw()?) } else { None },
            grace_ms: u64::try_from(settings.grace.as_millis()).unwrap_or(u64::MAX),
            ring: RwLock::default(),
            looks: Mutex::new(looks),
        };
        keys.take_up(secrets, 0);
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

    /// Whether one of the keys has signed this token for this holder.
    pub(super) fn have_signed(&self, token: &[u8; TOKEN_BYTES], holder: &Holder, now_ms: u64) -> bool {
        let id = Token::read(token).key_id;
        let ring = self.ring();
        let mut verifying = ring.keys.iter().filter(|held| held.id == id && held.verifies(now_ms));
        verifying.any(|held| held.key.has_signed(token, holder))
    }

    /// The file that is to be looked at.
    pub(super) fn file(&self) -> Option<&PathBuf> {
        self.file.as_ref()
    }

    /// Takes up the keys of the file, if it has changed and is right. It has to be the same at two looks, so that no
    /// key is taken of a file that is just being written.
    pub(super) fn see(&self, looked: Result<Vec<u8>, WrongFile>, now_ms: u64) {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let (seen, problem) = match looked {
            Ok(text) => (Some(text), None),
            Err(problem) => (None, Some(problem)),
        };
        let has_settled = seen == looks.last;
        looks.last.clone_from(&seen);
        if !has_settled || seen == looks.settled {
            return;
        }
        looks.settled.clone_from(&seen);
        drop(looks);
        let keys = match (seen, problem) {
            (Some(text), _) => key_file::parse(&text),
            (None, Some(problem)) => Err(problem),
            (None, None) => return,
        };
        match keys {
            Ok(secrets) => {
                info!(keys = secrets.len(), signing = secrets[0].0, "the keys have changed");
                self.take_up(secrets, now_ms);
            }
            Err(problem) => warn!(%problem, "the file of secrets is wrong; the keys stay as they are"),
        }
    }

    /// These are the keys from now on; those of before that are not among them retire.
    fn take_up(&self, secrets: Vec<(u8, Secret)>, now_ms: u64) {
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        let is_kept =
            |held: &Held| secrets.iter().any(|(id, secret)| *id == held.id && *secret == held.secret);
        let ends_ms = now_ms.saturating_add(self.grace_ms);
        let retired = ring.keys.iter().filter(|held| !is_kept(held) && held.verifies(now_ms)).cloned();
        let retired: Vec<Held> = retired
            .map(|held| Held { ends_ms: held.ends_ms.or(Some(ends_ms)), ..held })
            .take(RETIRED_MAX)
            .collect();
        let live = secrets.into_iter().map(|(id, secret)| {
            let key = Key::derive(secret.bytes(), self.salt.as_ref().map(|salt| &salt[..]), id);
            Held { id, secret, key, ends_ms: None }
        });
        *ring = Arc::new(Ring { keys: live.chain(retired).collect() });
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Held {
    fn verifies(&self, now_ms: u64) -> bool {
        self.ends_ms.is_none_or(|ends_ms| now_ms < ends_ms)
    }
}

/// Draws bytes from the system.
///
/// # Errors
/// It has none.
pub(super) fn draw<const N: usize>() -> Result<[u8; N], Error> {
    let mut drawn = [0; N];
    getrandom::fill(&mut drawn).map_err(|error| Error::Randomness(error.to_string()))?;
    Ok(drawn)
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

    fn signed_by(keys: &Keys) -> [u8; TOKEN_BYTES] {
        keys.sign(Token::read(&[1; TOKEN_BYTES]), &Holder::ANYBODY).bytes()
    }

    fn see(keys: &Keys, text: &[u8], now_ms: u64) {
        for _ in 0..2 {
            keys.see(Ok(text.to_vec()), now_ms);
        }
    }

    #[test]
    fn w28_a_key_that_was_taken_away_verifies_until_its_grace_is_over() {
        let keys = keys(OLD, Duration::from_mins(1));
        let token = signed_by(&keys);
        assert_eq!(Token::read(&token).key_id, 1);
        let honours = |now_ms| keys.have_signed(&token, &Holder::ANYBODY, now_ms);
        see(&keys, NEW, 1_000);
        assert_eq!(Token::read(&signed_by(&keys)).key_id, 2);
        // A second change makes the grace no longer.
        see(&keys, b"3 the third secret of all", 30_000);
        assert!(honours(60_999));
        assert!(!honours(61_000));
        // Who comes back is honoured again.
        see(&keys, OLD, 70_000);
        assert!(honours(1_000_000));
    }

    #[test]
    fn another_secret_under_the_same_number_is_another_key() {
        let keys = keys(OLD, Duration::from_mins(1));
        let token = signed_by(&keys);
        see(&keys, b"1 quite another secret", 0);
        assert!(keys.have_signed(&token, &Holder::ANYBODY, 59_999));
        assert!(!keys.have_signed(&token, &Holder::ANYBODY, 60_000));
        assert!(keys.have_signed(&signed_by(&keys), &Holder::ANYBODY, 60_000));
    }

    #[test]
    fn a_file_that_is_wrong_or_just_being_written_changes_nothing() {
        let keys = keys(OLD, Duration::ZERO);
        let token = signed_by(&keys);
        see(&keys, b"", 0);
        see(&keys, b"2 short", 0);
        for _ in 0..3 {
            keys.see(Err(WrongFile::Empty), 0);
        }
        keys.see(Ok(NEW[..20].to_vec()), 0);
        keys.see(Ok(NEW.to_vec()), 0);
        assert!(keys.have_signed(&token, &Holder::ANYBODY, 0));
        assert_eq!(signed_by(&keys), token);
        keys.see(Ok(NEW.to_vec()), 0);
        assert!(!keys.have_signed(&token, &Holder::ANYBODY, 0));
    }

    #[test]
    fn the_scope_says_whether_a_restart_ends_tokens() {
        let of = |scope| {
            let secret = Secret::new(b"a secret that is shared".to_vec());
            Keys::new(&Settings { file: None, secret, scope, grace: Duration::ZERO }).unwrap()
        };
        let honoured = |scope| of(scope).have_signed(&signed_by(&of(scope)), &Holder::ANYBODY, 0);
        assert!(honoured(Scope::Shared));
        assert!(!honoured(Scope::Boot));
    }

    #[test]
    fn nothing_that_is_printed_holds_a_secret() {
        assert_eq!(format!("{:?}", keys(OLD, Duration::ZERO)), "Keys");
        let secret = Secret::new(OLD.to_vec());
        let settings = Settings { file: None, secret, scope: Scope::Boot, grace: Duration::ZERO };
        let printed = format!("{settings:?}");
        assert!(printed.contains("Some(Secret)"), "{printed}");
    }
}
