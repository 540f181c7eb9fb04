//! Tokens: 256 random bits handed out once, of which only the SHA-256 is stored.

use kernel::{Entropy, Secret};
use sha2::{Digest, Sha256};

/// What a one-time token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// First-run set-up of the instance.
    Setup,
    /// Signing in without a password.
    SignIn,
    /// The first factor was proved, the second is owed.
    SecondFactor,
    /// Linking the account that types it in chat.
    ChatCode,
}

impl Purpose {
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Setup => 1,
            Self::SignIn => 2,
            Self::SecondFactor => 3,
            Self::ChatCode => 4,
        }
    }

    /// How long a token lives, in seconds (security requirement: at most an hour).
    pub(crate) const fn lifetime_secs(self) -> u64 {
        match self {
            Self::Setup => 3_600,
            Self::SignIn => 900,
            Self::SecondFactor | Self::ChatCode => 600,
        }
    }
}

/// A fresh token.
pub(crate) fn fresh(entropy: &dyn Entropy) -> Secret<String> {
    Secret::new(kernel::random::token(entropy))
}

/// What is stored of a token: SHA-256 in hexadecimal. Plain hashing is enough at 256 bits.
pub(crate) fn digest(token: &str) -> String {
    digest_bytes(token.as_bytes())
}

/// SHA-256 of anything in hexadecimal.
pub(crate) fn digest_bytes(bytes: &[u8]) -> String {
    kernel::random::hex(&Sha256::digest(bytes))
}
