//! Telling a community's moderators of new cases and of crowds, in the channel that the community chose: choosing it, the
//! words, and the jobs that post them.
//!
//! Invariants: a post and the note that it was made are one transaction, so that a job that runs twice posts once; nobody is
//! pinged. Must never post into a channel that is not of a server of the community, or where everybody reads.

use std::sync::Arc;

use bots::{BotsError, Case, CrowdTold, Level, ModeratorChannel, TELL_BURST_JOB, TELL_JOB, Untold};
use delivery::{NewDelivery, Priority};
use identity::Connection;
use kernel::{
    Act, Actor, Address, Button, CommunityId, Draft, Medium, Mentions, Order, Permission, Platform,
    ServerId,
};
use store::{
    Reach,
    job::{Claimed, Handler, Outcome},
};

use crate::{App, AppError, connect::patiently};

/// Who posts.
const WHO: Actor = Actor::System("bots.moderators");
/// What is a day old is seen in the dashboard.
const WORTH: std::time::Duration = std::time::Duration::from_secs(86_400);

/// A channel that somebody chooses for moderators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenChannel {
    /// On which of the community's servers.
    pub server: ServerId,
    /// In which of its channels, by the platform's id.
    pub channel: String,
    /// From which level on.
    pub least: Level,
}

/// Tells of cases that wait.
pub(crate) struct Telling(pub(crate) Arc<App>);

/// Tells of one crowd.
pub(crate) struct TellingCrowd(pub(crate) Arc<App>);

#[async_trait::async_trait]
impl Handler for Telling {
    fn kind(&self) -> &'static str {
        TELL_JOB
    }

    async fn run(&self, _job: &Claimed) -> Outcome {
        match self.0.tell_of_cases().await {
            Ok(()) => Outcome::Done,
            Err(error) => Outcome::retry(error.to_string()),
        }
    }
}

#[async_trait::async_trait]
impl Handler for TellingCrowd {
    fn kind(&self) -> &'static str {
        TELL_BURST_JOB
    }

    async fn run(&self, job: &Claimed) -> Outcome {
        let Some(crowd) = CrowdTold::read(&job.payload) else {
            return Outcome::fail("the job names no crowd");
        };
        let key = format!("bots.burst:{}", job.id);
        match self.0.tell_of_crowd(&crowd, key).await {
            Ok(()) => Outcome::Done,
            Err(error) => Outcome::retry(error.to_string()),
        }
    }
}

/// Whether a platform has channels in which moderators are among themselves.
pub const fn has_private_channels(platform: Platform) -> bool {
    matches!(platform, Platform::Discord | Platform::Slack)
}

fn invalid(field: &'static str, message: &str) -> AppError {
    AppError::Bots(BotsError::Invalid {
        field,
        message: message.to_owned(),
    })
}

impl App {
    /// Chooses the channel in which moderators are told of new cases; `None` = nowhere. The platform is asked whether the
    /// channel is the server's. A channel that is new is told so, at once.
    pub async fn choose_bot_channel(
        &self,
        actor: &Actor,
        community: CommunityId,
        wanted: Option<ChosenChannel>,
    ) -> Result<(), AppError> {
        actor
            .require(Permission::ManageCommunity, community)
            .map_err(BotsError::from)?;
        let Some(wanted) = wanted else {
            self.bots.choose_channel(actor, community, None).await?;
            return Ok(());
        };
        let connection = self.connection_to(community, wanted.server).await?;
        let connection = connection.ok_or_else(|| {
            invalid(
                "server_id",
                "there is no such server that this community is connected to",
            )
        })?;
        if !has_private_channels(connection.platform) {
            return Err(invalid(
                "server_id",
                "everybody reads along there: choose a channel on Discord or Slack",
            ));
        }
        let (connector, grant) = self.grant_of(&connection).await?;
        let offered = patiently(connector.channels(&grant)).await?;
        let found = offered.into_iter().find(|one| one.id == wanted.channel);
        let channel = found.ok_or_else(|| invalid("channel", "the server has no such channel"))?;
        // Slack lets nobody speak in a channel they have not joined.
        patiently(connector.enter(&grant, &channel.id)).await?;
        let chosen = ModeratorChannel {
            server: wanted.server,
            channel,
            least: wanted.least,
        };
        let is_elsewhere = self
            .bots
            .choose_channel(actor, community, Some(&chosen))
            .await?;
        if is_elsewhere {
            let key = format!("bots.channel:{}", self.clock.now().0);
            let page = self.address_of(community, "bots/settings").await?;
            let post = new(
                community,
                key,
                &connection,
                &chosen,
                greeting(&chosen, page),
            );
            self.deliveries.post(&WHO, post?).await?;
        }
        Ok(())
    }

