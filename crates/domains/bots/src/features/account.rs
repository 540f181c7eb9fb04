//! What is known of an account and of its community beside the messages. Everything may be unknown.
//!
//! Must never hold a platform, a name or an id: a model must not learn who or where somebody is.

use kernel::Timestamp;

use super::Norms;

/// What is known of an account beside its messages.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Account {
    /// When the platform says the account was made.
    pub created_at: Option<Timestamp>,
    /// Accounts on other platforms that belong to the same person.
    pub n_linked: Option<u32>,
    /// Reputation, 300 to 850.
    pub reputation: Option<f32>,
    /// Warnings, timeouts, kicks and bans so far.
    pub n_moderated: Option<u32>,
    /// Messages that led to domains that lists call dangerous, and to suspicious ones. For the rules: no signal measures it.
    pub n_phishing: [u32; 2],
}

/// What is usual in a community.
#[derive(Clone, PartialEq, Debug)]
pub struct Community {
    /// Members who said something in the last thirty days.
    pub members: u32,
    /// Messages a day, over the last thirty days.
    pub messages_per_day: f32,
    /// The share of messages in each hour of the day, see [`super::Scene::hours`].
    pub hours: [f32; 24],
    /// What is usual among its members, made anew by night.
    pub norms: Norms,
}

impl Default for Community {
    /// A community of which nothing is known.
    fn default() -> Self {
        Self {
            members: 0,
            messages_per_day: f32::NAN,
            hours: [f32::NAN; 24],
            norms: Norms::default(),
        }
    }
}
