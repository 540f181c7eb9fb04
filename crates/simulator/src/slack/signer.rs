//! What signs the ID tokens of «Sign in with Slack»: two keys that were invented for this simulator and
//! open nothing else, the one in use being published (RFC 7517, RFC 7518 §3.3).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents},
};
use serde_json::{Value, json};

/// The private keys, PKCS #8.
const KEYS: [&[u8]; 2] = [
    include_bytes!("keys/invented-1.der"),
    include_bytes!("keys/invented-2.der"),
];

/// What an ID token may have wrong about it, for whoever checks them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdTokenFlaw {
    /// Signed with another key than it says.
    Signature,
    /// Not signed at all, and it says so.
    Unsigned,
    /// For another app.
    Audience,
    /// Of another issuer.
    Issuer,
    /// For another sign-in.
    Nonce,
    /// It has ended.
    Ended,
}

/// Both keys.
pub(super) struct Signer(Vec<RsaKeyPair>);

impl Signer {
    /// # Errors
    /// If a key is not one.
    pub(super) fn new() -> std::io::Result<Self> {
        let pairs: Result<Vec<_>, _> = KEYS.into_iter().map(RsaKeyPair::from_pkcs8).collect();
        pairs.map(Self).map_err(std::io::Error::other)
    }

    /// The set of keys that is published while the n-th is in use.
    pub(super) fn published(&self, n: usize) -> Value {
        let keys = self.0.get(n % KEYS.len()).map(|pair| {
            let public: RsaPublicKeyComponents<Vec<u8>> = pair.public().into();
            json!({
                "kty": "RSA", "use": "sig", "alg": "RS256", "kid": name(n),
                "n": URL_SAFE_NO_PAD.encode(public.n),
                "e": URL_SAFE_NO_PAD.encode(public.e),
            })
        });
        json!({ "keys": Vec::from_iter(keys) })
    }

    /// A token of these claims, signed with the n-th key unless that is what is wrong about it. `None`
    /// if it cannot be signed.
    pub(super) fn token(
        &self,
        n: usize,
        claims: &Value,
        flaw: Option<IdTokenFlaw>,
    ) -> Option<String> {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        if flaw == Some(IdTokenFlaw::Unsigned) {
            let head = json!({ "alg": "none" });
            return Some(format!("{}.{}.", part(&head), part(claims)));
        }
        let head = json!({ "alg": "RS256", "typ": "JWT", "kid": name(n) });
        let signed = format!("{}.{}", part(&head), part(claims));
        let with = n + usize::from(flaw == Some(IdTokenFlaw::Signature));
        let pair = self.0.get(with % KEYS.len())?;
        let mut signature = vec![0; pair.public().modulus_len()];
        let random = SystemRandom::new();
        pair.sign(
            &RSA_PKCS1_SHA256,
            &random,
            signed.as_bytes(),
            &mut signature,
        )
        .ok()?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

fn name(n: usize) -> String {
    format!("invented-{n}")
}