    /// Posts what waits to be told, in every community where it is time. One that cannot be told keeps no other waiting.
    async fn tell_of_cases(&self) -> Result<(), AppError> {
        let mut failed = None;
        for (community, channel) in self.bots.channels_to_tell().await? {
            match self.tell_in(community, &channel).await {
                Ok(0) => {}
                Ok(n) => {
                    tracing::info!(community.id = %community, n_cases = n, "told moderators of {n} cases");
                }
                Err(error) => {
                    tracing::warn!(community.id = %community, error = %error, "moderators could not be told of cases");
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Posts what waits in one community; answers of how many cases.
    async fn tell_in(
        &self,
        community: CommunityId,
        channel: &ModeratorChannel,
    ) -> Result<usize, AppError> {
        // Disconnected since: it goes on waiting.
        let Some(connection) = self.connection_to(community, channel.server).await? else {
            return Ok(0);
        };
        let begun = self.db.begin(&WHO, self.clock.now());
        let mut work = begun.await?.reaching(Reach::Nothing);
        let Some(untold) = self.bots.take_untold(&mut work, community).await? else {
            return Ok(0);
        };
        // Chosen anew since: the next run looks that server up.
        if untold.channel.server != channel.server {
            return Ok(0);
        }
        let page = match untold.cases.as_slice() {
            [case] if untold.n == 1 => format!("bots/cases/{}", case.id),
            _ => "bots/queue".to_owned(),
        };
        let page = self.address_of(community, &page).await?;
        let key = format!("bots.cases:{}", work.now().0);
        let post = new(
            community,
            key,
            &connection,
            &untold.channel,
            news(&untold, page),
        )?;
        let post = post.not_after(work.now().plus(WORTH));
        self.deliveries.post_in(&WHO, &mut work, post).await?;
        work.commit().await?;
        Ok(untold.n)
    }

    /// Posts that a crowd came; the same key again posts nothing.
    async fn tell_of_crowd(&self, crowd: &CrowdTold, key: String) -> Result<(), AppError> {
        let community = crowd.community;
        let Some(channel) = self.bots.channel_for_crowds(community).await? else {
            return Ok(());
        };
        let Some(connection) = self.connection_to(community, channel.server).await? else {
            return Ok(());
        };
        let page = self.address_of(community, "bots").await?;
        let post = new(community, key, &connection, &channel, alarm(crowd, page))?;
        let post = post.not_after(self.clock.now().plus(WORTH));
        self.deliveries.post(&WHO, post).await?;
        Ok(())
    }

    async fn connection_to(
        &self,
        community: CommunityId,
        server: ServerId,
    ) -> Result<Option<Connection>, AppError> {
        let all = self.identity.connections(&WHO, community).await?;
        Ok(all.into_iter().find(|one| one.server == server))
    }

    /// The address of a page of a community.
    async fn address_of(&self, community: CommunityId, page: &str) -> Result<String, AppError> {
        let found = self.identity.community(&WHO, community).await?;
        Ok(self.page_of(&found.ok_or(AppError::NotFound)?, page))
    }
}

fn new(
    community: CommunityId,
    key: String,
    connection: &Connection,
    channel: &ModeratorChannel,
    draft: Draft,
) -> Result<NewDelivery, AppError> {
    let order = Order {
        medium: Medium::of(connection.platform).ok_or(AppError::NotFound)?,
        address: Address::Channel {
            server: connection.platform_server_id.clone(),
            channel: channel.channel.id.clone(),
        },
        act: Act::Post,
        draft,
        reply_to: None,
        mentions: Mentions::Nobody,
        nonce: String::new(),
    };
    Ok(NewDelivery::new(community, key, Priority::Sync, order))
}

fn leading(title: String, body: String, label: &str, url: String) -> Draft {
    Draft {
        title: Some(title),
        body,
        buttons: vec![Button::Link {
            url,
            label: label.to_owned(),
        }],
        ..Draft::default()
    }
}

fn greeting(channel: &ModeratorChannel, page: String) -> Draft {
    let who = match channel.least {
        Level::Likely => "accounts that are likely bots",
        Level::Possible | Level::Unlikely => "accounts that are possibly bots",
    };
    leading(
        "Moderators are told here".to_owned(),
        format!(
            "From now on WaddleBot posts here when there are new cases of {who}, and when a crowd comes. Who reads along \
             reads names: let it be moderators only."
        ),
        "Settings",
        page,
    )
}

/// Somebody in one line: their name, where, and how sure the program is.
fn line(case: &Case) -> String {
    let sure = format!(
        "{} a bot ({} %)",
        match case.level {
            Level::Likely => "likely",
            Level::Possible => "possibly",
            Level::Unlikely => "hardly",
        },
        case.probability.confidence()
    );
    case.account.as_ref().map_or_else(
        || format!("an account that was erased: {sure}"),
        |account| {
            // A name is one line, whatever is in it.
            let name: String = account
                .username
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .collect();
            format!("{name} on {}: {sure}", account.platform.label())
        },
    )
}

fn news(untold: &Untold, page: String) -> Draft {
    let mut body: Vec<String> = untold.cases.iter().map(line).collect();
    if untold.n == 1 {
        body.extend(untold.why.iter().map(|sentence| format!("– {sentence}")));
        let title = "Somebody looks like a bot".to_owned();
        return leading(title, body.join("\n"), "Look at the case", page);
    }
    let more = untold.n.saturating_sub(untold.cases.len());
    if more > 0 {
        body.push(format!("… and {more} more"));
    }
    let title = format!("{} new cases wait", untold.n);
    leading(title, body.join("\n"), "Look at the queue", page)
}

fn alarm(crowd: &CrowdTold, page: String) -> Draft {
    let (n, usual) = (crowd.newcomers, crowd.usual);
    let usually = format!("usually it is {usual}");
    let (title, came) = match crowd.crowd.as_str() {
        "follows" => (
            "Many new followers at once",
            format!("{n} accounts that were never seen followed within ten minutes; {usually}."),
        ),
        "joins" => (
            "Many joined at once",
            format!("{n} accounts that were never seen joined within ten minutes; {usually}."),
        ),
        "raid" => (
            "A raid",
            format!(
                "Another channel sent {n} viewers; within ten minutes {usual} newcomers are usual."
            ),
        ),
        _ => (
            "Many newcomers at once",
            format!("{n} newcomers came within ten minutes; {usually}."),
        ),
    };
    let body = format!(
        "{came} For an hour newcomers are looked at sooner. Most of those who come with a crowd are people."
    );
    leading(title.to_owned(), body, "Look at the overview", page)
}

#[cfg(test)]
mod tests {
    use super::{alarm, has_private_channels};
    use bots::CrowdTold;
    use kernel::{CommunityId, Platform};

    #[test]
    fn each_crowd_is_told_in_its_own_words() {
        let of = |crowd: &str| {
            let crowd = CrowdTold {
                community: CommunityId(1),
                crowd: crowd.to_owned(),
                newcomers: 40,
                usual: 2,
            };
            alarm(&crowd, String::new())
        };
        let all = ["newcomers", "follows", "joins", "raid"].map(of);
        for draft in &all {
            assert!(
                draft.body.contains("40") && draft.body.contains('2'),
                "{draft:?}"
            );
        }
        let mut titles: Vec<_> = all.into_iter().map(|draft| draft.title).collect();
        titles.dedup();
        assert_eq!(titles.len(), 4);
    }

    #[test]
    fn nobody_accuses_where_everybody_reads() {
        let fit = Platform::ALL
            .into_iter()
            .filter(|one| has_private_channels(*one));
        assert_eq!(
            fit.collect::<Vec<_>>(),
            [Platform::Discord, Platform::Slack]
        );
    }
}
