//! What we ask EventSub to tell us, as far as a grant allows it. Pure: builds requests, sends none.

use twitch_api::{
    eventsub::{EventSubscription, EventType, Transport, channel, stream},
    helix::{
        RequestPost,
        eventsub::{CreateEventSubSubscriptionBody, CreateEventSubSubscriptionRequest},
        request::errors::CreateRequestError,
    },
};
use twitch_oauth2::Scope;

use super::api::Asked;

/// Builds the request for a transport, with a token and a client id.
type Make = Box<dyn Fn(Transport, &str, &str) -> Result<Asked, CreateRequestError> + Send + Sync>;

/// A subscription to make.
pub(super) struct Interest {
    pub(super) kind: EventType,
    make: Make,
}

impl Interest {
    fn new<E: EventSubscription + Send + Sync + 'static>(subscription: E) -> Self {
        let make = move |transport: Transport, token: &str, client: &str| {
            let body = CreateEventSubSubscriptionBody::new(subscription.clone(), transport);
            CreateEventSubSubscriptionRequest::<E>::new().create_request(body, token, client)
        };
        Self {
            kind: E::EVENT_TYPE,
            make: Box::new(make),
        }
    }

    /// The request that makes it.
    pub(super) fn request(
        &self,
        transport: Transport,
        token: &str,
        client: &str,
    ) -> Result<Asked, CreateRequestError> {
        (self.make)(transport, token, client)
    }
}

/// Everything that these scopes of the broadcaster allow; chat first.
pub(super) fn allowed(server: &str, scopes: &[String]) -> Vec<Interest> {
    let given: Vec<Scope> = scopes.iter().cloned().map(Scope::parse).collect();
    let mut list = List {
        given: &given,
        interests: Vec::new(),
    };
    list.add(channel::ChannelChatMessageV1::new(server, server));
    list.add(channel::ChannelFollowV2::new(server, server));
    list.add(channel::ChannelSubscribeV1::broadcaster_user_id(server));
    list.add(channel::ChannelSubscriptionMessageV1::broadcaster_user_id(
        server,
    ));
    list.add(channel::ChannelSubscriptionGiftV1::broadcaster_user_id(
        server,
    ));
    list.add(channel::ChannelCheerV1::broadcaster_user_id(server));
    list.add(channel::ChannelRaidV1::to_broadcaster_user_id(server));
    list.add(channel::ChannelBanV1::broadcaster_user_id(server));
    list.add(stream::StreamOnlineV1::broadcaster_user_id(server));
    list.add(stream::StreamOfflineV1::broadcaster_user_id(server));
    list.interests
}

struct List<'a> {
    given: &'a [Scope],
    interests: Vec<Interest>,
}

impl List<'_> {
    fn add<E: EventSubscription + Send + Sync + 'static>(&mut self, subscription: E) {
        if E::SCOPE.matches(self.given) {
            self.interests.push(Interest::new(subscription));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::allowed;
    use crate::twitch::SCOPES;
    use twitch_api::eventsub::EventType;

    #[test]
    fn nothing_is_asked_for_that_was_not_allowed() {
        let scopes = |list: &[&str]| {
            list.iter()
                .map(|scope| (*scope).to_owned())
                .collect::<Vec<_>>()
        };
        let kinds = |list: &[&str]| {
            let allowed = allowed("1", &scopes(list));
            allowed
                .iter()
                .map(|interest| interest.kind)
                .collect::<Vec<_>>()
        };
        let public = [
            EventType::ChannelRaid,
            EventType::StreamOnline,
            EventType::StreamOffline,
        ];
        assert_eq!(kinds(&[]), public);
        assert_eq!(kinds(&["bits:read"]).len(), 4);
        let all = kinds(&SCOPES);
        assert_eq!(all.first(), Some(&EventType::ChannelChatMessage));
        assert_eq!(all.len(), 10);
    }
}
