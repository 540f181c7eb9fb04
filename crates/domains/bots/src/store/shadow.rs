//! What is read to hold one model against another on what was predicted from lately.

use ::store::{StoreError, sql};
use kernel::{AccountId, CommunityId, Timestamp};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use crate::{CaseState, Probability};

/// The newest prediction about an account, as far as it can be judged again.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Seen {
    pub(crate) community: CommunityId,
    pub(crate) account: AccountId,
    pub(crate) by_rules: Probability,
    /// The values it was made from; `None` if they are of another schema.
    pub(crate) features: Option<String>,
    /// Whether the account is left alone, whatever a model says.
    pub(crate) is_left_alone: bool,
    pub(crate) case: Option<i32>,
    /// What people decided, if they did.
    pub(crate) is_bot: Option<bool>,
}

#[derive(FromQueryResult)]
struct Raw {
    community_id: i32,
    account_id: i64,
    rule_ppm: i32,
    features: Option<String>,
    exemption: Option<i16>,
    case_id: Option<i32>,
    case_state: Option<i16>,
}

impl TryFrom<Raw> for Seen {
    type Error = StoreError;

    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        let unknown = |code: i16| StoreError::Data(format!("unknown state {code} of a case"));
        let state = raw
            .case_state
            .map(|code| CaseState::from_code(code).ok_or_else(|| unknown(code)))
            .transpose()?;
        Ok(Self {
            community: CommunityId(raw.community_id),
            account: AccountId(raw.account_id),
            by_rules: Probability::read(raw.rule_ppm),
            features: raw.features,
            is_left_alone: raw.exemption.is_some(),
            case: raw.case_id,
            is_bot: match state {
                Some(CaseState::Bot) => Some(true),
                Some(CaseState::Human) => Some(false),
                Some(CaseState::Open | CaseState::Withdrawn) | None => None,
            },
        })
    }
}

/// The newest prediction about each account of a community, or of all that have no deployed model of their own, since an
/// instant; the newest first.
pub(crate) async fn newest(
    conn: &impl ConnectionTrait,
    community: Option<CommunityId>,
    schema_hash: &str,
    since: Timestamp,
    limit: u32,
) -> Result<Vec<Seen>, StoreError> {
    let mut values: Vec<Value> = vec![since.0.into(), schema_hash.into()];
    let which = if let Some(community) = community {
        values.push(community.0.into());
        "p.community_id = $3"
    } else {
        "NOT EXISTS (SELECT 1 FROM bot_model m WHERE m.state = 2 AND m.scope = p.community_id)"
    };
    let query = format!(
        "SELECT p.community_id, p.account_id, p.rule_ppm, \
         CASE WHEN p.schema_hash = $2 THEN p.features END AS features, s.exemption, c.id AS case_id, \
         c.state AS case_state FROM bot_prediction p \
         LEFT JOIN bot_score s ON s.community_id = p.community_id AND s.account_id = p.account_id \
         LEFT JOIN bot_case c ON c.community_id = p.community_id AND c.account_id = p.account_id \
         WHERE p.at >= $1 AND {which} AND p.id = (SELECT MAX(q.id) FROM bot_prediction q \
         WHERE q.community_id = p.community_id AND q.account_id = p.account_id) \
         ORDER BY p.at DESC, p.id DESC LIMIT {limit}"
    );
    let rows: Vec<Raw> = sql::all(conn, &query, values).await?;
    rows.into_iter().map(Seen::try_from).collect()
}
