//! Keeping the keys, over the sealed texts of every domain.

use kernel::Entropy;
use store::{
    Db, KeyRing, StoreError,
    reseal::{self as texts, ResealError, Resealed, SealReport, Sealed},
};

fn holders() -> Vec<&'static dyn Sealed> {
    let [connections, links, second_factors, tombstones] = &identity::Seals::ALL;
    vec![
        connections,
        links,
        second_factors,
        tombstones,
        &webhook::Seals,
    ]
}

/// A key id that sealed rows need and the ring lacks; `None` if every row can be opened, as far as
/// ids tell.
pub async fn missing_key(db: &Db, keys: &KeyRing) -> Result<Option<String>, StoreError> {
    texts::missing_key(db, keys, &holders()).await
}

/// Opens every sealed text and counts them by key. For `waddlebot doctor` and `waddlebot keys list`.
pub async fn check_seals(db: &Db, keys: &KeyRing) -> Result<SealReport, StoreError> {
    texts::check(db, keys, &holders()).await
}

/// Seals everything anew that is not sealed with the active key: see [`texts::reseal`].
pub async fn reseal(
    db: &Db,
    keys: &KeyRing,
    entropy: &dyn Entropy,
) -> Result<Resealed, ResealError> {
    texts::reseal(db, keys, entropy, &holders()).await
}
