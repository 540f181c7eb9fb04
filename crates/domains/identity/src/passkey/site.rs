//! The relying party of WebAuthn: what a browser is asked for, and whether its answer is good. All
//! checks of answers are the library's; here only what it is asked and what is kept.
//!
//! Must never accept an answer without user verification, and never put one into a log.

use std::{fmt::Display, sync::Arc};

use kernel::Timestamp;
use serde_json::{Value, json};
use store::StoreError;
use webauthn_rs::prelude::{
    Credential, CredentialID, DiscoverableAuthentication, DiscoverableKey, Passkey,
    PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Url, Uuid, Webauthn,
    WebauthnBuilder, WebauthnError,
};

use super::LIFE;

/// What people see when a browser asks them.
const NAME: &str = "WaddleBot";
/// Longest answer of a browser, in bytes.
const ANSWER_MAX: usize = 32 * 1024;

const UNREADABLE: &str = "Passkeys are off here, because the address of this WaddleBot cannot be read. An administrator sets `server.public_url`.";
const NO_NAME: &str = "Passkeys are off here: browsers bind them to the name of a site, and this WaddleBot is reached by an address made of numbers. An administrator sets `server.public_url` to an address with a name, such as https://bot.example.org, or http://localhost:8080 on one's own machine.";
const NO_TLS: &str = "Passkeys are off here: browsers allow them over https only, and this WaddleBot is reached by http. An administrator puts https in front of it and sets `server.public_url`.";

/// Where passkeys belong: the name and the address to which browsers bind them.
#[derive(Clone, Debug)]
pub struct PasskeySite {
    host: String,
    webauthn: Arc<Webauthn>,
}

/// An answer was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is wrong, or is not what was asked for.
    Wrong,
    /// It is right, but its counter says that the key exists twice.
    Copied,
}

/// Something asked of a browser.
pub(super) struct Question {
    /// For the browser, as JSON.
    pub(super) options: String,
    /// For us, as JSON, until the answer comes.
    pub(super) state: String,
}

/// What is kept of a passkey; changes with each use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    /// In hexadecimal.
    pub(crate) credential_id: String,
    /// The library's JSON.
    pub(crate) credential: String,
    /// How often it was used, by its own count; 0 for those that do not count.
    pub(crate) sign_count: i64,
    /// Whether it is kept in more than one place.
    pub(crate) backed_up: bool,
}

/// An answer that could be read. Nothing of it is proved.
pub(super) struct Claim {
    answer: PublicKeyCredential,
}

impl Claim {
    pub(super) fn read(answer: &str) -> Result<Self, Refusal> {
        Ok(Self {
            answer: read(answer)?,
        })
    }

    /// Which passkey it says it is, in hexadecimal.
    pub(super) fn credential_id(&self) -> String {
        kernel::random::hex(self.answer.get_credential_id())
    }

    /// Whose passkey it says it is, if it says so.
    pub(super) fn handle(&self) -> Option<String> {
        let bytes = self.answer.get_user_unique_id()?;
        // One that is no handle of ours fits nobody.
        Some(Uuid::from_slice(bytes).map_or_else(|_| String::new(), |handle| handle.to_string()))
    }
}

fn read<T: serde::de::DeserializeOwned>(answer: &str) -> Result<T, Refusal> {
    if answer.len() > ANSWER_MAX {
        return Err(Refusal::Wrong);
    }
    serde_json::from_str(answer).map_err(|error| wrong(&error))
}

/// The library's errors name steps of the check and nothing of the answer.
fn wrong(error: &dyn Display) -> Refusal {
    tracing::debug!(error = %error, "a passkey was refused");
    Refusal::Wrong
}

fn refused(error: &WebauthnError) -> Refusal {
    if matches!(error, WebauthnError::CredentialPossibleCompromise) {
        return Refusal::Copied;
    }
    wrong(error)
}

/// A fault of ours.
fn fault(error: &dyn Display) -> StoreError {
    StoreError::Data(format!("a passkey: {error}"))
}

fn text(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| fault(&error))
}

fn stored(credential: &str) -> Result<Passkey, StoreError> {
    serde_json::from_str(credential).map_err(|error| fault(&error))
}

fn kept(passkey: &Passkey) -> Result<Kept, StoreError> {
    let credential: Credential = passkey.clone().into();
    Ok(Kept {
        credential_id: kernel::random::hex(passkey.cred_id()),
        credential: text(passkey)?,
        sign_count: credential.counter.into(),
        backed_up: credential.backup_state,
    })
}

/// A handle from random bytes, as text.
pub(super) fn handle(bytes: [u8; 16]) -> String {
    Uuid::from_bytes(bytes).to_string()
}

