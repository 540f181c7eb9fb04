//! The recurring work of webhooks, and telling a community's people by mail that one was switched
//! off. Must never put an address of a receiver into a mail: only its site.

use delivery::{NewDelivery, Priority};
use kernel::{Act, Actor, Address, Button, Draft, Medium, Mentions, Order};
use webhook::SwitchedOff;

use crate::{App, AppError};

/// Who acts.
const ACTOR: Actor = Actor::System("webhooks");

impl App {
    /// Tends webhooks and tells about those that were switched off. Run by a job.
    pub async fn tend_webhooks(&self) -> Result<webhook::Tended, AppError> {
        let tended = self.webhooks.tend().await?;
        for off in self.webhooks.untold().await? {
            self.tell_switched_off(&off).await?;
            self.webhooks.told(off.id).await?;
        }
        Ok(tended)
    }

    /// Queues a mail to everybody who manages the community; the same once for each time.
    async fn tell_switched_off(&self, off: &SwitchedOff) -> Result<(), AppError> {
        let community = self.identity.community(&ACTOR, off.community).await?;
        let Some(community) = community else {
            return Ok(());
        };
        let page = format!(
            "{}/c/{}/settings/webhooks/{}",
            self.public_url, community.slug, off.id
        );
        let draft = Draft {
            title: Some(format!("A webhook of {} was switched off", community.name)),
            body: format!(
                "Events of {} are not sent to {} any more: {}.\n\nPut the receiver right, then let the webhook go on from its page. What failed can be sent again there.",
                community.name,
                off.site,
                off.reason.sentence()
            ),
            buttons: vec![Button::Link {
                label: "Open the webhook".to_owned(),
                url: page,
            }],
            ..Draft::default()
        };
        let mut letters = Vec::new();
        for (user, to) in self.identity.manager_mail(off.community).await? {
            let order = Order {
                medium: Medium::Email,
                address: Address::Mailbox { to },
                act: Act::Post,
                draft: draft.clone(),
                reply_to: None,
                mentions: Mentions::Nobody,
                nonce: String::new(),
            };
            let key = format!("webhook-off:{}:{}:{user}", off.id, off.at.0);
            letters.push(NewDelivery::new(off.community, key, Priority::Sync, order));
        }
        self.deliveries.post_many(&ACTOR, letters).await?;
        Ok(())
    }
}
