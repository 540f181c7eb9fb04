//! A device with passkeys, in software: it answers what a browser would ask it, and signs for real.
//! Its fields can be set to what a device, a browser or an attacker should not do.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// User present.
const UP: u8 = 0x01;
/// User verified.
const UV: u8 = 0x04;
/// May be kept in more than one place, and is.
const BACKED_UP: u8 = 0x08 | 0x10;
/// A new key follows.
const AT: u8 = 0x40;

/// A key that the device keeps.
#[derive(Clone)]
struct Key {
    key: SigningKey,
    handle: String,
}

/// A device, and the browser it answers.
#[derive(Clone)]
pub struct Device {
    /// The page that asks, as the browser writes it down.
    pub origin: String,
    /// The site it answers for; `None` = the one that asks.
    pub rp_id: Option<String>,
    /// What it signs; `None` = the challenge it was given.
    pub challenge: Option<String>,
    /// Whether it checks its owner's finger, face or PIN.
    pub verifies: bool,
    /// How often it was used; `None` = it does not count, like those that are kept in many places.
    pub count: Option<u32>,
    /// Whose passkey it says it is; `None` = what it was told.
    pub handle: Option<String>,
    keys: BTreeMap<String, Key>,
    next_seed: u32,
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device").finish_non_exhaustive()
    }
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn string(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.expect("the question has what it must").to_owned()
}

impl Device {
    /// A security key that counts, in front of a page. Devices with different seeds have different
    /// keys.
    pub const fn new(origin: String, seed: u32) -> Self {
        Self {
            origin,
            rp_id: None,
            challenge: None,
            verifies: true,
            count: Some(0),
            handle: None,
            keys: BTreeMap::new(),
            next_seed: seed,
        }
    }

    fn client_data(&self, kind: &str, question: &Value) -> String {
        let challenge = string(question, "/publicKey/challenge");
        json!({
            "type": kind,
            "challenge": self.challenge.as_ref().unwrap_or(&challenge),
            "origin": self.origin,
            "crossOrigin": false,
        })
        .to_string()
    }

    fn head(&mut self, rp_id: &str, more: u8) -> Vec<u8> {
        let mut flags = UP | more;
        if self.verifies {
            flags |= UV;
        }
        if self.count.is_none() {
            flags |= BACKED_UP;
        }
        self.count = self.count.map(|count| count + 1);
        let rp_id = self.rp_id.as_deref().unwrap_or(rp_id);
        let mut data = Sha256::digest(rp_id.as_bytes()).to_vec();
        data.push(flags);
        data.extend(self.count.unwrap_or(0).to_be_bytes());
        data
    }

    /// Makes a passkey; answers as `navigator.credentials.create` does.
    pub fn create(&mut self, options: &str) -> String {
        let question: Value = serde_json::from_str(options).unwrap();
        self.next_seed += 1;
        let seed = Sha256::digest(self.next_seed.to_be_bytes());
        let key = SigningKey::from_slice(&seed).unwrap();
        let id = text(&Sha256::digest(seed));
        let point = key.verifying_key().to_sec1_point(false);
        let mut data = self.head(&string(&question, "/publicKey/rp/id"), AT);
        data.extend([0; 16]);
        data.extend([0, 32]);
        data.extend(URL_SAFE_NO_PAD.decode(&id).unwrap());
        // COSE: {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}.
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(point.x().unwrap());
        data.extend([0x22, 0x58, 0x20]);
        data.extend(point.y().unwrap());
        // CBOR: {"fmt": "none", "attStmt": {}, "authData": data}.
        let mut attestation = vec![0xa3, 0x63];
        attestation.extend(b"fmt\x64none\x67attStmt\xa0\x68authData\x58");
        attestation.push(u8::try_from(data.len()).unwrap());
        attestation.extend(data);
        let handle = string(&question, "/publicKey/user/id");
        self.keys.insert(id.clone(), Key { key, handle });
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "response": {
                "attestationObject": text(&attestation),
                "clientDataJSON": text(self.client_data("webauthn.create", &question).as_bytes()),
                "transports": ["usb"],
            },
        })
        .to_string()
    }

    /// Proves with its first passkey that is asked for; answers as `navigator.credentials.get`
    /// does.
    pub fn get(&mut self, options: &str) -> String {
        let question: Value = serde_json::from_str(options).unwrap();
        let asked = question.pointer("/publicKey/allowCredentials");
        let asked: Vec<String> = asked
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|one| string(one, "/id"))
            .collect();
        let mut keys = self.keys.iter();
        let found = keys.find(|(id, _)| asked.is_empty() || asked.contains(id));
        let (id, key) = found.expect("the device has what is asked for");
        let (id, key) = (id.clone(), key.clone());
        self.sign(&question, &id, &key)
    }

    /// Proves with whatever passkey it has, whether that is asked for or not.
    pub fn get_any(&mut self, options: &str) -> String {
        let question: Value = serde_json::from_str(options).unwrap();
        let (id, key) = self.keys.iter().next().expect("the device has a passkey");
        let (id, key) = (id.clone(), key.clone());
        self.sign(&question, &id, &key)
    }

    fn sign(&mut self, question: &Value, id: &str, key: &Key) -> String {
        let data = self.head(&string(question, "/publicKey/rpId"), 0);
        let client = self.client_data("webauthn.get", question);
        let mut signed = data.clone();
        signed.extend(Sha256::digest(client.as_bytes()));
        let signature: Signature = key.key.sign(&signed);
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "response": {
                "authenticatorData": text(&data),
                "clientDataJSON": text(client.as_bytes()),
                "signature": text(signature.to_der().as_bytes()),
                "userHandle": self.handle.as_ref().unwrap_or(&key.handle),
            },
        })
        .to_string()
    }
}