impl PasskeySite {
    /// The site at the address by which browsers reach this program; says why there can be no
    /// passkeys where browsers would refuse them.
    pub fn at(public_url: &str) -> Result<Self, &'static str> {
        let unreadable = |error: &dyn Display| {
            tracing::debug!(error = %error, "the address of this program cannot be read");
            UNREADABLE
        };
        let url = Url::parse(public_url).map_err(|error| unreadable(&error))?;
        let Some(host) = url.domain() else {
            return Err(NO_NAME);
        };
        let is_local = host == "localhost" || host.ends_with(".localhost");
        if url.scheme() != "https" && !is_local {
            return Err(NO_TLS);
        }
        let origin = Url::parse(&url.origin().ascii_serialization());
        let origin = origin.map_err(|error| unreadable(&error))?;
        let webauthn = WebauthnBuilder::new(host, &origin)
            .and_then(|builder| builder.rp_name(NAME).timeout(LIFE).build())
            .map_err(|error| unreadable(&error))?;
        Ok(Self {
            host: host.to_owned(),
            webauthn: Arc::new(webauthn),
        })
    }

    /// The name to which browsers bind passkeys.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Asks for a new passkey that no device of `present` makes; it must be one that signs in
    /// without a name being typed.
    pub(super) fn invite(
        &self,
        handle: &str,
        (name, display_name): (&str, &str),
        present: &[String],
    ) -> Result<Question, StoreError> {
        let handle = Uuid::parse_str(handle).map_err(|error| fault(&error))?;
        let present: Result<Vec<CredentialID>, StoreError> = present
            .iter()
            .map(|credential| Ok(stored(credential)?.cred_id().clone()))
            .collect();
        let (options, state) = self
            .webauthn
            .start_passkey_registration(handle, name, display_name, Some(present?))
            .map_err(|error| fault(&error))?;
        let mut options = serde_json::to_value(&options).map_err(|error| fault(&error))?;
        let wanted = options
            .pointer_mut("/publicKey/authenticatorSelection")
            .and_then(Value::as_object_mut)
            .ok_or_else(|| fault(&"the library asks for no kind of authenticator"))?;
        wanted.insert("residentKey".to_owned(), json!("required"));
        wanted.insert("requireResidentKey".to_owned(), json!(true));
        Ok(Question {
            options: options.to_string(),
            state: text(&state)?,
        })
    }

    /// Checks the answer to [`Self::invite`].
    pub(super) fn welcome(
        &self,
        state: &str,
        answer: &str,
    ) -> Result<Result<Kept, Refusal>, StoreError> {
        let state: PasskeyRegistration =
            serde_json::from_str(state).map_err(|error| fault(&error))?;
        let answer: RegisterPublicKeyCredential = match read(answer) {
            Ok(answer) => answer,
            Err(refusal) => return Ok(Err(refusal)),
        };
        match self.webauthn.finish_passkey_registration(&answer, &state) {
            Ok(passkey) => Ok(Ok(kept(&passkey)?)),
            Err(error) => Ok(Err(refused(&error))),
        }
    }

    /// Asks for one of these passkeys; for any that the browser has for this site if there are none.
    pub(super) fn ask(&self, among: &[String]) -> Result<Question, StoreError> {
        let begun = self.webauthn.start_discoverable_authentication();
        let (mut options, state) = begun.map_err(|error| fault(&error))?;
        // Whether it is asked for beside the name is the page's to say.
        options.mediation = None;
        if !among.is_empty() {
            let among: Result<Vec<Passkey>, StoreError> =
                among.iter().map(|one| stored(one)).collect();
            let named = self.webauthn.start_passkey_authentication(&among?);
            let (named, _) = named.map_err(|error| fault(&error))?;
            options.public_key.allow_credentials = named.public_key.allow_credentials;
        }
        Ok(Question {
            options: text(&options)?,
            state: text(&state)?,
        })
    }

    /// Checks the answer to [`Self::ask`] against the passkey it names.
    pub(super) fn prove(
        &self,
        state: &str,
        claim: &Claim,
        credential: &str,
    ) -> Result<Result<Kept, Refusal>, StoreError> {
        let state: DiscoverableAuthentication =
            serde_json::from_str(state).map_err(|error| fault(&error))?;
        let mut passkey = stored(credential)?;
        let key = DiscoverableKey::from(&passkey);
        let done = self
            .webauthn
            .finish_discoverable_authentication_v2(&claim.answer, state, &key);
        match done {
            Ok(result) if result.user_verified() => {
                passkey.update_credential(&result);
                Ok(Ok(kept(&passkey)?))
            }
            Ok(_) => Ok(Err(Refusal::Wrong)),
            Err(error) => Ok(Err(refused(&error))),
        }
    }
}

/// When a question that is asked now must be answered.
pub(super) fn until(now: Timestamp) -> Timestamp {
    now.plus(LIFE)
}

#[cfg(test)]
mod tests {
    use super::{NO_NAME, NO_TLS, PasskeySite, UNREADABLE};

    #[test]
    fn passkeys_need_a_name_and_https_unless_it_is_ones_own_machine() {
        for good in [
            "https://bot.example.org",
            "https://bot.example.org:8443/waddle",
            "http://localhost:8080",
            "http://bot.localhost",
        ] {
            assert!(PasskeySite::at(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("http://bot.example.org", NO_TLS),
            ("http://127.0.0.1:8080", NO_NAME),
            ("https://[::1]", NO_NAME),
            ("bot.example.org", UNREADABLE),
            ("", UNREADABLE),
        ] {
            assert_eq!(PasskeySite::at(bad).unwrap_err(), why, "{bad}");
        }
        let host = PasskeySite::at("https://bot.example.org:8443/x").unwrap();
        assert_eq!(host.host(), "bot.example.org");
    }
}
