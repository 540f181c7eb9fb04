//! Secrets and signatures after the Standard Webhooks specification: `whsec_` and base64 of random
//! bytes; HMAC-SHA256 of `id.timestamp.body`. Never prints a secret.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use kernel::{Entropy, Secret, Timestamp, random};
use sha2::Sha256;

/// What secrets begin with.
const PREFIX: &str = "whsec_";
/// Bytes of a secret; the specification asks for 24 to 64.
const BYTES: usize = 32;

/// A fresh secret.
pub(crate) fn fresh(entropy: &dyn Entropy) -> Secret<String> {
    let bytes: [u8; BYTES] = random::bytes(entropy);
    Secret::new(format!("{PREFIX}{}", STANDARD.encode(bytes)))
}

/// The signature of a message under a secret, `v1,…`; `None` if the text is no secret.
pub fn signature(secret: &Secret<String>, id: &str, at: Timestamp, body: &str) -> Option<String> {
    let key = secret.expose().strip_prefix(PREFIX)?;
    let key = STANDARD.decode(key).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{}.", at.secs()).as_bytes());
    mac.update(body.as_bytes());
    Some(format!(
        "v1,{}",
        STANDARD.encode(mac.finalize().into_bytes())
    ))
}

/// The headers of a signed message: one signature for each secret, with spaces between them.
pub fn signed(
    secrets: &[Secret<String>],
    id: &str,
    at: Timestamp,
    body: &str,
) -> Vec<(&'static str, String)> {
    let signatures: Vec<String> = secrets
        .iter()
        .filter_map(|secret| signature(secret, id, at, body))
        .collect();
    vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", at.secs().to_string()),
        ("webhook-signature", signatures.join(" ")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn the_signature_is_that_of_the_specification() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        let made = signature(
            &secret,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            Timestamp::from_secs(1_614_265_330),
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(
            made.as_deref(),
            Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        );
    }

    #[test]
    fn each_secret_signs_and_what_is_no_secret_does_not() {
        let secrets = ["whsec_AAAA", "whsec_BBBB", "AAAA", "whsec_?"]
            .map(|text| Secret::new(text.to_owned()));
        let headers = signed(&secrets, "msg_1", Timestamp::from_secs(7), "{}");
        let value = |name: &str| {
            let found = headers.iter().find(|(header, _)| *header == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        assert_eq!(value("webhook-id"), "msg_1");
        assert_eq!(value("webhook-timestamp"), "7");
        assert_eq!(value("webhook-signature").split(' ').count(), 2);
    }
}
