//! Linked roles: what a server's role may ask for, and where people go to let us say it. Source: Discord
//! «Application Role Connection Metadata», «Edit Current Application».
//!
//! Must never register more than Discord takes (five), or change what is right already.

use reqwest::Method;
use serde_json::{Value, json};
use twilight_http::routing::Route;

use super::{ApiError, Discord, api::Ask};

/// Whether an e-mail address was proved: 1 or 0.
pub(super) const VERIFIED: &str = "verified";
/// The tier of the reputation, 1 to 5.
pub(super) const TIER: &str = "tier";
/// The reputation, 300 to 850.
pub(super) const REPUTATION: &str = "reputation";
/// On how many services an account was proved.
pub(super) const PLATFORMS: &str = "platforms";

/// `INTEGER_GREATER_THAN_OR_EQUAL`
const AT_LEAST: u8 = 2;
/// `BOOLEAN_EQUAL`
const IS: u8 = 7;

/// What a role may ask for, in the order in which it is shown.
fn records() -> Value {
    json!([
        {
            "type": IS,
            "key": VERIFIED,
            "name": "Verified",
            "description": "proved an e-mail address",
        },
        {
            "type": AT_LEAST,
            "key": TIER,
            "name": "Reputation tier",
            "description": "from 1 (poor) to 5 (exceptional), at least",
        },
        {
            "type": AT_LEAST,
            "key": REPUTATION,
            "name": "Reputation",
            "description": "from 300 to 850 points, at least",
        },
        {
            "type": AT_LEAST,
            "key": PLATFORMS,
            "name": "Linked services",
            "description": "accounts proved on so many services, at least",
        },
    ])
}

/// Whether Discord has these records already; it adds fields of its own.
fn has(known: &Value, wanted: &Value) -> bool {
    let (Some(known), Some(wanted)) = (known.as_array(), wanted.as_array()) else {
        return false;
    };
    let same = |known: &Value, wanted: &Value| {
        ["type", "key", "name", "description"]
            .iter()
            .all(|field| known.get(field) == wanted.get(field))
    };
    known.len() == wanted.len() && known.iter().zip(wanted).all(|(k, w)| same(k, w))
}

impl Discord {
    /// Makes the records of the application these and no others, and `page` the place where people
    /// are sent who want such a role. Saying the same again changes nothing.
    pub async fn sync_linked_roles(&self, page: &str) -> Result<(), ApiError> {
        let path = format!(
            "applications/{}/role-connections/metadata",
            self.settings.application
        );
        let wanted = records();
        let known: Value = self.api.read(Ask::at(Method::GET, &path)).await?;
        if !has(&known, &wanted) {
            self.api
                .ask(Ask::at(Method::PUT, &path).json(&wanted))
                .await?;
        }
        let field = "role_connections_verification_url";
        let ours = Route::GetCurrentUserApplicationInfo;
        let application: Value = self.api.read(Ask::new(&ours)).await?;
        if application.get(field).and_then(Value::as_str) != Some(page) {
            let route = Route::UpdateCurrentUserApplication;
            self.api
                .ask(Ask::new(&route).json(&json!({ field: page })))
                .await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{has, records};

    #[test]
    fn what_discord_adds_does_not_make_records_others() {
        let mut known = records();
        for record in known.as_array_mut().unwrap() {
            record["name_localizations"] = json!(null);
        }
        assert!(has(&known, &records()));
        known[1]["type"] = json!(3);
        assert!(!has(&known, &records()));
        assert!(!has(&json!([]), &records()) && !has(&json!(null), &records()));
    }
}
