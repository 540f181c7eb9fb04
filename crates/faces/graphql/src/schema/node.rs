//! Anything that has an id among everything, found again by it.
//!
//! Must never answer otherwise for what may not be seen than for what does not exist.

use std::collections::HashMap;

use async_graphql::{Context, ID, Interface, Result};
use kernel::{CommunityId, Cursor, MessageId, UserId};

use super::{
    chat::ChatMessage,
    community::Community,
    error::{bad_input, refused, viewer},
    loaders::Seat,
    member::Member,
    user::User,
};

/// Something that can be found again by its id among everything.
#[derive(Interface)]
#[graphql(field(
    name = "node_id",
    ty = "ID",
    desc = "The id among everything; `node` finds it again."
))]
pub(crate) enum Node {
    /// A person.
    User(User),
    /// A community.
    Community(Community),
    /// Somebody in a community.
    Member(Member),
    /// A message.
    ChatMessage(ChatMessage),
}

/// What an id names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum NodeId {
    /// A person.
    User(UserId),
    /// A community.
    Community(CommunityId),
    /// Somebody in a community.
    Member(Seat),
    /// A message.
    Message(MessageId),
}

impl NodeId {
    /// The text that clients keep.
    pub(crate) fn encode(self) -> ID {
        let (key, id) = match self {
            Self::User(user) => ("user".to_owned(), i64::from(user.0)),
            Self::Community(community) => ("community".to_owned(), i64::from(community.0)),
            Self::Member((community, user)) => (format!("member {community}"), i64::from(user.0)),
            Self::Message(message) => ("message".to_owned(), message.0),
        };
        ID(Cursor { key, id }.encode())
    }

    /// Reads what a client passes.
    fn decode(text: &ID) -> Option<Self> {
        let Cursor { key, id } = Cursor::decode(text).ok()?;
        let short = || i32::try_from(id).ok();
        match key.as_str() {
            "user" => Some(Self::User(UserId(short()?))),
            "community" => Some(Self::Community(CommunityId(short()?))),
            "message" => Some(Self::Message(MessageId(id))),
            key => {
                let community = key.strip_prefix("member ")?.parse().ok()?;
                Some(Self::Member((CommunityId(community), UserId(short()?))))
            }
        }
    }
}

/// What some ids name, in their order; null for what does not exist or may not be seen.
pub(crate) async fn find(ctx: &Context<'_>, ids: &[ID]) -> Result<Vec<Option<Node>>> {
    let viewer = viewer(ctx)?;
    viewer.spend(ctx, ids.len())?;
    let wrong = || bad_input("this is not the `nodeId` of anything");
    let asked: Vec<NodeId> = ids
        .iter()
        .map(|id| NodeId::decode(id).ok_or_else(wrong))
        .collect::<Result<_>>()?;
    let (mut users, mut communities) = (Vec::new(), Vec::new());
    let (mut members, mut messages) = (Vec::new(), Vec::new());
    for id in &asked {
        match *id {
            NodeId::User(user) => users.push(user),
            NodeId::Community(community) => communities.push(community),
            NodeId::Member(seat) => members.push(seat),
            NodeId::Message(message) => messages.push(message),
        }
    }
    let loaders = viewer.loaders();
    let users = loaders.profiles.load_many(users).await;
    let users = users.map_err(|cause| refused(viewer, &cause))?;
    let communities = loaders.communities.load_many(communities).await;
    let communities = communities.map_err(|cause| refused(viewer, &cause))?;
    let members = loaders.seats.load_many(members).await;
    let members = members.map_err(|cause| refused(viewer, &cause))?;
    let messages = loaders.messages_by_id.load_many(messages).await;
    let messages: HashMap<MessageId, _> = messages.map_err(|cause| refused(viewer, &cause))?;
    let node = |id: NodeId| -> Result<Option<Node>> {
        Ok(match id {
            NodeId::User(user) => {
                let view = users.get(&user).cloned();
                view.map(|view| User::other(ctx, view))
                    .transpose()?
                    .map(Node::User)
            }
            NodeId::Community(community) => {
                let found = communities.get(&community).cloned();
                found.map(Community).map(Node::Community)
            }
            NodeId::Member(seat) => {
                let row = members.get(&seat);
                row.map(|row| Node::Member(Member::new(row)))
            }
            NodeId::Message(message) => {
                let found = messages.get(&message);
                found.map(|message| Node::ChatMessage(message.into()))
            }
        })
    };
    asked.into_iter().map(node).collect()
}

#[cfg(test)]
mod tests {
    use async_graphql::ID;
    use kernel::{CommunityId, Cursor, MessageId, UserId};
    use proptest::prelude::*;

    use super::NodeId;

    proptest! {
        #[test]
        fn an_id_survives_its_text(small: i32, other: i32, large: i64) {
            for id in [
                NodeId::User(UserId(small)),
                NodeId::Community(CommunityId(small)),
                NodeId::Member((CommunityId(small), UserId(other))),
                NodeId::Message(MessageId(large)),
            ] {
                prop_assert_eq!(NodeId::decode(&id.encode()), Some(id));
            }
        }

        #[test]
        fn any_other_text_is_refused_without_panic(text in "[0-9a-f.]{0,40}|\\PC{0,12}") {
            let _ = NodeId::decode(&ID(text));
        }
    }

    #[test]
    fn numbers_that_are_too_large_are_nobodys() {
        let id = NodeId::Message(MessageId(i64::MAX)).encode();
        assert!(NodeId::decode(&id).is_some());
        let user = Cursor {
            key: "user".to_owned(),
            id: i64::MAX,
        };
        assert_eq!(NodeId::decode(&ID(user.encode())), None);
    }
}
