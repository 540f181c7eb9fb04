//! An authenticator app.

use kernel::{Secret, Timestamp};
use totp_rs::{Builder, Secret as Key};

/// The six digits that an app with this secret (base32) shows at that time (RFC 6238).
pub fn totp_code(secret: &Secret<String>, at: Timestamp) -> String {
    let key = Key::try_from_base32(secret.expose()).unwrap();
    let app = Builder::new().with_secret(key).build().unwrap();
    app.generate(u64::try_from(at.secs()).unwrap()).to_string()
}
