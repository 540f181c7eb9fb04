//! Password hashing: Argon2id with the crate's defaults (19 MiB, 2 passes, 1 lane: OWASP's first
//! recommendation), computed off the async threads, a few at a time.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use kernel::{Entropy, Secret};
use tokio::sync::Semaphore;

use crate::IdentityError;

/// Verified against when the user is unknown, so that the answer takes as long.
const DUMMY: &str = "$argon2id$v=19$m=19456,t=2,p=1$d2FkZGxlYm90LWR1bW15$3mFx0UUoLGcCr2yyXNQXv4CZ0bXcZCUAVm8qL0m7bZE";

pub(crate) async fn hash(
    gate: &Semaphore,
    entropy: &dyn Entropy,
    password: &Secret<String>,
) -> Result<Secret<String>, IdentityError> {
    let salt = kernel::random::bytes::<16>(entropy);
    let text = password.expose().clone();
    let _permit = gate.acquire().await;
    let hashed = tokio::task::spawn_blocking(move || {
        Argon2::default()
            .hash_password_with_salt(text.as_bytes(), &salt)
            .map(|hash: PasswordHash| hash.to_string())
    })
    .await;
    match hashed {
        Ok(Ok(hash)) => Ok(Secret::new(hash)),
        Ok(Err(_)) | Err(_) => Err(IdentityError::invalid(
            "password",
            "this password cannot be used",
        )),
    }
}

/// Whether the password fits the stored hash. Takes the same time when there is none.
pub(crate) async fn verify(
    gate: &Semaphore,
    password: &Secret<String>,
    stored: Option<&Secret<String>>,
) -> bool {
    let text = password.expose().clone();
    let (hash, known) = stored.map_or((DUMMY.to_owned(), false), |hash| {
        (hash.expose().clone(), true)
    });
    let _permit = gate.acquire().await;
    let fits = tokio::task::spawn_blocking(move || {
        PasswordHash::new(&hash).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(text.as_bytes(), &hash)
                .is_ok()
        })
    })
    .await;
    known && fits.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::DUMMY;
    use argon2::password_hash::phc::PasswordHash;

    #[test]
    fn the_dummy_hash_costs_what_a_real_one_costs() {
        let dummy = PasswordHash::new(DUMMY).unwrap();
        let params = argon2::Params::try_from(&dummy).unwrap();
        assert_eq!(params.m_cost(), argon2::Params::default().m_cost());
        assert_eq!(params.t_cost(), argon2::Params::default().t_cost());
    }
}
